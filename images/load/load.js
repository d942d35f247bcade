// Requests at a constant rate, whatever the answers do.
import exec from "k6/execution";
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

export default function () {
  const request = plan.requests[exec.scenario.iterationInTest % plan.requests.length];
  const body = request.json === null ? null : JSON.stringify(request.json);
  http.request(request.method, request.url, body, {
    timeout: `${plan.timeout_seconds}s`,
    headers: body === null ? {} : { "Content-Type": "application/json" },
  });
}

export function handleSummary() {
  return {}; // no summary
}
