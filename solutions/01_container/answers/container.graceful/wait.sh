#!/bin/sh
# The command of a container that has something to do before the service starts.
echo "my-service starts"
uvicorn --factory app:create --host 0.0.0.0 --port 8080 --timeout-graceful-shutdown 3 &
service=$!
trap 'kill -TERM "$service"' TERM
wait "$service"
# The signal has ended the first wait, and not the service.
wait "$service"
exit 0
