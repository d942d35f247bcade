#!/bin/sh
# The entry point of the dev container: start its engine as a seat does, wait until it answers, then run the command.
set -eu
log=/var/log/dockerd.log
/opt/workshop/images/seat/entrypoint.sh dockerd > "$log" 2>&1 &
engine=$!
# A dev container without its engine must still open: `./workshop doctor` says there what is wrong.
until docker version > /dev/null 2>&1 || ! kill -0 "$engine" 2> /dev/null; do sleep 0.2; done
exec "$@"
