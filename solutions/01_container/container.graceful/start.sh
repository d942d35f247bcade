#!/bin/sh
# The command of a container that has something to do before the service starts.
echo "my-service starts"
# exec: the service replaces the shell as process 1, so it gets SIGTERM itself
exec uvicorn --factory app:create --host 0.0.0.0 --port 8080 --timeout-graceful-shutdown 3
