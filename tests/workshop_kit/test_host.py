"""What this machine allows: its memory, and what its file systems do."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from workshop_kit.host import file_system, is_wsl, keeps_modes, sends_events, usable_bytes

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:26 / /home rw,relatime - ext4 /dev/sdb rw
31 22 0:27 / /mnt/c rw,noatime - 9p C:\134 rw,aname=drvfs;path=C:\;uid=1000
32 22 0:28 / /mnt/d rw,noatime shared:9 master:2 - virtiofs drvfs rw
33 30 0:29 / /home/ann/our\040share rw - cifs //server/share rw,vers=3.1.1
34 30 0:30 / /home/ann/lab rw - nfs4 server:/lab rw
35 30 0:31 / /home/ann/mac rw - fuse.sshfs mac:/ rw
36 30 0:32 / /home/ann/usb rw - fuseblk /dev/sdc1 rw
37 31 0:33 / /mnt/c/code rw - ext4 /dev/sdd rw
38 22 0:34 / /workspaces rw - fakeowner /run/host_mark/Users rw
"""
"""The mounts of a machine: lines as WSL2, a share, NFS, sshfs and a dev container of Docker Desktop have them."""


@pytest.mark.parametrize(
    ("own", "name"),
    [
        ("0::/", "memory.max"),
        ("0::/user.slice/me", "user.slice/memory.max"),
        ("11:memory:/docker/0a1b\n1:name=systemd:/docker/0a1b", "memory/memory.limit_in_bytes"),
    ],
)
def test_a_seat_says_its_own_memory(own: str, name: str, tmp_path: Path) -> None:
    """The smallest limit counts, in both versions, also one of a cgroup above; without one it is the machine's."""
    (tmp_path / "cgroup").write_text(own)
    limit = tmp_path / "tree" / name
    limit.parent.mkdir(parents=True)
    limit.write_text("max\n")
    unlimited = usable_bytes(tmp_path / "tree", tmp_path / "cgroup")
    limit.write_text("1048576\n")
    assert usable_bytes(tmp_path / "tree", tmp_path / "cgroup") == 1048576 < unlimited
    assert usable_bytes(tmp_path / "tree", tmp_path / "none") == unlimited


@pytest.mark.parametrize(
    ("path", "kind", "has_events"),
    [
        ("/srv/workshop", "ext4", True),
        ("/home/ann/workshop", "ext4", True),
        ("/mnt/c/Users/ann/workshop", "9p", False),
        ("/mnt/c/code/workshop", "ext4", True),
        ("/mnt/cd", "ext4", True),
        ("/mnt/d", "virtiofs", False),
        ("/home/ann/our share/workshop", "cifs", False),
        ("/home/ann/lab/workshop", "nfs4", False),
        ("/home/ann/mac/workshop", "fuse.sshfs", False),
        ("/home/ann/usb/workshop", "fuseblk", True),
        ("/workspaces/workshop", "fakeowner", False),
    ],
)
def test_the_innermost_mount_says_whether_saves_are_reported(
    path: str, kind: str, has_events: bool, tmp_path: Path
) -> None:
    """What is saved on the other side of a share sends no event here; macOS has no such list, and reports saves."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS.lstrip())
    assert (file_system(Path(path), mounts), sends_events(Path(path), mounts)) == (kind, has_events)
    assert sends_events(Path(path), tmp_path / "none")


def test_this_machine_reports_saves(tmp_path: Path) -> None:
    """Its own list of mounts is read, whatever file system holds the folder."""
    assert file_system(tmp_path)
    assert sends_events(tmp_path)


def test_the_kernel_of_windows_is_known(tmp_path: Path) -> None:
    """Its version names Microsoft; other systems have another one, or none."""
    version = tmp_path / "version"
    assert not is_wsl(version)
    version.write_text("Linux version 6.12.0-amd64 (gcc-14) #1 SMP")
    assert not is_wsl(version)
    version.write_text("Linux version 6.6.87.2-microsoft-standard-WSL2 (root@439a258ad544) (gcc) #1 SMP")
    assert is_wsl(version)


def ignore(*_: object) -> None:
    """Do nothing, as chmod does on a disk of Windows."""


def refuse(*_: object) -> None:
    """Refuse, as chmod does on a stick with FAT."""
    raise PermissionError(errno.EPERM, "Operation not permitted")


def test_a_file_system_that_keeps_no_modes_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ignores them or refuses them, which this kernel cannot mount; nothing is left of the trial."""
    assert keeps_modes(tmp_path)
    for chmod in (ignore, refuse):
        monkeypatch.setattr(Path, "chmod", chmod)
        assert not keeps_modes(tmp_path)
    assert not [*tmp_path.iterdir()]
    with pytest.raises(FileNotFoundError):
        keeps_modes(tmp_path / "none")
