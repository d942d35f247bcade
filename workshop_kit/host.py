"""This machine: its kind, its memory, and its file systems.

It needs the standard library only.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MIB = 1024**2
GIB = 1024**3
ENOUGH_BYTES = 3 * GIB
"""The memory that the lessons want."""
LIMIT_FILES = ("memory.max", "memory.limit_in_bytes")  # of cgroup version 2, and of version 1
MOUNTS = Path("/proc/self/mountinfo")
SILENT = ("9p", "drvfs", "virtiofs", "nfs", "nfs4", "cifs", "smb3", "fakeowner", "vboxsf", "vmhgfs", "prl_fs")
"""File systems of another machine, beside those that begin with ``fuse.``: what is saved there sends no event here."""

FILES = 4096
"""The files that a server wants to open; macOS lets a process open 256 unless it asks for more."""

PAGE = "docs/platforms.md"
"""The page with a part for each kind of machine."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Docker's words for the names of processors that differ from them."""


@dataclass(frozen=True)
class Machine:
    """A machine: its system as ``uname -s`` names it, its architecture in Docker's word, and whether it is WSL."""

    system: str
    architecture: str
    is_wsl: bool = False

    @property
    def name(self) -> str:
        """Its kind, in words."""
        if self.system == "Darwin":
            return "a Mac with Apple silicon" if self.architecture == "arm64" else "a Mac with an Intel processor"
        return "Windows with WSL2" if self.is_wsl else f"Linux, {self.architecture}"

    @property
    def page(self) -> str:
        """The part of the page of platforms that is about it."""
        kind = self.name.removeprefix("a ").partition(",")[0]
        return f"{PAGE}#{kind.lower().replace(' ', '-')}"


def this_machine() -> Machine:
    """Return what this machine is."""
    processor = platform.machine()
    return Machine(platform.system(), ARCHITECTURES.get(processor, processor), is_wsl())


def usable_bytes(cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Return the memory of this machine, or the smallest limit of this process's cgroups if that is less.

    In a container the kernel reports the host's memory; only the cgroup has the container's.
    """
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([total, *_limits(cgroups, own)])


def _limits(cgroups: Path, own: Path) -> Iterator[int]:
    """Yield the limits of the process's cgroup and of those above it. Version 1 has a tree of its own for memory."""
    lines = own.read_text().splitlines() if own.exists() else []  # only Linux has cgroups
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in {"", "memory"}:
            continue

        folder = cgroups / controllers / path.lstrip("/")
        for file in (cgroup / name for cgroup in (folder, *folder.parents) for name in LIMIT_FILES):
            with contextlib.suppress(OSError, ValueError):  # there is no such file, or it says "max"
                yield int(file.read_text())


def raise_file_limit() -> int:
    """Let this process open `FILES` files if the system allows it, and return how many it may open."""
    try:
        import resource  # not there on every system
    except ImportError:
        return FILES

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            soft = limit

    return FILES if soft == resource.RLIM_INFINITY else soft


def is_wsl(version: Path = Path("/proc/version")) -> bool:
    """Return whether this is Linux inside of Windows: its kernel is Microsoft's."""
    try:
        return "microsoft" in version.read_text().lower()
    except OSError:
        return False


def file_system(path: Path, mounts: Path = MOUNTS) -> str:
    """Return the type of the file system that holds ``path``, such as ``ext4`` or ``9p``; "" where Linux is not.

    A line of ``mounts`` has the mount point as its fifth word, and the type after a single dash.
    """
    lines = mounts.read_text().splitlines() if mounts.exists() else []
    path = path.absolute()
    kind = ""
    longest = -1

    for line in lines:
        before, _, after = line.partition(" - ")
        # A space in a path stands there as \040.
        point = Path(re.sub(r"\\([0-7]{3})", _character, before.split()[4]))
        if path.is_relative_to(point) and len(point.parts) >= longest:
            kind = after.split()[0]
            longest = len(point.parts)

    return kind


def _character(octal: re.Match[str]) -> str:
    return chr(int(octal[1], 8))


def sends_events(path: Path, mounts: Path = MOUNTS) -> bool:
    """Return whether the kernel reports each save below ``path``: not on a disk of Windows, a share or a network."""
    kind = file_system(path, mounts)
    return kind not in SILENT and not kind.startswith("fuse.")


def keeps_modes(folder: Path) -> bool:
    """Return whether a file in ``folder`` keeps the mode that it is given: not on a disk of Windows.

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
