#!/bin/sh
# The command of a container that has something to do before the service starts.
echo "my-service starts"
exec uvicorn --factory app:create --host 0.0.0.0 --port 8080 --timeout-graceful-shutdown 0
