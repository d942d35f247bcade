// Requests at a constant rate, whatever the answers do.
import http from "k6/http";

const plan = JSON.parse(__ENV.LOAD);

export const options = {
  scenarios: {
    load: {
      executor: "constant-arrival-rate", // an open model: no request waits for an answer
      rate: plan.rate_per_second,
      timeUnit: "1s",
      duration: `${plan.seconds}s`,
      preAllocatedVUs: plan.at_once,
      maxVUs: plan.at_once,
      gracefulStop: `${plan.timeout_seconds + 1}s`,
    },
  },
  discardResponseBodies: true,
  dns: { ttl: "0" }, // a name may move to another container at any time
};
const request = {
  timeout: `${plan.timeout_seconds}s`,
  headers: plan.body === null ? {} : { "Content-Type": "application/json" },
};

export default function () {
  http.request(plan.method, plan.url, plan.body, request);
}

export function handleSummary() {
  return {}; // no summary
}
