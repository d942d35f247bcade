"""A join at the terminal, while a notebook is open: its kernel shows the room where the first cell reserved a place."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.commands import Cli
from tests.waiting import wait_until
from tests.workshop_room.live_room.conftest import LiveRoom

FIRST_CELL = """
from pathlib import Path
from workshop_kit.membership.room_widget import show_once_joined, start_sync
from workshop_kit.workspace.folder import Workspace

workspace = Workspace.open(Path({folder!r}), Path({folder!r}) / "no checkout")
show_once_joined(workspace, start_sync(workspace, "00_start"), "start")
"""
WIDGET = "application/vnd.jupyter.widget-view+json"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def kernel(environment: dict[str, str], tmp_path: Path) -> Iterator[BlockingKernelClient]:
    """The kernel of an open notebook, whose first cell has run."""
    manager = KernelManager()
    manager.start_kernel(env=environment)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        answer = client.execute_interactive(
            FIRST_CELL.format(folder=str(tmp_path / "workspace")), output_hook=lambda _: None, timeout=60
        )
        assert answer["content"]["status"] == "ok", answer["content"]
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def updates(client: BlockingKernelClient) -> list[dict[str, Any]]:
    """The outputs that the kernel has replaced since the last look."""
    messages = []
    while True:
        try:
            messages.append(client.get_iopub_msg(timeout=0.1))
        except Empty:
            return [message["content"]["data"] for message in messages if message["msg_type"] == "update_display_data"]


def test_an_open_notebook_shows_the_room(
    live_room: LiveRoom, kernel: BlockingKernelClient, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After a yes; with ``--yes`` alone it does not, though its kernel sends snapshots."""

    def join(*words: str, typed: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        return cli("join", str(live_room.server.code), *words, WORKSHOP_WORKSPACE=str(tmp_path / "workspace")).stderr

    sequences: set[int] = set()

    def has_kernel_sent_twice() -> bool:
        sequences.update(snapshot.sequence for snapshot in live_room.classroom.snapshots())
        return len(sequences) > 2

    assert "run the first cell again to see the room" in join("--yes")
    wait_until(has_kernel_sent_twice)
    assert updates(kernel) == []
    assert "Notebooks that are open show the room" in join(typed="y\n")
    [data] = wait_until(lambda: updates(kernel))
    assert WIDGET in data
