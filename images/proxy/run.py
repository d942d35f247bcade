"""Start HAProxy for the instances on the command line: each a name or an address on the proxy's network."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

PROGRAM = "/usr/sbin/haproxy"
SETTINGS = Path("/etc/workshop/haproxy.cfg")
OWN = Path("/tmp/haproxy.cfg")  # noqa: S108  # of this container alone
PLACE = "    # INSTANCES\n"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def settings(common: str, names: list[str]) -> str:
    """Return HAProxy's settings for these instances. Raises ValueError for an invalid name."""
    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a name of an instance")
    return common.replace(PLACE, "".join(f"    server {name} {name}:8080\n" for name in names))


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit("name the instances to stand before: proxy service-1 service-2")
    try:
        OWN.write_text(settings(SETTINGS.read_text(), sys.argv[1:]))
    except ValueError as error:
        sys.exit(str(error))
    os.execv(PROGRAM, [PROGRAM, "-db", "-f", str(OWN)])  # -db: in the foreground
