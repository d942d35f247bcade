"""Start Redis without leaving a secret anywhere.

Reads the password from the file that ``REDIS_PASSWORD_FILE`` names and becomes the server, which gets only
the password's hash, through its standard input: no environment variable, no argument, no file.
Arguments are passed on to the server.
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
    """Something the person who starts the container can put right; the message is one sentence."""


def password(environment: Mapping[str, str]) -> str:
    """Return the secret in the file that ``REDIS_PASSWORD_FILE`` names, without its line end."""
    path = environment.get("REDIS_PASSWORD_FILE", "")
    if not path:
        raise StartError("REDIS_PASSWORD_FILE is not set: give it in the container's environment.")
    try:
        value = Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise StartError(
            f"REDIS_PASSWORD_FILE names {path}, which cannot be read ({reason}): "
            f"mount a file that user {os.getuid()} can read."
        ) from None
    if not value:
        raise StartError("REDIS_PASSWORD_FILE names an empty file: write the secret into it.")
    return value


def users(secret: str) -> str:
    """Return the users as configuration: the service, and a health check that may only say PING."""
    hashed = hashlib.sha256(secret.encode()).hexdigest()
    return (
        f"user default on #{hashed} ~* &* +@all -@admin -@dangerous +info\n"
        "user health on nopass resetkeys resetchannels -@all +ping\n"
    )


def main() -> None:
    """Prepare, then become the server, with an empty environment."""
    try:
        configuration = users(password(os.environ))
    except StartError as error:
        sys.exit(f"redis: {error}")
    reader, writer = os.pipe()
    os.write(writer, configuration.encode())
    os.close(writer)
    os.dup2(reader, sys.stdin.fileno())
    os.execve(SERVER, ["redis-server", SETTINGS, *sys.argv[1:], "-"], {})


if __name__ == "__main__":
    main()
