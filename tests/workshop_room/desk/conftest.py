"""A desk over the tests' running stack, and requests to its pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.workshop_room.desk.desk_pages import Pages, open_pages
from workshop_kit.engine.stack import Stack
from workshop_kit.faults import active_fault
from workshop_kit.patience import wait_for
from workshop_room.desk.controller import Controller


@pytest.fixture(scope="module")
def pages(stack: Stack) -> Iterator[Pages]:
    """An open desk, which leaves no fault."""
    with closing(Controller(stack).open()) as controller, open_pages(controller) as pages:
        yield pages
    assert active_fault.find(stack.session) == []


@pytest.fixture(autouse=True)
def nothing_in_force(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test at the desk: undo its faults and wait until everything is healthy."""
    yield
    if "pages" in request.fixturenames:
        pages: Pages = request.getfixturevalue("pages")
        pages.controller.undo_all()
        stack = pages.controller.stack
        assert wait_for(lambda: all(container.health == "healthy" for container in stack.containers().values()), 60)
