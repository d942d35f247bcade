#!/bin/sh
# Healthy: the server answers, and the start-up SQL (user, rights, schema) of this very start ran to its end.
set -eu
finished=$(mariadb --user=health --connect-timeout=2 --skip-column-names --batch \
    --execute='SELECT COUNT(*) FROM workshop_start.finished')
if [ "$finished" = 0 ]; then
    echo "the server answers, but its start-up SQL did not run to the end: see the container's log" >&2
    exit 1
fi
