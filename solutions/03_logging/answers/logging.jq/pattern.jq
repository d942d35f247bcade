# Which requests failed? docker logs SERVICE 2>&1 | jq -R -r -f find.jq
# With -R jq gets every line as a text, whatever it is; with -r it writes texts without quotes.
select(test("\"status\": ?5[0-9][0-9]")) | capture("\"request_id\": ?\"(?<id>[^\"]+)\"") | .id
