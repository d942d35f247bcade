"""The exercises that lesson 03 has in the notebook itself; each region is one cell."""

from workshop_kit.learn.exercise.log_subjects import incident_log
from workshop_kit.learn.lesson import lesson

w = lesson("03_logging")
task = w.exercise("logging.cause")
log = incident_log(w.stack, task.given["incident"])
# region logging.cause
#: only the starter
#| # The first line that is a warning, or worse: it must be that.
#| first = log[log.level.isin(["warning", "error", "critical"])].iloc[0]
#| says = {"cache not available": "redis", "replica not available": "replica-db"}
#| dependency = says.get(first.msg, "master-db")
#| task.hand_in({"dependency": dependency, "since": str(first.ts), "request_id": first.request_id})
#: only the solution
took = {"master-db": log.master_db_ms, "replica-db": log.replica_db_ms, "redis": log.redis_ms}
says = {"cache not available": "redis", "replica not available": "replica-db"}
named = log.dependency.fillna(log.msg.map(says))
suffered = {}
for dependency, milliseconds in took.items():
    slow = milliseconds > max(50, 10 * milliseconds.median())
    suffered[dependency] = log[(slow | (named == dependency)).fillna(False) & log.request_id.notna()]
culprit = max(suffered, key=lambda dependency: suffered[dependency].request_id.nunique())
first = suffered[culprit].iloc[0]
task.hand_in({"dependency": culprit, "since": str(first.ts), "request_id": first.request_id})
# endregion logging.cause
