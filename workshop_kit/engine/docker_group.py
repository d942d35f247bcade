"""Docker's group: its members may use the engine, a new member only after the next login."""

from __future__ import annotations

import getpass
import grp
import os
import shlex
import shutil
from collections.abc import Sequence

from workshop_kit.errors import NoPermission, WorkshopError

GROUP = "docker"


def can_repeat(error: WorkshopError) -> bool:
    """Return whether the command that ended with this error would get on as a member of the group."""
    return isinstance(error, NoPermission) and _lacks_own_group() and shutil.which("sg") is not None


def repeat_as_group_member(error: WorkshopError, command: Sequence[str]) -> None:
    """Run a command again, with ``sg``, if the user was added to the group after logging in; else return.

    Logging in again would apply the new group, too; ``sg`` applies it to one command at once.
    """
    if can_repeat(error):
        os.execvp("sg", ["sg", GROUP, "-c", shlex.join(command)])


def _lacks_own_group() -> bool:
    """Return whether this user is a member of Docker's group, and this process is not in it yet."""
    user = getpass.getuser()
    groups_of_process = {os.getgid(), *os.getgroups()}
    for group in grp.getgrall():
        is_member = group.gr_name == GROUP and user in group.gr_mem
        if is_member and group.gr_gid not in groups_of_process:
            return True
    return False
