"""Where the accounts of the stack's containers are: each kind of engine, and this machine's."""

from __future__ import annotations

from typing import Any

import pytest

from workshop_kit.engine import cgroups
from workshop_kit.engine.session import Session
from workshop_kit.engine.stack import Stack


@pytest.mark.parametrize(
    ("driver", "version", "parent", "path", "first_version"),
    [
        ("cgroupfs", "1", "/workshop-0a1b", "workshop-0a1b", "1"),
        ("cgroupfs", "2", "/workshop-0a1b", "workshop-0a1b", ""),
        ("systemd", "2", "workshop-0a1b.slice", "workshop.slice/workshop-0a1b.slice", ""),
        ("none", "2", "", "no-accounts-on-this-engine", ""),
    ],
)
def test_each_driver_has_its_own_words(driver: str, version: str, parent: str, path: str, first_version: str) -> None:
    """What the engine is told, and which folder that becomes."""
    assert cgroups.variables({"CgroupDriver": driver, "CgroupVersion": version}, "0a1b") == {
        "WORKSHOP_CGROUP_PARENT": parent,
        "WORKSHOP_CGROUP_PATH": path,
        "WORKSHOP_CGROUP_V1": first_version,
    }


@pytest.mark.engine
def test_containers_are_where_the_variables_say(stack: Stack, session: Session) -> None:
    """On this machine's engine: the folder of each running container is below the path that the agent is shown."""
    info: dict[str, Any] = session.engine.client.info()
    found = cgroups.variables(info, session.who.session)
    folder = cgroups.TREE / ("memory" if found["WORKSHOP_CGROUP_V1"] else "") / found["WORKSHOP_CGROUP_PATH"]
    names = {path.name for path in folder.iterdir() if path.is_dir()}
    for container in stack.containers().values():
        if container.status == "running":
            assert any(container.id in name for name in names)
