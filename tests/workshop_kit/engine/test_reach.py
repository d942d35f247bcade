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
from workshop_kit.engine.dialect import DEFAULT_SOCKET
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import Exit, NoPermission, NotReady


def refusal(environment: dict[str, str]) -> NotReady:
    """The error that this environment leads to."""
    with pytest.raises(NotReady) as caught:
        reach.connect(environment, timeout_seconds=0.3)
    assert caught.value.exit_code is Exit.NOT_READY
    assert "\n" not in str(caught.value)
    return caught.value


def test_no_engine_a_stopped_one_and_a_silent_one_are_told_apart(tmp_path: Path) -> None:
    """No socket, one that nobody listens on, and one that takes the request and never answers."""
    path = tmp_path / "docker.sock"
    environment = {"DOCKER_HOST": f"unix://{path}"}
    assert "there is no socket" in refusal(environment).what
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        assert "is stopped" in refusal(environment).what
        server.listen()
        assert "does not answer in time" in refusal(environment).what


def test_a_socket_without_permission_names_the_group() -> None:
    """The next step is the docker group, not another engine."""
    where = reach.endpoint({"DOCKER_HOST": "unix:///closed.sock"})
    error = reach.unreachable(where, ConnectionError(ProtocolError("aborted", PermissionError(errno.EACCES, ""))))
    assert isinstance(error, NoPermission)
    assert "usermod -aG docker" in str(error)


def test_an_unknown_context_is_an_error() -> None:
    """As with the docker command: no other engine is used silently."""
    assert "does not exist" in refusal({"DOCKER_CONTEXT": "no-such-context"}).what


@pytest.mark.parametrize(("place", "context"), reach.OTHER_SOCKETS.items())
def test_an_engine_that_is_there_and_not_chosen_is_named(
    place: str, context: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its socket is in the home folder: its context is the next step, and nothing is installed."""
    where = reach.Endpoint(f"unix://{DEFAULT_SOCKET}", "a test")

    def connect() -> Engine:
        raise reach.unreachable(where, ConnectionError(ProtocolError("aborted", FileNotFoundError(errno.ENOENT, ""))))

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(reach, "endpoint", lambda: where)
    monkeypatch.setattr(reach, "connect", connect)
    monkeypatch.setattr(install, "install_packages", lambda *_: pytest.fail("it must not install"))
    monkeypatch.setattr(install, "_start_engine", lambda *_: pytest.fail("it must not start another engine"))
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(path))
        with pytest.raises(NotReady, match=f"docker context use {context}`"):
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
    process = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**environment, "DOCKER_CONFIG": str(tmp_path), "PYTHONPATH": str(Path(reach.__file__).parents[2])},
    )
    assert process.stdout.strip() == f"unix://{tmp_path}/colima.sock | it is the docker command's current context"
