# Which requests failed? docker logs SERVICE 2>&1 | jq -R -r -f find.jq
# With -R jq gets every line as a text, whatever it is; with -r it writes texts without quotes.
fromjson | select(.status >= 500) | .request_id
