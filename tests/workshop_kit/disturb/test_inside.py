"""Faults inside the service, asked for by the kit: felt by customers, not by probes, gone at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from workshop_kit.disturb.faults import fault, undo_all
from workshop_kit.disturb.inside import inside
from workshop_kit.disturb.journal import Journal
from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.spec import like
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def service(stack: Stack) -> Iterator[Running]:
    """The stack's service once more, with HTTP_FAULTS=true."""
    twin = stack.container("service")
    environment = dict(pair.split("=", 1) for pair in twin.attrs["Config"]["Env"]) | {"HTTP_FAULTS": "true"}
    with containers.run(stack.session, like(twin, environment=environment)) as running:
        running.wait_ready(within_seconds=60)
        yield running
    assert Journal(stack.session).entries() == []


@pytest.fixture
def http(service: Running) -> Iterator[httpx.Client]:
    """A customer of that service."""
    with httpx.Client(base_url=service.url(), trust_env=False, timeout=20) as client:
        yield client


def test_each_is_felt_and_undone(service: Running, http: httpx.Client) -> None:
    """Statuses while they are in force; the probe never sees them; afterwards an order number is simply unknown."""
    for name, status in (("errors", 500), ("refuse", 503)):
        with inside(name, service) as disturbance:
            assert http.get("/orders/first").status_code == status
            assert http.get("/livez").status_code == 200
            assert disturbance.ended is None
        assert disturbance.ended is not None
        assert disturbance.started < disturbance.ended
        assert (disturbance.fault, disturbance.parameters) == (f"inside.{name}", {"share": 1.0})
        assert http.get("/orders/first").status_code == 404
    with inside("latency", service, ms=400):
        started = time.monotonic()
        http.get("/orders/first")
        assert time.monotonic() - started >= 0.4


def test_the_newest_grade_holds_and_the_older_comes_back(service: Running) -> None:
    """Faults of one name nest; those from outside are in the same journal, and do not mind."""
    with inside("latency", service, ms=100):
        with inside("latency", service, ms=700), fault("limits", service, cpus=0.9):
            assert grade(service, "latency") == {"ms": 700, "share": 1}
            assert len(Journal(service.session).entries()) == 3
        assert grade(service, "latency") == {"ms": 100, "share": 1}
    assert grade(service, "latency") is None


def grade(service: Running, name: str) -> object:
    """What the service says is in force."""
    told = httpx.get(f"{service.url()}/admin/faults", trust_env=False).json()["faults"]
    return next(one["active"] for one in told if one["name"] == name)


def test_undone_by_an_error_and_by_whoever_comes_next(service: Running) -> None:
    """The journal knows of it, so nothing stays behind when a block does not end well."""
    with pytest.raises(ZeroDivisionError), inside("errors", service):
        _ = 1 / 0
    assert grade(service, "errors") is None
    block = inside("errors", service)
    block.__enter__()
    outcome = undo_all(service.session, spare_the_living=False)
    assert ([one.fault for one in outcome.undone], outcome.left) == (["inside.errors"], [])
    assert grade(service, "errors") is None
    block.__exit__(None, None, None)


def test_what_cannot_be_is_one_sentence(service: Running, stack: Stack) -> None:
    """HTTP_FAULTS is off; no such fault; a grade out of range; and nothing stays in the journal."""
    with (
        pytest.raises(WorkshopError, match=r"^service has no faults inside: .*HTTP_FAULTS=true"),
        inside("hang", stack),
    ):
        pass
    with pytest.raises(WrongUsage, match=r"no fault 'inside.error'; .*'inside.errors'\?"), inside("error", service):
        pass
    with pytest.raises(WrongUsage, match=r"from 0.01 to 1 of the requests, and 2"), inside("errors", service, share=2):
        pass
    assert Journal(service.session).entries() == []
