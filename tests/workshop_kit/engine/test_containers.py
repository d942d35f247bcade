"""Single containers: hardened unless told otherwise."""

from __future__ import annotations

import pytest

from tests.workshop_kit.engine.kernels import things
from workshop_kit.engine import containers
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.labels import MAKER
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError

SERVE = ("python3", "-m", "http.server", "8080", "--directory", "/usr/share/doc")


def test_the_default_is_hardened_and_reached_from_this_machine_alone(session: Session, images: dict[str, str]) -> None:
    """Read-only root, no capabilities, limits on memory, CPU and processes; a published port is a free one."""
    with containers.run(session, Spec(images["base"], command=SERVE, ports=(8080,))) as running:
        assert running.wait_ready("/") < 20
        inspected = running.inspect()
        host = inspected["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (256 * 1024**2, 1_000_000_000, 100)
        assert running.exec("touch", "/here").exit_code != 0
        assert running.exec("touch", "/tmp/here").exit_code == 0
        assert {binding["HostIp"] for binding in inspected["NetworkSettings"]["Ports"]["8080/tcp"]} == {"127.0.0.1"}
        with pytest.raises(WorkshopError, match="Port 9999"):
            running.url(9999)


def test_what_the_engine_refuses_is_one_sentence_and_leaves_nothing(session: Session, images: dict[str, str]) -> None:
    """A memory limit under the engine's minimum: its own words, and no container left behind."""
    with pytest.raises(WorkshopError, match="engine refused"):
        containers.run(session, Spec(images["base"], memory_bytes=1024))
    with pytest.raises(WorkshopError, match="engine refused"):
        containers.run(session, Spec(images["base"], command=("no-such-program",)))
    assert things(session.engine, session.identity.workspace_id, f"{MAKER}={session.maker}") == []
