"""This machine: its kind, its memory, its file systems, and whether apt may install something.

It needs the standard library only.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 1024**2
GIB = 1024**3
ENOUGH_BYTES = 3 * GIB
"""The memory that the lessons need."""
LIMIT_FILES = ("memory.max", "memory.limit_in_bytes")  # of cgroup version 2, and of version 1
HOME_ADVICE = "The home folder cannot be written: set HOME to a folder of your own, then run the same command again."
MOUNTS = Path("/proc/self/mountinfo")
SILENT = ("9p", "drvfs", "virtiofs", "nfs", "nfs4", "cifs", "smb3", "fakeowner", "vboxsf", "vmhgfs", "prl_fs")
"""File systems on which a save sends no event to this kernel; so do all whose names begin with ``fuse.``."""

PAGE = "docs/platforms.md"
"""The page with a part for each kind of machine."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Docker's names of architectures, by the kernel's names where these differ."""


@dataclass(frozen=True)
class Machine:
    """A machine: its system as ``uname -s`` names it, its architecture in Docker's word, and whether it is WSL."""

    system: str
    architecture: str
    is_wsl: bool = False

    @property
    def name(self) -> str:
        """The kind of machine, in words."""
        if self.system == "Darwin":
            return "a Mac with Apple silicon" if self.architecture == "arm64" else "a Mac with an Intel processor"
        if self.is_wsl:
            return "Windows with WSL2"
        return f"Linux, {self.architecture}"

    @property
    def page(self) -> str:
        """The address of the part of `PAGE` that is about this kind of machine."""
        kind, _, _ = self.name.removeprefix("a ").partition(",")
        anchor = kind.lower().replace(" ", "-")
        return f"{PAGE}#{anchor}"


def this_machine() -> Machine:
    """Return the machine that this process runs on."""
    processor = platform.machine()
    return Machine(platform.system(), ARCHITECTURES.get(processor, processor), is_wsl())


def usable_bytes(cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the memory of this machine, or the smallest limit of this process's cgroups if that is less.

    In a container the kernel reports the host's memory; only the cgroup has the container's.
    """
    total_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([total_bytes, *_memory_limits(cgroups, own)])


def _memory_limits(cgroups: Path, own: Path) -> Iterator[int]:
    """Yield the memory limits (bytes) of this process's cgroup and of those above it.

    Version 1 has a tree of cgroups for each controller, version 2 one tree, whose line names no controller.
    """
    lines = own.read_text().splitlines() if own.exists() else []  # only Linux has cgroups
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in {"", "memory"}:
            continue

        folder = cgroups / controllers / path.lstrip("/")
        files = [cgroup / name for cgroup in (folder, *folder.parents) for name in LIMIT_FILES]
        for file in files:
            with contextlib.suppress(OSError, ValueError):  # there is no such file, or it says "max"
                yield int(file.read_text())


def is_wsl(version: Path = Path("/proc/version")) -> bool:
    """Return whether this is Linux inside of Windows: its kernel is Microsoft's."""
    try:
        return "microsoft" in version.read_text().lower()
    except OSError:
        return False


def file_system(path: Path, mounts: Path = MOUNTS) -> str:
    """Return the type of the file system that holds ``path``, such as ``ext4`` or ``9p``; "" on a Mac.

    It is that of the longest mount point above the path; of several mounts at one point, the last one counts.
    """
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    absolute_path = path.absolute()
    kind = ""
    longest = -1

    for line in lines:
        mount_point, mount_kind = _parse_mount(line)
        if absolute_path.is_relative_to(mount_point) and len(mount_point.parts) >= longest:
            kind = mount_kind
            longest = len(mount_point.parts)

    return kind


def _parse_mount(line: str) -> tuple[Path, str]:
    """Return mount point and file system type from a line of ``/proc/self/mountinfo``.

    The mount point is the fifth word, with a space written as ``\\040``; the type follows a single dash.
    """
    mount, _, source = line.partition(" - ")
    escaped_point = mount.split()[4]
    mount_point = Path(re.sub(r"\\([0-7]{3})", _unescape_octal, escaped_point))
    kind, _, _ = source.partition(" ")
    return mount_point, kind


def _unescape_octal(octal: re.Match[str]) -> str:
    return chr(int(octal[1], 8))


def sends_events(path: Path, mounts: Path = MOUNTS) -> bool:
    """Return whether the kernel reports saves below ``path``: not on a disk of Windows, a share or a network disk."""
    kind = file_system(path, mounts)
    return kind not in SILENT and not kind.startswith("fuse.")


def can_install_packages() -> bool:
    """Return whether this user can install packages with apt: on Debian, or on what is derived from it (Ubuntu …)."""
    is_debian = shutil.which("apt-get") is not None and Path("/etc/debian_version").exists()
    may_be_root = os.geteuid() == 0 or shutil.which("sudo") is not None
    return is_debian and may_be_root


def sudo() -> list[str]:
    """Return the words before a command that needs root: none for root itself."""
    return [] if os.geteuid() == 0 else ["sudo"]


def is_home_writable() -> bool:
    """Return whether files can be made in the home folder, where uv and Docker's builder keep theirs."""
    try:
        with tempfile.TemporaryFile(dir=Path("~").expanduser()):
            return True
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return False


def keeps_modes(folder: Path) -> bool:
    """Return whether a file in ``folder`` keeps the mode that it gets by ``chmod``: not on a disk of Windows.

    Raises OSError where no file can be made.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".mode-") as file:
        path = Path(file.name)
        for mode in (0o444, 0o700):
            with contextlib.suppress(PermissionError):
                path.chmod(mode)
            if stat.S_IMODE(path.stat().st_mode) != mode:
                return False
    return True
