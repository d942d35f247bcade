"""From answers to states: the status decides, the body tells warn from pass, and a silent service accuses nobody."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from workshop_kit.observe.http import Answer
from workshop_kit.observe.watch.scraper import of_dependencies, of_probe

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def answer(status: int | None, body: Any = None, error: str = "") -> Answer:
    """What came back."""
    return Answer(status, 0.0123, json.dumps(body), error=error)


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, {"status": "pass"}, "pass"),
        (200, {"status": "warn"}, "warn"),
        (200, "I am fine!", "pass"),
        (200, {"status": "fail"}, "pass"),
        (503, {"status": "pass"}, "fail"),
        (404, "Not Found", "fail"),
        (None, None, "no answer"),
    ],
)
def test_the_status_decides(status: int | None, body: Any, state: str) -> None:
    """As it does for an orchestrator, which does not read."""
    assert of_probe(answer(status, body), "/health", "service", NOON).state == state


def test_a_body_that_contradicts_its_status_is_quoted() -> None:
    """The slip with the missing return: fail in the body, 200 on the door. Control characters do not come through."""
    row = of_probe(answer(200, {"status": "fail", "output": "no answer from redis\x1b[31m"}), "/health", "s", NOON)
    assert row.detail == "says fail with 200. no answer from redis\\x1b[31m"
    assert of_probe(answer(None, None, "connection refused"), "/livez", "s", NOON).detail == "connection refused"


@pytest.mark.parametrize(
    "body", [None, "text", [], {"checks": []}, {"checks": {"a": [7]}}, {"checks": {"a": [{"status": {}}]}}]
)
def test_whatever_a_body_holds_is_survived(body: Any) -> None:
    """Learners write this endpoint, too."""
    assert list(of_dependencies(answer(200, body), {}, "service", NOON)) == []
