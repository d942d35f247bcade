"""How the desk grades a line of the log."""

from __future__ import annotations

from typing import Any

import pytest

from workshop_kit.instructor.log_tail import grade

REQUEST = {"level": "warning", "route": "/orders", "status": 503}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (REQUEST, "error"),
        (REQUEST | {"status": None}, "error"),
        (REQUEST | {"status": 404}, "warning"),
        (REQUEST | {"route": "/readyz"}, "warning"),
        ({"level": "info", "status": 201, "route": "/orders"}, "other"),
        ({"level": "CRITICAL"}, "error"),
        ({"level": "warn"}, "warning"),
        ({}, "other"),
        ({"level": {}, "status": "503"}, "other"),
        ({"level": 7, "status": 503, "route": {}}, "error"),
    ],
    ids=str,
)
def test_a_failed_request_is_an_error_whatever_its_level(fields: dict[str, Any], expected: str) -> None:
    """As in the metrics: status 500 and above, or none. Probes are not counted there; other lines have their level."""
    assert grade(fields) == expected
