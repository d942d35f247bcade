"""Start HAProxy for the instances on the command line: each a name or an address on the proxy's network.

Environment: CHECK_INTERVAL and CHECK_FALL (how often /readyz is asked, and after how many bad answers an instance is
out), RETRIES, and FAIL_OPEN (1: if no instance is ready, all are used; 0: customers get a 503).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

PROGRAM = "/usr/sbin/haproxy"
SETTINGS = Path("/etc/workshop/haproxy.cfg")
OWN = Path("/tmp/haproxy.cfg")  # noqa: S108  # of this container alone
PLACE = "    # INSTANCES\n"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
VARIABLE = re.compile(r'"\$\{(?P<name>\w+)-(?P<default>\w+)\}"')
VALUE = re.compile(r"[0-9]+[a-z]*")


def settings(common: str, names: list[str], environment: Mapping[str, str]) -> str:
    """Return HAProxy's settings for these instances, with the values that the environment has.

    Raises ValueError for an invalid name or value.
    """

    def value(variable: re.Match[str]) -> str:
        text = environment.get(variable["name"], variable["default"])
        if not VALUE.fullmatch(text):
            raise ValueError(f"{variable['name']}={text!r} is no number, and no number with a unit")
        return text

    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of an instance")
    servers = "".join(f"    server {name} {name}:8080\n" for name in names)
    return VARIABLE.sub(value, common.replace(PLACE, servers))


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit("name the instances to stand before: proxy service-1 service-2")
    try:
        OWN.write_text(settings(SETTINGS.read_text(), sys.argv[1:], os.environ))
    except ValueError as error:
        sys.exit(str(error))
    os.execv(PROGRAM, [PROGRAM, "-db", "-f", str(OWN)])  # -db: in the foreground
