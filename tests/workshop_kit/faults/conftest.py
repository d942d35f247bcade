"""A shop to disturb: orders go in from outside, and its containers are held against how they were before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from workshop_kit.engine.session import everyone
from workshop_kit.engine.stack import Stack
from workshop_kit.faults import active_fault
from workshop_kit.faults.active_fault import snapshot
from workshop_kit.faults.injection import revert_all
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.patience import wait_for

PATIENCE_SECONDS = 40.0
ORDER = {"item": "tea", "quantity": 1}


@dataclass(frozen=True)
class Shop:
    """The stack as its customers and its operator see it."""

    stack: Stack

    def get(self, path: str) -> Answer:
        """One request."""
        return http.get(self.stack.url() + path, timeout_seconds=10)

    def order(self) -> Answer:
        """Place an order."""
        return http.request("POST", self.stack.url() + "/orders", json_body=ORDER, timeout_seconds=10)

    def recovers(self) -> bool:
        """Whether orders are placed and every dependency is well again in a while."""
        return wait_for(lambda: self.order().status == 201 and self.get("/health").status == 200, PATIENCE_SECONDS)

    def state(self) -> dict[str, Any]:
        """Every container: which it is, whether it runs, its networks and its limits."""
        states = {}
        for service, container in self.stack.containers().items():
            state = container.attrs["State"]
            states[service] = (container.id, state["Running"], state["Paused"], snapshot(container))
        return states


@pytest.fixture
def shop(stack: Stack) -> Iterator[Shop]:
    """The running stack; a test must leave no fault in force, and nothing changed.

    Bringing the stack up for every test would take most of the time: it is done only where a test changed something.
    """
    shop = Shop(stack)
    if not shop.recovers():
        stack.up()
    before = shop.state()
    yield shop
    forgotten = active_fault.find(stack.session)
    left = revert_all(stack.session, everyone)
    after = shop.state()
    if (changed := {name: after.get(name) for name in before if after.get(name) != before[name]}) or left:
        stack.up()
    assert (forgotten, left) == ([], [])
    assert changed == {}
