# Which requests failed? docker logs SERVICE 2>&1 | jq -R -r -f find.jq
# With -R jq gets every line as a text, whatever it is; with -r it writes texts without quotes.
(fromjson? // empty) | select(type == "object" and (.status | type) == "number" and .status >= 500)
| select(.request_id | type == "string") | .request_id
