"""A desk over the tests' running stack, and requests to its pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.waiting import wait_until
from tests.workshop_room.desk.room_pages import Pages, open_pages
from workshop_kit.engine.stack import Stack
from workshop_kit.faults.injection import Journal
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk.controller import Controller
from workshop_room.desk.presenter_api import PresenterApi


@pytest.fixture(scope="module")
def pages(stack: Stack, workspace: Workspace) -> Iterator[Pages]:
    """An open desk, which leaves no fault."""
    with closing(Controller(stack, workspace).open()) as controller, open_pages(PresenterApi(controller)) as pages:
        yield pages
    assert Journal(stack.session).entries() == []


@pytest.fixture(autouse=True)
def nothing_in_force(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test at the desk: undo its faults and wait until everything is healthy."""
    yield
    if "pages" in request.fixturenames:
        pages: Pages = request.getfixturevalue("pages")
        pages.controller.load_generator.stop()
        pages.controller.active_faults.revert_all()
        stack = pages.controller.stack
        wait_until(lambda: all(container.health == "healthy" for container in stack.containers().values()))
