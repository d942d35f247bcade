"""The files that the stack needs on this machine: the secrets, and the variables that compose.yaml asks for."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import yaml

from workshop_kit.errors import WorkshopError

MARK = "# Written by ./workshop setup: change compose.yaml, not this file."
SECRETS = (
    "master_db_password",
    "redis_password",
    "replication_password",
    "monitoring_password",
    "parameter_store_key",
    "collector_key",
)


def with_what_they_need(compose: Path, services: Iterable[str]) -> set[str]:
    """Return these services and all that they depend on, as compose.yaml has it."""
    described = yaml.safe_load(compose.read_text(encoding="utf-8"))["services"]
    found: set[str] = set()
    waiting = list(services)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += described.get(name, {}).get("depends_on", ())
    return found


def write_secrets(folder: Path) -> None:
    """Make each secret that is not there yet: 32 random characters in a file that containers can read.

    The folder is closed to other users of the machine, so the files in it may be readable: a container's user has
    another uid than their owner, and compose's file secrets keep the host's mode.
    """
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        for name in SECRETS:
            path = folder / name
            if not path.exists() or not path.read_bytes().strip():
                path.unlink(missing_ok=True)
                path.write_text(secrets.token_urlsafe(24))
            path.chmod(0o444)


def write_variables(path: Path, variables: Mapping[str, str]) -> bool:
    """Write an env file for docker compose, if it differs; False if a file that is not ours is there (it stays)."""
    text = "\n".join([MARK, *(f"{key}={_quoted(value)}" for key, value in variables.items())]) + "\n"
    with _explained(path):
        if path.exists():
            there = path.read_text()
            if there == text:
                return True
            if not there.startswith(MARK):
                return False
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        temporary.write_text(text)
        temporary.replace(path)
    return True


def _quoted(value: str) -> str:
    """A value as docker compose reads it back: plain where that is safe, else quoted with its escapes."""
    if re.fullmatch(r"[\w./:@-]*", value):
        return value
    escaped = re.sub(r'([\\"$])', r"\\\1", value)
    return f'"{escaped}"'


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """An OSError on this path becomes one sentence."""
    try:
        yield
    except OSError as error:
        raise WorkshopError(
            f"{path} cannot be written: {error.strerror}.", "Free some space or mend the folder's permissions."
        ) from error
