"""Every reason why the engine cannot be reached is one sentence with the next step."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from requests import ConnectionError
from urllib3.exceptions import ProtocolError

from workshop_kit.engine import install, reach
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import Exit, NotReady


def refusal(environment: dict[str, str], timeout_seconds: float = 1) -> NotReady:
    """The error that this environment leads to."""
    with pytest.raises(NotReady) as caught:
        reach.connect(environment, timeout_seconds=timeout_seconds)
    assert caught.value.exit_code is Exit.NOT_READY
    assert "\n" not in str(caught.value)
    return caught.value


def test_no_socket_is_not_the_same_as_a_stopped_engine(tmp_path: Path) -> None:
    """No socket: there is no engine. A socket without a listener: it is stopped."""
    path = tmp_path / "docker.sock"
    assert "there is no socket" in refusal({"DOCKER_HOST": f"unix://{path}"}).what
    with socket.socket(socket.AF_UNIX) as closed:
        closed.bind(str(path))
    assert "is stopped" in refusal({"DOCKER_HOST": f"unix://{path}"}).what


def test_an_engine_that_never_answers_is_a_timeout(tmp_path: Path) -> None:
    """An engine that accepts and never answers costs the timeout alone."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        assert "does not answer in time" in refusal({"DOCKER_HOST": f"unix://{path}"}, 0.3).what


def test_a_socket_without_permission_names_the_group() -> None:
    """The next step is the docker group, not another engine."""
    where = reach.endpoint({"DOCKER_HOST": "unix:///closed.sock"})
    error = reach.unreachable(where, ConnectionError(ProtocolError("aborted", PermissionError(errno.EACCES, ""))))
    assert isinstance(error, reach.NoPermission)
    assert "usermod -aG docker" in str(error)


def test_an_unknown_context_is_an_error() -> None:
    """As with the docker command: no other engine is used silently."""
    assert "does not exist" in refusal({"DOCKER_CONTEXT": "no-such-context"}).what


def test_an_engine_that_is_there_and_not_chosen_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its socket is in the home folder: its context is the next step, and nothing is installed."""
    where = reach.Endpoint(f"unix://{reach.DEFAULT_SOCKET}", "a test")

    def connect() -> Engine:
        raise reach.unreachable(where, ConnectionError(ProtocolError("aborted", FileNotFoundError(errno.ENOENT, ""))))

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(reach, "endpoint", lambda: where)
    monkeypatch.setattr(reach, "connect", connect)
    monkeypatch.setattr(install, "install_packages", lambda *_: pytest.fail("it must not install"))
    monkeypatch.setattr(install, "_start", lambda *_: pytest.fail("it must not start another engine"))
    path = tmp_path / ".colima" / "default" / "docker.sock"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(path))
        with pytest.raises(NotReady, match="docker context use colima"):
            install.ensure(install=True)


def test_a_current_context_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker Desktop, Colima and Rancher set a context: it leads to their socket."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"currentContext": "colima"}))
    name = "f24fd3749c1368328e2b149bec149cb6795619f244c5b584e844961215dadd16"  # sha256 of "colima"
    meta = tmp_path / "contexts" / "meta" / name / "meta.json"
    meta.parent.mkdir(parents=True)
    endpoint = {"docker": {"Host": f"unix://{tmp_path}/colima.sock", "SkipTLSVerify": False}}
    meta.write_text(json.dumps({"Name": "colima", "Metadata": {}, "Endpoints": endpoint}))
    script = "from workshop_kit.engine import reach; e = reach.endpoint(); print(e.address, '|', e.why)"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
    said = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**environment, "DOCKER_CONFIG": str(tmp_path), "PYTHONPATH": str(Path(reach.__file__).parents[2])},
    )
    assert said.stdout.strip() == f"unix://{tmp_path}/colima.sock | it is the docker command's current context"
