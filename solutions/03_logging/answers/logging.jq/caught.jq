try (fromjson | select(.status >= 500) | .request_id) catch empty
