"""JupyterLab for one workspace: start it, open it in the user's browser, and end it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path

from workshop_kit.errors import NotReady
from workshop_kit.files import load_document, write_atomically
from workshop_kit.lessons import lab_process
from workshop_kit.observe.http import Answer, request
from workshop_kit.patience import patient, wait_for
from workshop_kit.reporting import Report, Step
from workshop_kit.terminal import TerminalReport, answer
from workshop_kit.termination import interrupt_on_termination
from workshop_kit.workspace.folder import Workspace
from workshop_kit.workspace.lab_settings import (
    HOST,
    LOG,
    RUNTIME,
    lab_path,
    own_port,
    prepare,
    server_environment,
    server_options,
    trust,
)

READY_SECONDS = 60.0
PORT_RETRIES = 50
"""Jupyter tries this many other ports when the workspace's own is taken."""
REDIRECT = "open-jupyterlab.html"
"""In the workspace, not in a hidden folder: browsers from a snap cannot read those."""
REDIRECT_PAGE = """<!DOCTYPE html>
<meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={url}">
<title>Container Design Workshop</title>
<p><a href="{url}">Open the workshop</a></p>
"""
WINDOWS = ("wslview", "explorer.exe")
"""Programs that open a page in Windows; only WSL2 has them."""


@dataclass(frozen=True)
class ServerInfo:
    """What a JupyterLab writes about itself into a file, as far as it is read."""

    port: int
    token: str = field(repr=False)


@dataclass(frozen=True)
class LabServer:
    """A running JupyterLab. ``process`` is None if another process started it; ``token`` stays out of the repr."""

    port: int
    token: str = field(repr=False)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        return f"http://{HOST}:{self.port}"

    def url(self, page: str) -> str:
        """Return the address that opens ``page``, a path in the workspace; token included."""
        return f"{self.address}{lab_path(page)}?token={self.token}"

    def call(self, method: str, path: str, body: object = None, *, timeout_seconds: float = 5.0) -> Answer:
        """Send a request to the server, with its token."""
        url = f"{self.address}{path}"
        headers = {"Authorization": f"token {self.token}"}
        return request(method, url, json_body=body, headers=headers, timeout_seconds=timeout_seconds)

    def stop(self) -> None:
        """End the server and its kernels; kill it when it does not end in time."""
        if self.process is not None:
            _end(self.process)


def start_server(workspace: Workspace, *, port: int | None = None) -> LabServer:
    """Start JupyterLab on ``workspace`` and return it once it answers.

    Without ``port`` it takes the workspace's own, so that open tabs go on working, or else a free one.
    Raises NotReady (port taken, server did not start) and WrongUsage (invalid port).
    """
    with _launched(workspace, port) as process:
        return _wait_ready(process, workspace)


@contextlib.contextmanager
def _launched(workspace: Workspace, port: int | None) -> Iterator[subprocess.Popen[bytes]]:
    """Start the process of JupyterLab; end it if the block, in which it gets ready, fails."""
    if port is not None:
        from workshop_kit.display.page_server import listen  # brings Tornado

        for free_socket in listen(port, HOST):  # raises for a taken port
            free_socket.close()

    prepare(workspace)
    process = _launch(workspace, port)
    try:
        yield process
    except BaseException:
        _end(process)
        raise


def serve(
    workspace: Workspace,
    prepare_page: Callable[[Report], str],
    *,
    port: int | None = None,
    open_browser: bool = True,
) -> None:
    """Run JupyterLab in the foreground until Ctrl-C, SIGTERM or SIGHUP; print its URL and open a browser.

    JupyterLab takes seconds to start: ``prepare_page`` is called then, and returns the page to open, a path in the
    workspace. If this workspace has a running server already, print the URL of that one and return.
    """
    redirect = workspace.folder / REDIRECT
    interrupt_on_termination()
    with TerminalReport() as report:
        report(Step("JupyterLab", detail="starting"))
        server = running_server(workspace)
        if server is None:
            with _launched(workspace, port) as process:
                page = prepare_page(report)
                server = _wait_ready(process, workspace)
        else:
            page = prepare_page(report)
        report(Step("JupyterLab", 1.0, done=True))

    try:
        url = server.url(page)
        is_new = server.process is not None
        end = "Ctrl-C ends it." if is_new else "It ran already. Ctrl-C in the terminal where it was started ends it."
        answer(f"JupyterLab: {url}\n{end}")
        if open_browser:
            open_in_browser(url, redirect)
        if server.process is not None and server.process.wait() != 0:
            _raise_if_ended(server.process, workspace.jupyter_folder / LOG)
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()
        if server.process is not None:
            redirect.unlink(missing_ok=True)


def running_server(workspace: Workspace) -> LabServer | None:
    """Return the server that runs on ``workspace``; None if none answers."""
    for file in (workspace.jupyter_folder / RUNTIME).glob("jpserver-*.json"):
        server = _answering_server(file)
        if server is not None:
            return server
    return None


def _answering_server(file: Path) -> LabServer | None:
    """Return the server that wrote ``file`` about itself; None if it does not answer, or has not written all of it."""
    try:
        info = load_document(file, ServerInfo)
    except (FileNotFoundError, NotReady):
        return None

    server = LabServer(info.port, info.token)
    status = server.call("GET", "/api/status", timeout_seconds=patient(10.0))
    return server if status.ok else None


def _launch(workspace: Workspace, port: int | None) -> subprocess.Popen[bytes]:
    """Start the process of JupyterLab, which writes to the workspace's log; without ``port``, on a free one."""
    first_port = port or own_port(workspace.folder)
    port_retries = 0 if port else PORT_RETRIES
    command = [
        sys.executable,
        "-P",
        lab_process.__file__,
        str(os.getpid()),
        "--no-browser",
        f"--ServerApp.ip={HOST}",
        f"--ServerApp.port={first_port}",
        f"--ServerApp.port_retries={port_retries}",
        *server_options(workspace),
    ]
    with (workspace.jupyter_folder / LOG).open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=workspace.folder,
            env=server_environment(workspace, secrets.token_hex(24)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C goes to this process alone: the server would ask for confirmation
        )


def _wait_ready(process: subprocess.Popen[bytes], workspace: Workspace) -> LabServer:
    """Return the server of a process once it answers. Raises NotReady if it ends, or does not answer in time."""
    trust(workspace)
    folder = workspace.jupyter_folder
    server_file = folder / RUNTIME / f"jpserver-{process.pid}.json"
    log = folder / LOG

    def find_server() -> LabServer | None:
        _raise_if_ended(process, log)
        return _answering_server(server_file)

    server = wait_for(find_server, READY_SECONDS, pause_seconds=0.05)
    if server is None:
        sentence = f"JupyterLab did not answer within {patient(READY_SECONDS):.0f} s."
        raise NotReady(sentence, f"Read {log}.", output=_tail(log))
    return replace(server, process=process)


def _raise_if_ended(process: subprocess.Popen[bytes], log: Path) -> None:
    """Raise NotReady, with the end of the log, if the process has ended."""
    code = process.poll()
    if code is not None:
        raise NotReady(f"JupyterLab ended by itself (exit code {code}).", f"Read {log}.", output=_tail(log))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with SIGTERM; if it does not end in time, kill it and its children."""
    if process.poll() is not None:
        return

    process.terminate()
    try:
        process.wait(patient(lab_process.STOP_SECONDS))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _tail(log: Path) -> str:
    """Return the last lines of a log."""
    lines = log.read_text(errors="replace").split("\n")
    return "\n".join(lines[-9:]).strip()


def open_in_browser(url: str, redirect: Path) -> None:
    """Open ``url`` through ``redirect``, a page that only this user can read; do nothing without a screen.

    The address holds a token, and every user sees the arguments of every process. The caller deletes ``redirect``
    when its server ends. Raises NotReady when the page cannot be written.
    """
    installed_programs = [program for program in WINDOWS if shutil.which(program)]
    if not installed_programs and not has_screen():
        return

    page = REDIRECT_PAGE.format(url=escape(url))
    write_atomically(redirect, page.encode(), mode=0o600)
    if installed_programs:
        _open_in_windows(installed_programs[0], redirect)
    else:
        webbrowser.open(redirect.as_uri())


def _open_in_windows(program: str, page: Path) -> None:
    """Open a page with one of the programs in WINDOWS."""
    page_path = str(page)
    if program == "explorer.exe":  # it takes a Windows path
        wslpath = subprocess.run(["wslpath", "-w", page_path], capture_output=True, text=True, check=False)
        page_path = wslpath.stdout.strip()

    subprocess.Popen(
        [program, page_path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def has_screen() -> bool:
    """Return whether a browser's window would be seen."""
    if sys.platform == "darwin":
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
