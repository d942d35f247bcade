select(test("\"status\": ?5[0-9][0-9]")) | capture("\"request_id\": ?\"(?<id>[^\"]+)\"") | .id
