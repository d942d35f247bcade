// Requests at a constant rate, whatever becomes of them; a line for each: when it was due, what came of it.
import exec from "k6/execution";
import http from "k6/http";

const plan = JSON.parse(__ENV.LOAD);
const everyMs = 1000 / plan.rate_per_second;
const spare = Math.ceil(plan.rate_per_second / 4); // a generator that wakes late at the very end still sends the last one

export const options = {
  scenarios: {
    load: {
      executor: "constant-arrival-rate", // an open model: nobody waits for an answer before sending the next
      rate: plan.rate_per_second,
      timeUnit: "1s",
      duration: `${Math.round(plan.seconds * 1000 + (spare - 0.5) * everyMs)}ms`,
      preAllocatedVUs: plan.at_once + spare,
      maxVUs: plan.at_once + spare,
      gracefulStop: `${plan.timeout_seconds + 1}s`,
    },
  },
  discardResponseBodies: true,
  dns: { ttl: "0" }, // a name may mean another container from one moment to the next
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
