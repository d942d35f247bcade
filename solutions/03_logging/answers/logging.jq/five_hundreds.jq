fromjson? | objects | select((.status | numbers) >= 500 and .status < 600) | .request_id | strings
