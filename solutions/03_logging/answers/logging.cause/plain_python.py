from collections import defaultdict
from statistics import median

columns = {"master-db": "master_db_ms", "replica-db": "replica_db_ms", "redis": "redis_ms"}
messages = {"cache not available": "redis", "replica not available": "replica-db"}
records = log.to_dict("records")


def number(value):
    """Return a number; 0 for a field that a line does not have."""
    return value if isinstance(value, int | float) and value == value else 0


usual = {name: median([number(one[column]) for one in records if number(one[column])] or [0]) for name, column in columns.items()}
suffered = defaultdict(list)
for one in records:
    if not isinstance(one["request_id"], str):
        continue
    for name, column in columns.items():
        waited = number(one[column]) > max(100, 4 * usual[name])
        named = name in (one["dependency"], messages.get(one["msg"]))
        if waited or named:
            suffered[name].append(one)

culprit = max(suffered, key=lambda name: len({one["request_id"] for one in suffered[name]}))
hit = suffered[culprit]
# The first one with at least four more within the next second.
first = next(one for one in hit if sum(0 <= (other["ts"] - one["ts"]).total_seconds() < 1 for other in hit) > 4)
task.hand_in({"dependency": culprit, "since": str(first["ts"]), "request_id": first["request_id"]})
