"""``w.logs`` with a container that a cell runs."""

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
def writer(tools: LogTools, images: dict[str, str]) -> Iterator[Running]:
    """A container of this workspace that has written two lines."""
    spec = Spec(images["base"], command=("python3", "-c", WRITER), labels={SERVICE: "shop"})
    with containers.run(tools.stack.session, spec) as running:
        running.wait_ended(within_seconds=60)
        yield running


def test_the_tail_names_lines_by_their_container(tools: LogTools, writer: Running) -> None:
    """The service is the container's; the line's own field stays in ``rest``."""
    explorer = tools.tail(writer, "Shop")
    assert explorer.hits == 2
    found = explorer.model.store.sql("SELECT service, rest->>'service' AS own FROM logs ORDER BY row")
    assert found["service"].tolist() == ["shop", "shop"]
    assert found["own"].tolist()[0] == "billing"


def test_jq_prints_its_command_and_output(tools: LogTools, writer: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """The printed command is the one for the terminal."""
    tools.jq("fromjson? | .msg", writer, "-R", "-r")
    assert capsys.readouterr().out == f"$ docker logs {writer.name} | jq -R -r 'fromjson? | .msg'\none\n\n"
