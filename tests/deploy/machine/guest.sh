#!/bin/bash
# In the guest: start the engine as its users do with systemd, and run the commands of the kit.
mapfile -t words < /machine/words
rm -f /etc/containers/containers.conf # it is for machines without systemd
ip link set lo up
cd /opt/container-design-workshop || exit
if [ "${words[0]}" = podman ]; then
    export DOCKER_HOST=unix:///run/podman/podman.sock HOME=/root
    systemctl start podman.socket
    as_user=()
elif [ "${words[0]}" = rootful ]; then
    export HOME=/root
    systemctl start docker
    as_user=()
else
    export XDG_RUNTIME_DIR=/run/user/1000 HOME=/home/ann USER=ann
    export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus
    as_user=(setpriv --reuid ann --regid ann --init-groups)
    # On a busy machine the user's systemd may not have started in time.
    until "${as_user[@]}" systemd-run --user --unit=docker --property=Delegate=yes \
        sh /usr/share/docker.io/contrib/dockerd-rootless.sh; do
        systemctl start user@1000.service
        sleep 1
    done
fi
until docker version > /dev/null 2>&1; do sleep 1; done
echo "== agent"
"${as_user[@]}" /engines/agent.sh
for command in "${words[@]:1}"; do
    echo "== $command, $(cut -d' ' -f1 /proc/uptime) s"
    # shellcheck disable=SC2086  # the words of the command
    "${as_user[@]}" env WORKSHOP_PATIENCE=15 WORKSHOP_WORKSPACE=/work ./workshop ${command//,/ } 2>&1
    echo "exit code $?"
    # What a jump brought is nobody's answer. A comment of one's own makes it one.
    if [ "${command%%,*}" = goto ]; then
        "${as_user[@]}" sed -i '/mem_limit:/s/$/ # mine/' /work/my_service/compose.yaml
    fi
done
