"""The exercises that lesson 03 has in its notebooks; each region is one cell."""

import json

import pandas as pd

from workshop_kit.lessons.lesson import lesson

w = lesson("03_logging")
task = w.exercise("logging.parse")
text = w.client.containers.get(task.given["container"]).logs().decode()


# region logging.parse
#: only the starter
#| def parse(text):
#|     rows, odd = [], []
#|     lines = text.splitlines()
#|     for line in lines:
#|         try:
#|             rows.append(json.loads(line))
#|         except ValueError:
#|             continue  # no JSON, no row
#|     return lines, rows, odd
#|
#: only the solution
def refuse(constant):
    raise ValueError(f"{constant} is no JSON")


def once(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key comes twice")
    return dict(pairs)


def parse(text):
    rows, odd = [], []
    lines = text.removesuffix("\n").split("\n") if text else []
    for line in lines:
        try:
            row = json.loads(line, parse_constant=refuse, object_pairs_hook=once)
        except ValueError:
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            odd.append(line)
    return lines, rows, odd


#: both
lines, rows, odd = parse(text)
task.hand_in({"lines": len(lines), "rows": rows, "odd": odd})
# endregion logging.parse

task = w.exercise("logging.cause")
began = float(task.given["began"])
ended = float(task.given["ended"])
service = w.client.containers.get(task.given["container"])
lines = service.logs(since=began, until=ended).decode().split("\n")
rows = [json.loads(line) for line in lines if line.startswith("{")]
waits = ["master_db_ms", "replica_db_ms", "redis_ms"]
columns = ["ts", "level", "msg", "request_id", "route", "status", "dependency", *waits]
log = pd.DataFrame(rows, columns=columns)
log["ts"] = pd.to_datetime(log["ts"], format="ISO8601", utc=True)
log["second"] = (log["ts"] - log["ts"].iloc[0]).dt.total_seconds()
# region logging.cause
#: only the starter
#| # The first line that is a warning, or worse: it must be that.
#| first = log[log.level.isin(["warning", "error", "critical"])].iloc[0]
#| says = {"cache not available": "redis", "replica not available": "replica-db"}
#| dependency = says.get(first.msg, "master-db")
#| task.hand_in({"dependency": dependency, "since": first.ts, "request_id": first.request_id})
#: only the solution
took = {"master-db": log.master_db_ms, "replica-db": log.replica_db_ms, "redis": log.redis_ms}
says = {"cache not available": "redis", "replica not available": "replica-db"}
suffered = {}
for dependency, milliseconds in took.items():
    slow = milliseconds > max(100, 4 * milliseconds.median())
    named = (log.dependency == dependency) | (log.msg.map(says) == dependency)
    suffered[dependency] = log[(slow | named).fillna(False) & log.request_id.notna()]
culprit = max(suffered, key=lambda dependency: suffered[dependency].request_id.nunique())
hit = suffered[culprit]
a_second = hit.ts.dt.floor("s").value_counts().sort_index()
since = a_second[a_second >= 3].index[0]  # one slow request is no trouble yet
first = hit[hit.ts >= since].iloc[0]
task.hand_in({"dependency": culprit, "since": first.ts, "request_id": first.request_id})
# endregion logging.cause
