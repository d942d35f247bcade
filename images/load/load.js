// Requests at a constant rate; a line for each: when it was due and how it ended.
import exec from "k6/execution";
import http from "k6/http";

const plan = JSON.parse(__ENV.LOAD);
const everyMs = 1000 / plan.rate_per_second;
const spare = Math.ceil(plan.rate_per_second / 4); // a late generator still sends the last requests

export const options = {
  scenarios: {
    load: {
      executor: "constant-arrival-rate", // an open model: no request waits for an answer
      rate: plan.rate_per_second,
      timeUnit: "1s",
      duration: `${Math.round(plan.seconds * 1000 + (spare - 0.5) * everyMs)}ms`,
      preAllocatedVUs: plan.at_once + spare,
      maxVUs: plan.at_once + spare,
      gracefulStop: `${plan.timeout_seconds + 1}s`,
    },
  },
  discardResponseBodies: true,
  dns: { ttl: "0" }, // a name may move to another container at any time
  summaryTrendStats: [],
};
const request = {
  timeout: `${plan.timeout_seconds}s`,
  headers: plan.body === null ? {} : { "Content-Type": "application/json" },
};

export default function () {
  if (exec.scenario.iterationInTest >= plan.rate_per_second * plan.seconds) return; // one of the spare ones
  const due = exec.scenario.startTime + exec.scenario.iterationInTest * everyMs;
  const sent = Date.now();
  const answer = http.request(plan.method, plan.url, plan.body, request);
  const waited = Date.now() - sent;
  // k6 measures finer than the clock here, but leaves out the time that connecting takes.
  const took = Math.abs(waited - answer.timings.duration) < 2 ? answer.timings.duration : waited;
  console.log(JSON.stringify({ due, late_ms: Math.max(0, sent - due), took_ms: took, status: answer.status, error: answer.error }));
}

export function handleSummary(data) {
  const dropped = data.metrics.dropped_iterations;
  return { stdout: JSON.stringify({ dropped: dropped ? dropped.values.count : 0 }) + "\n" };
}
