"""JupyterLab as ``./workshop start`` runs it, for real; the page itself is looked at in tests/browser."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.learn.conftest import WriteNotebook
from tests.workshop_kit.learn.waiting import wait_until
from workshop_kit.errors import NotReady, WrongUsage
from workshop_kit.learn import lab
from workshop_kit.learn.lab import LabServer, running_server, start_server
from workshop_kit.learn.lab_settings import KERNEL
from workshop_kit.learn.workspace import CHECKOUT, Workspace

SERVE = (
    "import sys, pathlib\n"
    "from workshop_kit.learn.lab import serve\n"
    "from workshop_kit.learn.workspace import Workspace\n"
    "serve(Workspace.open(pathlib.Path(sys.argv[1])), open_browser=False)\n"
)


@pytest.fixture(autouse=True)
def nothing_left(workspace: Workspace) -> Iterator[None]:
    """End the server that a failed test would leave behind."""
    yield
    if (left := running_server(workspace)) is not None:
        left.call("POST", "/api/shutdown")


@pytest.fixture
def server(workspace: Workspace, write_notebook: WriteNotebook, tmp_path: Path) -> Iterator[LabServer]:
    """A server on a workspace with one lesson, for a user whose home is empty."""
    write_notebook(workspace, "00_start", ["x = 1"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path / "home"))
        patch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "somebody else's"))
        server = start_server(workspace)
    yield server
    server.stop()


def asked(server: LabServer, path: str) -> Any:
    """What the server answers, decoded."""
    return json.loads(server.call("GET", path))


def test_the_server_is_ours_and_only_ours(server: LabServer, workspace: Workspace, tmp_path: Path) -> None:
    """Token on, loopback only, one kernel (ours), no news, trusted lessons; the user's own Jupyter is not touched."""
    with pytest.raises(urllib.error.HTTPError, match="403"):
        replace(server, token="wrong").call("GET", "/api/contents")
    assert set(asked(server, "/api/kernelspecs")["kernelspecs"]) == {KERNEL}
    news = asked(server, "/lab/api/settings/@jupyterlab/apputils-extension:notification")
    assert news["schema"]["properties"]["fetchNews"]["default"] == "false"
    tracker = asked(server, "/lab/api/settings/@jupyterlab/notebook-extension:tracker")
    assert tracker["schema"]["properties"]["kernelShutdown"]["default"] is True
    lesson = asked(server, "/api/contents/notebooks/00_start.ipynb")
    assert lesson["content"]["cells"][0]["metadata"]["trusted"] is True
    layout = asked(server, "/lab/api/workspaces/workshop")
    assert "notebook:notebooks/00_start.ipynb" in layout["data"]
    assert list((tmp_path / "home").rglob("*")) == []
    assert not (tmp_path / "somebody else's").exists()
    with socket.socket() as outside, pytest.raises(OSError):  # noqa: PT011 - any refusal will do
        outside.connect((own_address(), server.port))


def test_nobody_else_reads_the_token(server: LabServer, workspace: Workspace) -> None:
    """The token is in no argument, no repr and no file that others may read."""
    assert server.process is not None
    assert server.token not in Path("/proc", str(server.process.pid), "cmdline").read_text()
    assert server.token not in repr(server)
    holders = [
        path for path in workspace.folder.rglob("*") if path.is_file() and server.token.encode() in path.read_bytes()
    ]
    assert holders, "the server keeps it for those who may know"
    private = {path for path in workspace.folder.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077 == 0}
    for path in holders:
        assert private & {path, *path.parents}


def test_a_running_server_is_found_and_ends(server: LabServer, workspace: Workspace) -> None:
    """A second start finds the server that runs; once it is stopped there is none, and stopping twice is fine."""
    found = running_server(workspace)
    assert found is not None
    assert (found.port, found.token) == (server.port, server.token)
    server.stop()
    server.stop()
    assert running_server(workspace) is None


def test_a_layout_of_ones_own_is_kept(workspace: Workspace, write_notebook: WriteNotebook) -> None:
    """The first start lays out the page; later ones leave the participant's tabs alone."""
    write_notebook(workspace, "00_start", [])
    for title in ("first", "second"):
        server = start_server(workspace)
        layout = asked(server, "/lab/api/workspaces/workshop")
        assert layout["data"].get("mine") == (None if title == "first" else True)
        server.call("PUT", "/lab/api/workspaces/workshop", {**layout, "data": {"mine": True}})
        server.stop()


def test_a_taken_port_is_a_sentence(workspace: Workspace) -> None:
    """A port that was asked for and is taken, or is none, is refused before anything starts."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(NotReady, match=f"Port {port} is taken. Choose another with --port"):
            start_server(workspace, port=port)
    with pytest.raises(WrongUsage, match="70000 is no port"):
        start_server(workspace, port=70_000)


def test_a_port_lost_to_somebody_faster(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the free port that we found is taken before the server has it, another is tried."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        ports = iter([other.getsockname()[1], lab._free_port()])
        monkeypatch.setattr(lab, "_free_port", lambda: next(ports))
        server = start_server(workspace)
        server.stop()
    assert next(ports, None) is None


def test_a_server_that_dies_says_why(workspace: Workspace) -> None:
    """When JupyterLab ends by itself, the sentence names its log and the output carries the last lines."""
    config = workspace.jupyter_folder / "config" / "jupyter_server_config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"ServerApp": {"max_body_size": "large"}}))
    with pytest.raises(NotReady, match=r"ended by itself \(exit code 1\)\. Read .*jupyter\.log") as caught:
        start_server(workspace, port=lab._free_port())
    assert "max_body_size" in caught.value.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serve_ends_cleanly(workspace: Workspace, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and a closed terminal end the server and its kernels, with exit code 0 and no traceback."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-c", SERVE, str(workspace.folder)]
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("JupyterLab: http://127.0.0.1:")
    server = running_server(workspace)
    assert server is not None
    server.call("POST", "/api/kernels", {"name": KERNEL}, timeout_seconds=30)
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert f":{server.port}/" in again.stdout
    os.killpg(process.pid, number)  # a terminal tells the whole group
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    wait_until(lambda: not processes_of(workspace))


def processes_of(workspace: Workspace) -> list[str]:
    """The servers and kernels that still run for a workspace."""
    found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in found.split("\n") if str(workspace.folder) in line and "python" in line]


def own_address() -> str:
    """An address of this machine that others could reach."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent
        address: str = probe.getsockname()[0]
    return address
