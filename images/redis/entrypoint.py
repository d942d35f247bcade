"""Start Redis without leaving a secret anywhere.

Reads the password from the file that ``REDIS_PASSWORD_FILE`` names and becomes the server, which gets only the
password's hash, through its standard input: no environment variable, no argument, no file.
It is the password of the user that ``REDIS_USER`` names, ``default`` without it.
With ``REDIS_COLLEAGUE_PASSWORD`` a second user, ``colleague``, has the same rights: lesson 02 finds this password.
With ``REDIS_MONITORING_PASSWORD_FILE`` a user ``monitoring`` reads the server's status, and no key.
Arguments are passed to the server.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

SERVER = "/usr/bin/redis-server"
SETTINGS = "/usr/local/lib/workshop/cache.conf"
DEFAULT = "default"
COLLEAGUE = "colleague"
MONITORING = "monitoring"
HEALTH = "health"
USER_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class StartError(Exception):
    """A mistake in the container's settings, told in one sentence."""


def password(environment: Mapping[str, str], variable: str = "REDIS_PASSWORD_FILE") -> str:
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


def user_name(environment: Mapping[str, str]) -> str:
    """Return the name of the service's user."""
    name = environment.get("REDIS_USER", DEFAULT)
    if not USER_NAME.fullmatch(name):
        raise StartError("REDIS_USER is no name: 1 to 64 letters, digits, _ and -.")

    taken = [HEALTH, MONITORING]
    if "REDIS_COLLEAGUE_PASSWORD" in environment:
        taken.append(COLLEAGUE)
    if name in taken:
        raise StartError(f"REDIS_USER is {name}, a user that the server has already: choose another name.")
    return name


def users(secret: str, monitoring: str | None = None, colleague: str | None = None, name: str = DEFAULT) -> str:
    """Return the configuration of users: the service, the health check (PING only), the monitoring (INFO only)."""
    lines = [service_user(name, secret), f"user {HEALTH} on nopass resetkeys resetchannels -@all +ping"]
    if name != DEFAULT:
        lines.append(f"user {DEFAULT} off resetpass")  # otherwise it is open to everybody
    if colleague is not None:
        lines.append(service_user(COLLEAGUE, colleague))
    if monitoring is not None:
        lines.append(f"user {MONITORING} on #{hashed(monitoring)} resetkeys resetchannels -@all +ping +info")
    return "\n".join([*lines, ""])


def service_user(name: str, password: str) -> str:
    """Return a user that may use the cache but not administer the server."""
    return f"user {name} on #{hashed(password)} ~* &* +@all -@admin -@dangerous +info"


def hashed(password: str) -> str:
    """Return Redis' hash of a password."""
    return hashlib.sha256(password.encode()).hexdigest()


def main() -> None:
    """Prepare, then become the server with an empty environment."""
    try:
        watched = "REDIS_MONITORING_PASSWORD_FILE" in os.environ
        monitoring = password(os.environ, "REDIS_MONITORING_PASSWORD_FILE") if watched else None
        colleague = os.environ.get("REDIS_COLLEAGUE_PASSWORD")
        configuration = users(password(os.environ), monitoring, colleague, user_name(os.environ))
    except StartError as error:
        sys.exit(f"redis: {error}")
    reader, writer = os.pipe()
    os.write(writer, configuration.encode())
    os.close(writer)
    os.dup2(reader, sys.stdin.fileno())
    os.execve(SERVER, ["redis-server", SETTINGS, *sys.argv[1:], "-"], {})


if __name__ == "__main__":
    main()
