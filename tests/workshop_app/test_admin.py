"""The log level can be changed while the service runs, if HTTP_ADMIN is set."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.workshop_app.conftest import Answer, Service

Start = Callable[..., Service]
PATH = "/admin/log-level"


@pytest.fixture
def service(start_service: Start, environ: dict[str, str]) -> Service:
    """The service with HTTP_ADMIN=true."""
    running = start_service(environ | {"HTTP_ADMIN": "true"})
    running.wait_for("/livez", lambda answer: answer.status == 200)
    return running


def put(service: Service, body: str) -> Answer:
    """Set a level."""
    return service.ask(PATH, "PUT", body.encode(), {"Content-Type": "application/json"})


@pytest.mark.parametrize("path", [PATH, "/admin/faults", "/admin/faults/errors"])
def test_admin_paths_are_off_by_default(shared_service: Service, path: str) -> None:
    """Every client can reach the port, so by default no client may change the level or inject faults."""
    assert shared_service.ask(path).status == 404
    assert shared_service.ask(path, "PUT", b"{}").status == 404


def test_probes_are_seen_from_now_on_and_no_longer(service: Service) -> None:
    """GET and PUT use the field ``level``; debug shows probes and lines of libraries, info hides them again."""
    assert service.ask(PATH).json == {"level": "info"}
    for path, level in (("/livez", "debug"), ("/livez", "info"), ("/livez", "error")):
        assert service.ask(path).status == 200
        answer = put(service, json.dumps({"level": level}))
        assert (answer.status, answer.json) == (200, {"level": level})
        assert service.ask(PATH).json == {"level": level}
    service.stop()
    routes = [line["route"] for line in service.lines if line["msg"] == "request" and line["level"] == "debug"]
    assert routes.count("/livez") == 1  # the one that was asked while the level was debug
    changes = [(line["before"], line["after"]) for line in service.lines if line["msg"] == "log level changed"]
    assert changes == [("info", "debug"), ("debug", "info"), ("info", "error")]


def test_bad_levels_are_refused_in_a_sentence(service: Service) -> None:
    """The answer names the mistake, and the level does not change."""
    for body, status in (("{", 400), ("{}", 422), ('{"level": "loud"}', 422), ("x" * 20_000, 413)):
        answer = put(service, body)
        assert answer.status == status
        assert answer.json["error"].endswith(".")
    assert service.ask(PATH).json == {"level": "info"}
    assert service.ask(PATH, "POST", b'{"level": "debug"}').status == 405
