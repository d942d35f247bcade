#!/bin/sh
# The command of a container that has something to do before the service starts.
echo "my-service starts"
# region container.graceful
uvicorn app:app --host 0.0.0.0 --port 8080
# endregion container.graceful
