"""The root file system: pulled if a registry answers, else bootstrapped; a silent registry costs seconds at most."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from workshop_kit.engine import debian
from workshop_kit.engine.images import NO_DOCUMENTATION as FILE
from workshop_kit.engine.images import proxy_settings
from workshop_kit.engine.labels import Identity
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady
from workshop_kit.paths import CHECKOUT

NO_DOCUMENTATION = CHECKOUT / "images" / "base" / FILE


def program(folder: Path, name: str, script: str) -> None:
    """A program of that name that does this."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs come before the system's."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def test_a_registry_that_says_nothing_is_given_up(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A firewall that drops packets: the pull is ended, and with it the waiting."""
    monkeypatch.setattr(debian, "REGISTRY_TIMEOUT_SECONDS", 0.3)
    program(programs, "docker", "exec sleep 600")  # longer than a test may take
    assert debian._pull(lambda _step: None) is False


def test_what_is_left_out_is_never_unpacked(programs: Path, tmp_path: Path) -> None:
    """mmdebstrap is given the base's own list: deleted in a later step, manuals would stay in the layer below."""
    program(programs, "sudo", 'exec "$@"')
    program(programs, "mmdebstrap", f'echo "$@" > {tmp_path}/told')
    program(programs, "docker", "cat > /dev/null")
    session = SimpleNamespace(engine=SimpleNamespace(architecture="amd64"), who=Identity("1a2b3c4d", "me@here"))
    debian._bootstrap(cast("Session", session), NO_DOCUMENTATION, install=False, report=lambda _step: None)
    assert f"--dpkgopt={NO_DOCUMENTATION}" in (tmp_path / "told").read_text().split()
    assert "path-exclude=/usr/share/man/*" in NO_DOCUMENTATION.read_text().splitlines()


def test_without_mmdebstrap_and_leave_to_install_the_ways_on_are_named(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No registry, no mmdebstrap, --no-install: one sentence with what to install."""
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(NotReady, match="mmdebstrap"):
        debian._ensure_mmdebstrap(install=False, report=lambda _step: None)


def test_a_proxy_reaches_apt_and_pip_alike() -> None:
    """apt reads the lower-case name alone; an empty variable is no proxy."""
    assert proxy_settings({"https_proxy": "http://p", "HTTP_PROXY": ""}) == {
        "HTTPS_PROXY": "http://p",
        "https_proxy": "http://p",
    }
