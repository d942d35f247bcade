"""Where the kernel keeps the accounts of the stack's containers, in the words that compose.yaml asks for.

The engine puts the stack's containers below one cgroup of the workspace's own, so that the monitoring's agent can be
shown these accounts and no others. How such a group is called, and which folder it is, depends on the engine.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TREE = Path("/sys/fs/cgroup")


def variables(info: Mapping[str, Any], session: str) -> dict[str, str]:
    """Return the variables for one workspace on the engine whose ``docker info`` this is.

    ``WORKSHOP_CGROUP_PARENT`` is what the engine is told; ``WORKSHOP_CGROUP_PATH`` the folder below the kernel's tree;
    ``WORKSHOP_CGROUP_V1`` is empty on cgroup v2, where there is one tree and not one for each controller.

    >>> variables({"CgroupDriver": "systemd", "CgroupVersion": "2"}, "0a1b")["WORKSHOP_CGROUP_PATH"]
    'workshop.slice/workshop-0a1b.slice'
    """
    name = f"workshop-{session}"
    if info.get("CgroupDriver") == "systemd":
        parent, path = f"{name}.slice", slice_path(name)
    elif info.get("CgroupDriver") == "cgroupfs":
        parent, path = f"/{name}", name  # without the stroke it would be below the engine's own
    else:  # a rootless engine without delegation has no groups, and so no accounts
        parent, path = "", "no-accounts-on-this-engine"
    return {
        "WORKSHOP_CGROUP_PARENT": parent,
        "WORKSHOP_CGROUP_PATH": path,
        "WORKSHOP_CGROUP_V1": "1" if info.get("CgroupVersion") == "1" else "",
    }


def remove_empty(session: str, tree: Path = TREE) -> None:
    """Remove one workspace's groups, which the engine leaves behind when the last container is gone.

    Only what is empty can be removed, and only by root on the engine's own machine. Where that fails, an empty group
    stays until the machine is restarted, which costs a few kilobytes of the kernel; systemd removes its own.
    """
    name = f"workshop-{session}"
    for folder in (tree / name, *tree.glob(f"*/{name}")):
        with contextlib.suppress(OSError):
            folder.rmdir()


def slice_path(name: str) -> str:
    """Return where systemd keeps a slice: every dash in its name is a level.

    >>> slice_path("a-b-c")
    'a.slice/a-b.slice/a-b-c.slice'
    """
    parts = name.split("-")
    return "/".join("-".join(parts[: level + 1]) + ".slice" for level in range(len(parts)))
