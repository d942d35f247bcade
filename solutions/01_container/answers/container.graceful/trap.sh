#!/bin/sh
# The command of a container that has something to do before the service starts.
echo "my-service starts"
trap 'exit 0' TERM
uvicorn --factory app:create --host 0.0.0.0 --port 8080 &
wait
