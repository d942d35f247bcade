"""Start one of the programs of this image; the first argument names it, further arguments are passed to it.

The exporters' passwords come from files (``NAME_FILE``) and appear in no environment variable and no argument: the
one for MariaDB is copied to a file in memory that only the program has open, the one for Redis the exporter reads.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PROGRAMS = "/usr/local/bin"
SETTINGS = "/etc/workshop"
RECEIVER = "/usr/local/lib/workshop/receiver.py"


class Role(NamedTuple):
    """One program: its port, its health path, its arguments, and Go's memory limit."""

    program: str
    port: int
    healthy: str
    arguments: tuple[str, ...]
    memory_mib: int = 12


ROLES = {
    "prometheus": Role(
        "prometheus",
        9090,
        "/-/ready",
        (
            f"--config.file={SETTINGS}/prometheus.yml",
            "--scrape.discovery-reload-interval=1s",  # a new job is scraped soon
            "--storage.tsdb.path=/tmp/prometheus",
            "--storage.tsdb.retention.time=6h",
            "--storage.tsdb.wal-segment-size=10MB",
            "--rules.alert.resend-delay=5s",  # an alert without its rule ends after four of these
            "--web.listen-address=:9090",
            "--web.enable-lifecycle",  # POST /-/reload
            "--log.format=json",
            "--log.level=warn",
        ),
        memory_mib=64,
    ),
    "alertmanager": Role(
        "prometheus-alertmanager",
        9093,
        "/-/ready",
        (
            f"--config.file={SETTINGS}/alertmanager.yml",
            "--storage.path=/tmp/alertmanager",
            "--cluster.listen-address=",  # it is alone
            "--web.listen-address=:9093",
            "--log.format=json",
            "--log.level=warn",
        ),
    ),
    "blackbox": Role(
        "prometheus-blackbox-exporter",
        9115,
        "/-/healthy",
        (
            f"--config.file={SETTINGS}/blackbox.yml",
            "--timeout-offset=0.1",  # the default of half a second is too long here
            "--web.listen-address=:9115",
            "--log.format=json",
            "--log.level=warn",
        ),
    ),
    "mysqld": Role(
        "prometheus-mysqld-exporter",
        9104,
        "/",
        ("--web.listen-address=:9104", "--log.format=json", "--log.level=warn"),
    ),
    "redis": Role(
        "prometheus-redis-exporter",
        9121,
        "/health",
        (
            "--web.listen-address=:9121",
            "--log-format=json",
            # Its user may run INFO only.
            "--set-client-name=false",
            "--config-command=-",
            "--exclude-latency-histogram-metrics",
        ),
    ),
    "receiver": Role("", 9099, "/", ()),
}


class StartError(Exception):
    """A mistake in the container's settings, told in one sentence."""


def secret(environment: Mapping[str, str], variable: str) -> str:
    """Return the secret in the file that a variable names, without its final line end."""
    path = environment.get(variable, "")
    if not path:
        raise StartError(f"{variable} is not set: give it in the container's environment.")
    try:
        value = Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise StartError(
            f"{variable} names {path}, which cannot be read ({reason}): mount a file that user {os.getuid()} can read."
        ) from None
    if not value:
        raise StartError(f"{variable} names an empty file: write the secret into it.")
    return value


def in_memory(text: str) -> str:
    """Return the path of an in-memory file, readable by this process and the program that replaces it."""
    descriptor = os.memfd_create("settings", 0)
    os.write(descriptor, text.encode())
    return f"/proc/self/fd/{descriptor}"


def for_mysqld(environment: Mapping[str, str]) -> list[str]:
    """Return the exporter's arguments to query any MariaDB as one user."""
    password = secret(environment, "MONITORING_PASSWORD_FILE")
    if "`" in password or "\n" in password:
        raise StartError("MONITORING_PASSWORD_FILE holds a backtick or a line end, which the exporter cannot read.")
    settings = f"[client]\nuser = monitoring\npassword = `{password}`\n"
    return [f"--config.my-cnf={in_memory(settings)}"]


def for_redis(environment: Mapping[str, str]) -> list[str]:
    """Return the exporter's arguments to query Redis."""
    address = environment.get("REDIS_ADDRESS", "")
    if not address:
        raise StartError("REDIS_ADDRESS is not set: give it in the container's environment, like redis:6379.")
    passwords = {f"redis://monitoring@{address}": secret(environment, "MONITORING_PASSWORD_FILE")}
    return [
        f"--redis.addr=redis://{address}",
        "--redis.user=monitoring",
        f"--redis.password-file={in_memory(json.dumps(passwords))}",
    ]


def health() -> None:
    """Exit 0 if the program of this container is healthy, else 1 with one sentence."""
    words = Path("/proc/1/cmdline").read_text().split("\0")
    name = next(word for word in words if word in ROLES)
    role = ROLES[name]
    try:
        with socket.create_connection(("127.0.0.1", role.port), timeout=2) as asker:
            asker.sendall(f"GET {role.healthy} HTTP/1.0\r\n\r\n".encode())
            status = asker.makefile("rb").readline().split()[1:2]
    except OSError as error:
        sys.exit(f"{name} does not answer: {error}")
    if status != [b"200"]:
        sys.exit(f"{name} does not say that it is well: {b''.join(status).decode()}")


def become(name: str, more: list[str]) -> None:
    """Replace this process by the program, with no environment but Go's memory limit."""
    role = ROLES[name]
    if name == "receiver":
        os.execve(sys.executable, ["python3", "-I", "-S", RECEIVER, name, *more], {"PYTHONUNBUFFERED": "1"})
    prepared = {"mysqld": for_mysqld, "redis": for_redis}
    arguments = prepared[name](os.environ) if name in prepared else []
    keep_to = {"GOMEMLIMIT": f"{role.memory_mib}MiB", "GOGC": "50", "GOMAXPROCS": "1"}
    os.execve(f"{PROGRAMS}/{role.program}", [name, *role.arguments, *arguments, *more], keep_to)


def main() -> None:
    """Start the program, or print one sentence with the mistake."""
    name, *more = sys.argv[1:] or [""]
    if name == "health":
        return health()
    if name not in ROLES:
        sys.exit(f"monitoring: there is no program {name!r}: name one of {', '.join(ROLES)}.")
    try:
        return become(name, more)
    except StartError as error:
        sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    main()
