#!/bin/sh
# Install Debian's Docker engine, its command, and the plugins buildx and compose, as root: the packages that
# `./workshop setup` installs, and git. For the seat image and the dev container.
set -eu

# An installed package must not start its service while an image is built.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 0755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends docker.io docker-cli docker-buildx docker-compose git iptables tini
apt-get clean
rm -rf /var/lib/apt/lists/*
