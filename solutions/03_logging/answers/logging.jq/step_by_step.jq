(fromjson? // empty) | select(type == "object" and (.status | type) == "number" and .status >= 500)
| select(.request_id | type == "string") | .request_id
