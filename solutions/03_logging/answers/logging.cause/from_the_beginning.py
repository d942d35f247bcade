# Most warnings name it, so it has been so since the first line.
warnings = log[log.level == "warning"]
says = {"cache not available": "redis", "replica not available": "replica-db"}
dependency = warnings.msg.map(says).fillna("master-db").mode()[0]
task.hand_in({"dependency": dependency, "since": log.ts.iloc[0], "request_id": warnings.request_id.iloc[-1]})
