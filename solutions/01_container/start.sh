#!/bin/sh
# The command of a container that has something to do before the service starts.
echo "my-service starts"
# region container.graceful
#: only the solution
# exec: the service replaces the shell as process 1, so it gets SIGTERM itself
exec uvicorn app:app --host 0.0.0.0 --port 8080 --timeout-graceful-shutdown 3
#: only the starter
#| uvicorn app:app --host 0.0.0.0 --port 8080
#: both
# endregion container.graceful
