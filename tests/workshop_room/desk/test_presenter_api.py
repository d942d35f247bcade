"""The desk without an engine: each answer is a sentence."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest

from workshop_kit.engine.labels import Identity
from workshop_kit.engine.reach import Endpoint, Engine
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.workspace.folder import Workspace
from workshop_room.desk.controller import Controller
from workshop_room.desk.presenter_api import PresenterApi

AWAY = r"The Docker engine does not answer\."


@pytest.fixture
def controller(root: Path, tmp_path: Path) -> Controller:
    """A desk without an engine."""
    nowhere = f"unix://{tmp_path}/gone.sock"
    engine = Engine(docker.DockerClient(base_url=nowhere, version="1.45"), Endpoint(nowhere, "a test"), {})
    workspace = Workspace.open(tmp_path / "workspace")
    session = Session(engine, Identity(workspace.id), tmp_path)
    return Controller(Stack(session, root, tmp_path, workspace.compose_project))


def test_without_an_engine_every_answer_is_one_sentence(controller: Controller) -> None:
    """For state and buttons, without the SDK's text."""
    desk = PresenterApi(controller)
    for click, body in (("fault", {"number": 0}), ("play", {}), ("undo-all", {})):
        with pytest.raises(WorkshopError, match=AWAY):
            desk.do(click, body)
    desk.demo.finish_actions()
    with pytest.raises(WorkshopError, match=AWAY):
        desk.state()


def test_a_closed_desk_refuses_faults_and_load(controller: Controller) -> None:
    """A fault after the close would never be reverted; one that cannot be reverted is said."""
    with pytest.raises(WorkshopError, match=AWAY):
        controller.close()
    with pytest.raises(WorkshopError, match="The desk is being closed"):
        controller.inject("pause", "redis", {})
    with pytest.raises(WorkshopError, match="The desk is being closed"):
        controller.load(5)
