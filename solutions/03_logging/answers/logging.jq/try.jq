try (fromjson | select((.status | type) == "number" and .status >= 500) | .request_id | strings) catch empty
