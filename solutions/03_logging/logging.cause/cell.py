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
