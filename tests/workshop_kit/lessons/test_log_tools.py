"""What a lesson does with logs, given whatever a cell has at hand: the stack's container, or one that it runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from workshop_kit.display.live import Screens
from workshop_kit.engine import cleanup, containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import SERVICE
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.spec import Spec
from workshop_kit.lessons.log_tools import LogTools
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

pytestmark = pytest.mark.engine

WRITER = 'print(\'{"level": "info", "msg": "one", "service": "billing"}\'); print("plain")'


@pytest.fixture
def tools(empty_workspace: Workspace, engine: Engine, images: dict[str, str], tmp_path: Path) -> Iterator[LogTools]:
    """A notebook's tools, without a page; its stack need not be up."""
    assert images
    session = provision.session_of(empty_workspace, engine)
    yield LogTools(provision.stack_of(empty_workspace, session), Screens(headless=True), tmp_path)
    assert not cleanup.remove(session, {"kernel", "workspace"}).left


@pytest.fixture
def ours(tools: LogTools, images: dict[str, str]) -> Iterator[Running]:
    """A container of this workspace that has written two lines."""
    spec = Spec(images["base"], command=("python3", "-c", WRITER), labels={SERVICE: "shop"})
    with containers.run(tools.stack.session, spec) as running:
        running.wait_ended(within_seconds=60)
        yield running


def test_a_container_that_we_run_is_watched(tools: LogTools, ours: Running) -> None:
    """The tail takes what `w.run` returned and calls it by its service; the line's own name stays, too."""
    explorer = tools.tail(ours, "Shop")
    assert explorer.hits == 2
    found = explorer.model.store.sql("SELECT service, rest->>'service' AS own FROM logs ORDER BY row")
    assert found["service"].tolist() == ["shop", "shop"]
    assert found["own"].tolist()[0] == "billing"


def test_jq_takes_a_container_that_we_run(tools: LogTools, ours: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """The command reads as one would type it, and its answer stands below."""
    tools.jq("fromjson? | .msg", ours, "-R", "-r")
    assert capsys.readouterr().out == f"$ docker logs {ours.name} | jq -R -r 'fromjson? | .msg'\none\n\n"
