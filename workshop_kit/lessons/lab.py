"""JupyterLab for one workspace: started, opened, and ended cleanly."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from workshop_kit.bootstrap import jupyter_port
from workshop_kit.bootstrap.jupyter_port import HOST
from workshop_kit.errors import NotReady, WorkshopError, WrongUsage
from workshop_kit.lessons.browser import open_in_browser
from workshop_kit.workspace.files import write_atomically
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import (
    KERNEL,
    FirstPage,
    JupyterFolders,
    first_layout,
    lesson_page,
    prepare,
    server_environment,
    trust,
)

READY_SECONDS = 60.0
STOP_SECONDS = 10.0
TRIES = 3
"""A free port can be taken between our look and the server's: then another is tried."""
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Never ask a proxy for this machine's own server."""

START = lesson_page("00_start")

Ready = Callable[[str], None]


@dataclass(frozen=True)
class LabServer:
    """A running JupyterLab. ``token`` stays out of its repr."""

    port: int
    token: str = field(repr=False)
    process: subprocess.Popen[bytes] | None = None  # None: somebody else started it

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        return f"http://{HOST}:{self.port}"

    def url(self, page: FirstPage) -> str:
        """Return the address that opens ``page``, token included."""
        return f"{self.address}/lab/workspaces/{page.layout}/tree/{page.path}?token={self.token}"

    def lesson_url(self, notebook: str = "00_start") -> str:
        """Return the address that opens ``notebook`` (a name without folder or ending), token included."""
        return self.url(lesson_page(notebook))

    def call(self, method: str, path: str, body: object = None, *, timeout_seconds: float = 5.0) -> bytes:
        """Ask the server and return the body of its answer; raises OSError (URLError and HTTPError are)."""
        request = urllib.request.Request(  # noqa: S310  (our own http address)
            f"{self.address}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with DIRECT.open(request, timeout=timeout_seconds) as answer:
            content: bytes = answer.read()
        return content

    def stop(self) -> None:
        """End the server and its kernels; kill it when it does not end in time."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def start_server(workspace: Workspace, page: FirstPage = START, *, port: int | None = None) -> LabServer:
    """Start JupyterLab on ``workspace`` and return it once it answers; a first start finds ``page`` open.

    ``port`` None takes the one of the last start, so that an old tab goes on working, or a free one if that is taken.
    Raises NotReady (port taken, server did not start) or WrongUsage (no such port).
    """
    if port is not None:
        _check_port(port)
    folders = prepare(workspace)
    for attempt in range(TRIES):
        kept = _last_port(folders) if attempt == 0 else None
        server = _launch(workspace, folders, port or kept or _free_port())
        try:
            trust(workspace)  # while the server starts
            _wait_until_ready(server, folders.log)
            break
        except BaseException as error:
            server.stop()
            if port or attempt == TRIES - 1 or not isinstance(error, WorkshopError):
                raise
    _remember(server, folders)
    _lay_out(server, folders, page)
    return server


def serve(
    workspace: Workspace,
    page: FirstPage = START,
    *,
    port: int | None = None,
    open_browser: bool = True,
    ready: Ready | None = None,
) -> None:
    """Run JupyterLab in the foreground until Ctrl-C (or SIGTERM, or the terminal is closed).

    ``ready`` receives the URL once; a browser is opened where there is one. When this workspace has a server
    already, its URL is given and the call returns.
    """
    with _stop_signals():
        server = running_server(workspace)
        if server is None:
            server = start_server(workspace, page, port=port)
        try:
            url = server.url(page)
            (ready or _say_url)(url)
            if open_browser:
                open_in_browser(url)
            if server.process is not None:
                _watch(server, JupyterFolders(workspace.jupyter_folder).log)
        except KeyboardInterrupt:
            pass
        finally:
            server.stop()


def running_server(workspace: Workspace) -> LabServer | None:
    """Return the server that already runs on ``workspace``; None when there is none that answers."""
    for file in JupyterFolders(workspace.jupyter_folder).runtime.glob("jpserver-*.json"):
        try:
            known = json.loads(file.read_text())
            server = LabServer(int(known["port"]), str(known["token"]))
            server.call("GET", "/api/status", timeout_seconds=10.0)  # one that is gone refuses at once
        except (OSError, ValueError, KeyError, TypeError):
            continue
        return server
    return None


def _launch(workspace: Workspace, folders: JupyterFolders, port: int) -> LabServer:
    token = secrets.token_hex(24)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser"),
        *(f"--ServerApp.ip={HOST}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--ServerApp.root_dir={workspace.folder}", "--LabApp.news_url=None"),
        "--LabApp.extension_manager=readonly",  # the other kind asks a package index
        "--LabApp.expose_app_in_browser=True",  # an exercise opens its file beside the notebook
        "--LanguageServerManager.autodetect=False",  # it would run npm, which writes into the user's home
        f"--ServerApp.allow_root={os.geteuid() == 0}",
        # One kernel to choose from: ours.
        f"--KernelSpecManager.allowed_kernelspecs={KERNEL}",
        f"--MultiKernelManager.default_kernel_name={KERNEL}",
    ]
    with folders.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=workspace.folder,
            env=server_environment(folders, token),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us: the server would ask "really?"
        )
    return LabServer(port, token, process)


def _wait_until_ready(server: LabServer, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        _raise_if_ended(server, log)
        try:
            server.call("GET", "/api/status")
            return
        except urllib.error.HTTPError as error:
            raise NotReady(
                f"Port {server.port} is answered by something else.", "Choose another with --port."
            ) from error
        except OSError:
            time.sleep(0.05)
    raise NotReady(f"JupyterLab did not answer within {READY_SECONDS:.0f} s.", f"Read {log}.", output=_tail(log))


def _raise_if_ended(server: LabServer, log: Path) -> None:
    if server.process is not None and (code := server.process.poll()) is not None:
        raise NotReady(f"JupyterLab ended by itself (exit code {code}).", f"Read {log}.", output=_tail(log))


def _watch(server: LabServer, log: Path) -> None:
    """Wait until the server ends; "Shut Down" in its File menu is a good end."""
    if server.process is not None and server.process.wait() != 0:
        _raise_if_ended(server, log)


def _lay_out(server: LabServer, folders: JupyterFolders, page: FirstPage) -> None:
    """Give a first start a tab with its page; a participant's own layout is kept."""
    if any(folders.layouts.glob(f"{page.layout}-*")):
        return
    server.call("PUT", f"/lab/api/workspaces/{page.layout}", first_layout(page))


def _last_port(folders: JupyterFolders) -> int | None:
    """The port of the last start, if it is free."""
    port = jupyter_port.last_port(folders.root)
    return port if port is not None and jupyter_port.is_free(port) else None


def _remember(server: LabServer, folders: JupyterFolders) -> None:
    """Keep the port for the next start; a disk that is full is no reason to end a server that runs."""
    with suppress(OSError):
        write_atomically(jupyter_port.port_file(folders.root), f"{server.port}\n".encode(), mode=0o600)


def _check_port(port: int) -> None:
    if not 0 < port < 65536:
        raise WrongUsage(f"{port} is no port.", "Choose one from 1024 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError as error:
            raise NotReady(f"Port {port} is reserved for the system.", "Choose one from 1024 to 65535.") from error
        except OSError as error:
            raise NotReady(f"Port {port} is taken.", "Choose another with --port, or leave it out.") from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _tail(log: Path, lines: int = 8) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").split("\n")[-lines - 1 :]).strip()
    except OSError:
        return ""


def _say_url(url: str) -> None:
    sys.stdout.write(f"JupyterLab: {url}\nCtrl-C ends it.\n")
    sys.stdout.flush()


@contextmanager
def _stop_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block like Ctrl-C does, so that the server never outlives us."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    watched = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in watched}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
