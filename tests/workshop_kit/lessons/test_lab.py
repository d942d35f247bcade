"""JupyterLab as ``./workshop start`` runs it, and the browser that opens it; tests/browser looks at the page."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.conftest import write_notebook
from workshop_kit.commands import doctor
from workshop_kit.errors import NotReady, WrongUsage
from workshop_kit.lessons.lab import LabServer, open_in_browser, running_server, start_server
from workshop_kit.observe.http import REFUSED, request
from workshop_kit.paths import CHECKOUT
from workshop_kit.patience import wait_for
from workshop_kit.workspace import lab_settings
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import KERNEL, START

SERVE = (
    "import sys, pathlib\n"
    "from workshop_kit.lessons.lab import serve\n"
    "from workshop_kit.workspace.folder import Workspace\n"
    "serve(Workspace.open(pathlib.Path(sys.argv[1])), lambda report: '', open_browser=False)\n"
)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CHECKOUT)}


@pytest.fixture(autouse=True)
def nothing_left(empty_workspace: Workspace) -> Iterator[None]:
    """End the server that a failed test would leave behind."""
    yield
    if (left := running_server(empty_workspace)) is not None:
        left.call("POST", "/api/shutdown")


@pytest.fixture
def server(empty_workspace: Workspace, tmp_path: Path) -> Iterator[LabServer]:
    """A server on a workspace with one lesson, for a user whose home is empty."""
    write_notebook(empty_workspace, "00_start", ["x = 1"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path / "home"))
        patch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "another folder"))
        server = start_server(empty_workspace)
    yield server
    server.stop()


def network_address() -> str:
    """This machine's address in its network, by a UDP socket that sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])


def asked(server: LabServer, path: str) -> Any:
    """What the server answers, decoded."""
    return server.call("GET", path, timeout_seconds=60).json()


def test_the_server_is_ours_and_only_ours(server: LabServer, empty_workspace: Workspace, tmp_path: Path) -> None:
    """Token on, loopback only, one kernel, no news, trusted lessons; the user's own Jupyter is not touched."""
    assert replace(server, token="wrong").call("GET", "/api/contents").status == 403
    assert set(asked(server, "/api/kernelspecs")["kernelspecs"]) == {KERNEL}
    news = asked(server, "/lab/api/settings/@jupyterlab/apputils-extension:notification")
    assert news["schema"]["properties"]["fetchNews"]["default"] == "false"
    tracker = asked(server, "/lab/api/settings/@jupyterlab/notebook-extension:tracker")
    assert tracker["schema"]["properties"]["kernelShutdown"]["default"] is True
    lesson = asked(server, "/api/contents/notebooks/00_start.ipynb")
    assert lesson["content"]["cells"][0]["metadata"]["trusted"] is True
    assert list((tmp_path / "home").rglob("*")) == []
    assert not (tmp_path / "another folder").exists()
    assert request("GET", f"http://{network_address()}:{server.port}/").error == REFUSED
    assert_the_token_is_private(server, empty_workspace)


def assert_the_token_is_private(server: LabServer, empty_workspace: Workspace) -> None:
    """The token is in no argument, no repr and no file that others may read."""
    assert server.process is not None
    assert server.token not in Path("/proc", str(server.process.pid), "cmdline").read_text()
    assert server.token not in repr(server)
    files = [path for path in empty_workspace.folder.rglob("*") if path.is_file()]
    holders = [path for path in files if server.token.encode() in path.read_bytes()]
    assert holders, "the server keeps it for those who may know"
    for path in holders:
        assert any(stat.S_IMODE(place.stat().st_mode) & 0o077 == 0 for place in (path, *path.parents))


def test_an_old_tab_goes_on_working(server: LabServer, empty_workspace: Workspace) -> None:
    """The next start takes the same port and accepts the tab's cookie, with a new token; doctor looks at that port."""
    browser = httpx.Client(trust_env=False, follow_redirects=True, timeout=60)
    browser.get(server.url(START))
    server.stop()
    assert doctor.ports(empty_workspace.folder).detail == f"127.0.0.1:{server.port} (JupyterLab) is free"
    again = start_server(empty_workspace)
    try:
        assert again.port == server.port
        assert again.token != server.token
        assert "JupyterLab runs" in doctor.ports(empty_workspace.folder).detail
        url = f"{server.address}/api/contents/notebooks/00_start.ipynb"
        rename = {"path": "notebooks/renamed.ipynb"}
        headers = {"Authorization": f"token {server.token}", "X-XSRFToken": browser.cookies["_xsrf"]}
        assert httpx.patch(url, json=rename, headers=headers, trust_env=False, timeout=60).status_code == 403
        assert browser.patch(url, json=rename, headers=headers).status_code == 200
    finally:
        browser.close()
        again.stop()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that another program has."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_of_another_program_is_replaced(
    empty_workspace: Workspace, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server takes a free one, and doctor says so."""
    monkeypatch.setattr(lab_settings, "FIRST_PORT", taken)
    monkeypatch.setattr(lab_settings, "PORTS", 1)
    assert "is in use" in doctor.ports(empty_workspace.folder).detail
    server = start_server(empty_workspace)
    server.stop()
    assert server.port != taken


def test_a_taken_port_is_a_sentence(empty_workspace: Workspace, taken: int) -> None:
    """A port that was asked for and is taken, or is none, is refused before anything starts."""
    with pytest.raises(NotReady, match=f"Port {taken} is taken. Choose another with --port"):
        start_server(empty_workspace, port=taken)
    with pytest.raises(WrongUsage, match="70000 is no port"):
        start_server(empty_workspace, port=70_000)


@pytest.mark.long
def test_a_server_that_dies_says_why(empty_workspace: Workspace) -> None:
    """When JupyterLab ends by itself, the sentence names its log and the output carries the last lines."""
    config = empty_workspace.jupyter_folder / "config" / "jupyter_server_config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"ServerApp": {"max_body_size": "large"}}))
    with pytest.raises(NotReady, match=r"ended by itself \(exit code 1\)\. Read .*jupyter\.log") as caught:
        start_server(empty_workspace)
    assert "max_body_size" in caught.value.output


@pytest.fixture
def start(empty_workspace: Workspace) -> Iterator[subprocess.Popen[str]]:
    """A process that runs JupyterLab with one kernel, as ``./workshop start`` does."""
    process = subprocess.Popen(
        serve_command(empty_workspace),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("JupyterLab: http://127.0.0.1:")

    server = running_server(empty_workspace)
    assert server is not None
    server.call("POST", "/api/kernels", {"name": KERNEL}, timeout_seconds=30)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_serve_ends_cleanly(start: subprocess.Popen[str], empty_workspace: Workspace, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and a closed terminal end the server and its kernels, with exit code 0 and no traceback."""
    command = serve_command(empty_workspace)
    again = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=60)
    assert "It ran already" in again.stdout
    os.killpg(start.pid, number)  # a terminal tells the whole group
    _, errors = start.communicate(timeout=60)
    assert (start.returncode, errors) == (0, "JupyterLab: starting\nJupyterLab: done\n")
    assert wait_for(lambda: not processes_of(empty_workspace), 60)


def test_jupyterlab_ends_with_a_start_that_is_killed(start: subprocess.Popen[str], empty_workspace: Workspace) -> None:
    """And its kernels, each of which has a reaper."""
    assert len(processes_of(empty_workspace)) == 3
    start.kill()
    assert wait_for(lambda: not processes_of(empty_workspace), 60)


def serve_command(empty_workspace: Workspace) -> list[str]:
    """The command of `start`. A suite in a script's background inherits that SIGINT and SIGHUP are ignored."""
    return ["env", "--default-signal=HUP,INT", sys.executable, "-c", SERVE, str(empty_workspace.folder)]


def processes_of(empty_workspace: Workspace) -> list[str]:
    """The commands that still run for a workspace: those of ``start``, the server and the kernels."""
    commands = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [command for command in commands if str(empty_workspace.folder) in command]


URL = "http://127.0.0.1:8888/lab/tree/a.ipynb?token=secret&reset"


@pytest.mark.parametrize("program", ["", "wslview"])
def test_no_command_line_holds_the_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    """The browser, here or in Windows, gets a page that only this user can read, and that leads to the address."""
    started: list[str] = []

    def record(command: Any, **_: Any) -> None:
        started.extend([command] if isinstance(command, str) else command)

    monkeypatch.setattr(subprocess, "Popen", record)
    monkeypatch.setattr(webbrowser, "open", record)
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("PATH", str(tmp_path))
    if program:
        (tmp_path / program).touch(mode=0o755)
    page = tmp_path / "open.html"
    open_in_browser(URL, page)
    assert started == ([program, str(page)] if program else [page.as_uri()])
    assert URL.replace("&", "&amp;") in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
