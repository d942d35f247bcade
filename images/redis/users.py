"""Start the shop's Redis without leaving a secret anywhere; its `command` in compose.yaml.

Reads the password from the file that ``REDIS_PASSWORD_FILE`` names and becomes the server, which gets only the
password's hash, through its standard input: no environment variable, no argument, no file.
``REDIS_SHOP_PASSWORD`` is a second password of the same user, ``default``: lesson 02 finds it.
With ``REDIS_MONITORING_PASSWORD_FILE`` a user ``monitoring`` reads the server's status, and no key.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

SERVER = "/usr/bin/redis-server"
SETTINGS = "/usr/local/lib/workshop/cache.conf"


class StartError(Exception):
    """A mistake in the container's settings, told in one sentence."""


def password(environment: Mapping[str, str], variable: str) -> str:
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


def users(environment: Mapping[str, str]) -> str:
    """Return the configuration of users: the service, which may not administer, and the monitoring (INFO only)."""
    hashes = hashed(password(environment, "REDIS_PASSWORD_FILE"))
    if known := environment.get("REDIS_SHOP_PASSWORD"):
        hashes += f" {hashed(known)}"
    lines = [f"user default on {hashes} ~* &* +@all -@admin -@dangerous +info"]
    if "REDIS_MONITORING_PASSWORD_FILE" in environment:
        monitoring = hashed(password(environment, "REDIS_MONITORING_PASSWORD_FILE"))
        lines.append(f"user monitoring on {monitoring} resetkeys resetchannels -@all +ping +info")
    return "\n".join([*lines, ""])


def hashed(password: str) -> str:
    """Return Redis' hash of a password, as a rule of a user."""
    return f"#{hashlib.sha256(password.encode()).hexdigest()}"


def main() -> None:
    """Prepare, then become the server with an empty environment."""
    try:
        configuration = users(os.environ)
    except StartError as error:
        sys.exit(f"redis: {error}")
    reader, writer = os.pipe()
    os.write(writer, configuration.encode())
    os.close(writer)
    os.dup2(reader, sys.stdin.fileno())
    os.execve(SERVER, ["redis-server", SETTINGS, "-"], {})


if __name__ == "__main__":
    main()
