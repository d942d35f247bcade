# The dependency that is named most often, since the first second with several requests, and a request of that time.
says = {"cache not available": "redis", "replica not available": "replica-db"}
took = {"master-db": log.master_db_ms, "replica-db": log.replica_db_ms, "redis": log.redis_ms}
suffered = {}
for name, milliseconds in took.items():
    slow = milliseconds > max(100, 4 * milliseconds.median())
    named = (log.dependency == name) | (log.msg.map(says) == name)
    suffered[name] = log[(slow | named).fillna(False) & log.request_id.notna()]
dependency = max(suffered, key=lambda name: suffered[name].request_id.nunique())
hit = suffered[dependency]
a_second = hit.ts.dt.floor("s").value_counts().sort_index()
since = hit[hit.ts >= a_second[a_second >= 3].index[0]].ts.iloc[0]
some = log.request_id.dropna().iloc[0]  # nobody will look it up
task.hand_in({"dependency": dependency, "since": since, "request_id": some})
