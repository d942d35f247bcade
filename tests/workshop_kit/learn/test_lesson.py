"""The handle of a lesson."""

from __future__ import annotations

import pytest

from workshop_kit.learn.lesson import lesson
from workshop_kit.learn.workspace import Workspace

pytestmark = pytest.mark.engine


def test_the_handle_knows_its_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that our kernel sets leads a lesson to its workspace, and the headless one is heard."""
    monkeypatch.setenv("WORKSHOP_WORKSPACE", str(workspace.folder))
    assert lesson("00_start").workspace.id == workspace.id
    assert not lesson("00_start").headless
    monkeypatch.setenv("WORKSHOP_HEADLESS", "1")
    assert lesson("00_start").headless


def test_the_map_lights_what_was_named(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lesson's map has the named parts lit."""
    monkeypatch.setenv("WORKSHOP_WORKSPACE", str(workspace.folder))
    assert "in this lesson: Service, Redis" in str(lesson("00_start").map("redis", "service"))
