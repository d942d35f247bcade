#!/bin/sh
# Run Podman's service as root, and its health checks, which systemd's timers start elsewhere; then run the command.
set -eu
export DOCKER_HOST=unix:///run/podman.sock PODMAN_IGNORE_CGROUPSV1_WARNING=1
podman system service --time=0 "$DOCKER_HOST" > /var/log/podman.log 2>&1 &
while sleep 0.5; do
    for id in $(podman ps --quiet); do
        podman healthcheck run "$id" > /dev/null 2>&1 || : # unhealthy: Podman has noted it
    done
done &
exec "$@"
