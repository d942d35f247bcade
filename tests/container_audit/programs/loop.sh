#!/bin/sh
# A service of another kind: a shell that does something every second and says so. Its health check looks at its pulse.
trap 'echo "{\"ts\": \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\", \"level\": \"info\", \"msg\": \"stopped\"}"; exit 0' TERM
while true; do
    touch /tmp/pulse
    echo "{\"ts\": \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\", \"level\": \"info\", \"msg\": \"beat\"}"
    sleep 0.5 &
    wait
done
