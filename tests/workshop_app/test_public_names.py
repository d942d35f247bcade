"""The names that learners' own modules must offer do not change."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest

from workshop_app import config, health, logs

FROZEN: list[tuple[ModuleType, dict[str, str]]] = [
    (
        config,
        {
            "load": "(environ: collections.abc.Mapping[str, str]) -> workshop_app.config.Config",
            "ConfigError": "(problems: list[workshop_app.config.Problem]) -> None",
            "Problem": "(variable: str, purpose: str, wrong: str) -> None",
        },
    ),
    (
        logs,
        {
            "start": "(level: str = 'info') -> None",
            "set_level": "(level: str) -> None",
            "level": "() -> str",
            "get_logger": "(name: str) -> structlog.typing.FilteringBoundLogger",
            "request_context": "(**fields: Any) -> contextlib.AbstractContextManager[None]",
        },
    ),
    (
        health,
        {
            "live": "(_: starlette.requests.Request) -> starlette.responses.Response",
            "ready": "(request: starlette.requests.Request) -> starlette.responses.Response",
            "deep": "(request: starlette.requests.Request) -> starlette.responses.Response",
        },
    ),
]


@pytest.mark.parametrize(("module", "names"), FROZEN, ids=lambda value: getattr(value, "__name__", ""))
def test_frozen_names(module: ModuleType, names: dict[str, str]) -> None:
    """Each is there, takes what it took, and stands in the docstring that learners work from."""
    for name, signature in names.items():
        assert str(inspect.signature(getattr(module, name))) == signature
        assert f"``{name}" in (module.__doc__ or "")


def test_groups_of_the_configuration() -> None:
    """The rest of the service finds its settings under these names."""
    assert set(config.Config.model_fields) == {"master_db", "replica_db", "redis", "http", "health", "log"}
    assert {variable.variable for variable in config.VARIABLES if variable.default is None} == {
        *(
            f"{db}_DB_{n}"
            for db in ("MASTER", "REPLICA")
            for n in ("HOST", "PORT", "NAME", "USER", "PASSWORD", "SQL_MODE")
        ),
        *(f"REDIS_{name}" for name in ("HOST", "PORT", "PASSWORD")),
    }
