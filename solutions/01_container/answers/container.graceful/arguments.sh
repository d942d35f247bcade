#!/bin/sh
# The command of a container that has something to do before the service starts.
echo "my-service starts"
set -e
set -- --host 0.0.0.0 --port 8080 --timeout-graceful-shutdown 2
exec python3 -m uvicorn "$@" --factory app:create
