"""The settings of three environments, as the store holds them: the stack's, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from pydantic import SecretStr

from workshop_kit.engine.stack import Stack
from workshop_kit.engine.store import Settings

GROUPS = ("MASTER_DB", "REPLICA_DB", "REDIS", "HTTP", "HEALTH", "LOG")
PORT = "http/port"
DIFFERENCES: Mapping[str, Settings] = {
    "production": {PORT: "8080", "log/level": "info", "http/drain_seconds": "1"},
    "staging": {PORT: "8081", "log/level": "debug", "http/drain_seconds": "0"},
    "qa": {PORT: "8082", "log/level": "debug", "http/drain_seconds": "0", "master_db/sql_mode": "TRADITIONAL"},
}
"""What each environment has of its own; the rest is as in the stack."""


def settings_of(stack: Stack) -> dict[str, str | SecretStr]:
    """Return the settings of the stack's service, by ``group/name``; what it reads from files is secret."""
    found: dict[str, str | SecretStr] = {}
    for pair in stack.container("service").attrs["Config"]["Env"]:
        variable, _, value = pair.partition("=")
        plain = variable.removesuffix("_FILE")
        for group in GROUPS:
            if plain.startswith(f"{group}_"):
                name = f"{group}/{plain.removeprefix(f'{group}_')}".lower()
                secret = stack.folder / "secrets" / PurePosixPath(value).name
                found[name] = value if plain == variable else SecretStr(secret.read_text().removesuffix("\n"))
    return found


def three(stack: Stack) -> dict[str, dict[str, str | SecretStr]]:
    """Return the settings of production, staging and qa, ready to be seeded."""
    shared = settings_of(stack)
    return {environment: {**shared, **own} for environment, own in DIFFERENCES.items()}


def variable(name: str) -> str:
    """Return the environment variable of a parameter.

    >>> variable("master_db/sql_mode")
    'MASTER_DB_SQL_MODE'
    """
    return name.replace("/", "_").upper()
