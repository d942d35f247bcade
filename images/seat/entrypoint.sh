#!/bin/sh
# The entry point of a seat: start its engine, load the workshop's images into it, then run the command.
#
#   dockerd [OPTION ...]  as the command: run the engine alone, as the sidecar of a seat in a cluster
#   DOCKER_HOST           names the engine that another container runs: start none here
set -eu
kit=$(unset CDPATH; cd -- "$(dirname -- "$0")/../.." && pwd)
log=/var/log/dockerd.log

prepare_engine() {
    # A killed engine leaves files with process numbers that others have by now.
    rm -f /run/docker.pid /run/docker/containerd/containerd.pid
    # cgroup v2: a cgroup with processes in it cannot pass its controllers on to the cgroups of containers.
    cgroups=/sys/fs/cgroup
    [ -f "$cgroups/cgroup.controllers" ] || return 0
    mkdir -p "$cgroups/init"
    while read -r process; do
        { echo "$process" > "$cgroups/init/cgroup.procs"; } 2> /dev/null || : # it has ended
    done < "$cgroups/cgroup.procs"
    read -r controllers < "$cgroups/cgroup.controllers"
    for controller in $controllers; do
        echo "+$controller" > "$cgroups/cgroup.subtree_control"
    done
}

wait_for_engine() {
    for _ in $(seq 600); do
        if docker version > /dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    if [ -f "$log" ]; then tail -n 5 "$log" >&2; fi
    echo "The engine of this seat did not answer within a minute." >&2
    exit 3
}

if [ "${1:-}" = dockerd ]; then
    prepare_engine
    exec "$@"
fi
if [ -z "${DOCKER_HOST:-}" ]; then
    prepare_engine
    dockerd > "$log" 2>&1 &
fi
wait_for_engine
"$kit/workshop" bundle load "$kit/bundle"
# A terminal opens in the workspace, and the lessons say ./workshop.
[ -e "$WORKSHOP_WORKSPACE/workshop" ] || ln -sfn "$kit/workshop" "$WORKSHOP_WORKSPACE/workshop"
exec "$@"
