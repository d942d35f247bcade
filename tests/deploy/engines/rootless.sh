#!/bin/sh
# Run Docker's engine as an ordinary user, with Docker's own script; then run the command as this user, too.
set -eu
export HOME=/home/ann USER=ann XDG_RUNTIME_DIR=/run/user/1000 DOCKER_HOST=unix:///run/user/1000/docker.sock
mkdir -p "$XDG_RUNTIME_DIR"
chown ann:ann "$XDG_RUNTIME_DIR" "$HOME/.local" "$HOME/.local/share" "$HOME/.local/share/docker"
chmod 0666 /dev/net/tun /dev/fuse # as udev leaves them on a machine
as_ann() { exec setpriv --reuid ann --regid ann --init-groups "$@"; }
(as_ann sh /usr/share/docker.io/contrib/dockerd-rootless.sh > /tmp/rootless.log 2>&1) &
as_ann "$@"
