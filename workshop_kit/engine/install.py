"""Install Docker's engine from the distribution, start it, and remove it again.

Only on Debian and Ubuntu, as root or with sudo, and only if no engine is there. A record on the machine lists the
packages that were installed; ``./workshop down --engine`` removes these alone.
"""

from __future__ import annotations

import getpass
import grp
import json
import operator
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from workshop_kit.engine import reach, shell
from workshop_kit.engine.dialect import DEFAULT_SOCKET
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.files import read_document
from workshop_kit.patience import wait_for
from workshop_kit.reporting import Report, Step, silent

PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "docker-compose", "iptables")
UBUNTU_PACKAGES = ("docker.io", "docker-buildx", "docker-compose-v2", "iptables")
RECORD = Path("/var/lib/container-design-workshop/engine.json")
LOG = Path("/var/log/container-design-workshop-dockerd.log")
PID_FILE = Path("/var/run/docker.pid")
DATA = Path("/var/lib/docker")
GROUP = "docker"
START_TIMEOUT_SECONDS = 60
TASK = "Docker engine"


@dataclass(frozen=True)
class InstallRecord:
    """What the workshop installed: the packages that were absent before, and whether the engine's data folder was."""

    packages: list[str]
    data_folder_is_ours: bool


def ensure(*, install: bool, report: Report = silent) -> Engine:
    """Return a reachable engine; install and start one where ``install`` allows it.

    An engine named by DOCKER_HOST or a context is never started. Raises NotReady with what to do instead.
    """
    try:
        return reach.connect()
    except NotReady as error:
        if not _lacks_engine(error) or not install or reach.other_engine():
            raise
        if not _can_install():
            advice = "Install and start Docker Engine, Docker Desktop or Colima, or ask an administrator to do it."
            raise NotReady(error.what, advice) from error

    if not shutil.which("dockerd"):
        install_packages(_engine_packages(), report)
    _start_engine(report)
    if os.geteuid() != 0:
        _join_group(report)

    engine = _wait_for_engine()
    report(Step(TASK, 1.0, engine.name, done=True))
    return engine


def _lacks_engine(error: NotReady) -> bool:
    """Return whether Docker's own engine is absent or stopped, rather than another one, or closed to this user."""
    is_default = reach.endpoint().address == f"unix://{DEFAULT_SOCKET}"
    return is_default and not isinstance(error, reach.NoPermission)


def ensure_tools(*, install: bool, report: Report = silent) -> None:
    """Install ``docker buildx`` and ``docker compose`` from the distribution if they are absent.

    Raises NotReady where that is not possible or not allowed.
    """
    missing_plugins = [plugin for plugin in ("buildx", "compose") if not plugin_version(plugin)]
    if not missing_plugins:
        return

    if install and _can_install():
        install_packages(_engine_packages(), report)
        return

    raise NotReady(
        f"The docker command has no {' and no '.join(missing_plugins)} plugin.",
        "Install it (Debian: docker-buildx, docker-compose; Docker Desktop has both), then run ./workshop setup.",
    )


def is_debian() -> bool:
    """Return whether this is Debian or a distribution derived from it, with apt (Ubuntu …)."""
    return shutil.which("apt-get") is not None and Path("/etc/debian_version").exists()


def read_record() -> InstallRecord | None:
    """Return what the workshop installed on this machine, or None."""
    try:
        return InstallRecord(**read_document(RECORD))
    except (FileNotFoundError, NotReady, TypeError):
        return None


def install_packages(packages: Sequence[str], report: Report = silent, task: str = TASK) -> None:
    """Install packages from the distribution; record which of them, and of their dependencies, were absent before."""
    report(Step(task, detail=f"installing {', '.join(packages)} from the distribution"))
    earlier_record = read_record() or InstallRecord([], not DATA.exists())
    packages_before = _installed_packages()
    apt("install", packages, report, task)

    new_packages = _installed_packages() - packages_before
    all_packages = new_packages.union(earlier_record.packages)
    _write_record(InstallRecord(sorted(all_packages), earlier_record.data_folder_is_ours))


def _write_record(record: InstallRecord) -> None:
    """Write what was installed to RECORD, as root. Raises NotReady."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(asdict(record), file)
        file.flush()
        shell.run(
            [*sudo(), "install", "-D", "-m", "644", file.name, RECORD],
            failure=f"What was installed could not be recorded in {RECORD}.",
            next_step="Free some space, then run ./workshop setup again.",
        )


def remove_engine(report: Report = silent) -> list[str]:
    """Stop and remove the engine that the workshop installed; return the packages removed.

    The caller has checked that only the workshop uses it. Raises WorkshopError if the workshop installed none.
    """
    record = read_record()
    if record is None:
        raise WorkshopError("The workshop has not installed an engine on this machine.", "There is nothing to remove.")

    report(Step(TASK, detail="stopping the engine"))
    _stop_engine()
    report(Step(TASK, detail="removing its packages"))
    if record.packages:
        apt("purge", record.packages)

    paths = [str(RECORD.parent), str(LOG)]
    if record.data_folder_is_ours:
        paths.append(str(DATA))
    shell.run(
        [*sudo(), "rm", "-rf", "--one-file-system", *paths],
        failure="The engine's data could not be removed.",
        next_step=f"Remove it by hand: sudo rm -rf {' '.join(paths)}",
    )

    report(Step(TASK, 1.0, done=True))
    return record.packages


def apt(verb: str, packages: Sequence[str], report: Report = silent, task: str = TASK) -> None:
    """Install or purge packages, after fetching the package lists."""
    command = [*sudo(), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "--no-install-recommends"]
    command += ["-o", f"DPkg::Lock::Timeout={START_TIMEOUT_SECONDS}"]  # another apt may be running

    def show(line: str) -> None:
        report(Step(task, detail=line))

    # An update also fails if one of several sources does not answer, though the others may be enough.
    subprocess.run([*command, "update"], capture_output=True, check=False)
    shell.run(
        [*command, verb, *packages],
        failure=f"apt-get could not {verb} {', '.join(packages)}.",
        next_step=f"Run it by hand to see more: sudo apt-get {verb} {' '.join(packages)}",
        on_line=show,
    )


def _can_install() -> bool:
    """Return whether this user can install packages with apt."""
    may_be_root = os.geteuid() == 0 or shutil.which("sudo") is not None
    return is_debian() and may_be_root


def sudo() -> list[str]:
    """Return the words before a command that needs root: none for root itself."""
    return [] if os.geteuid() == 0 else ["sudo"]


def plugin_version(name: str) -> str:
    """Return the version of a plugin of the docker command: "" without the plugin, "?" if it names no version."""
    if not shutil.which("docker"):
        return ""

    result = subprocess.run(["docker", name, "version"], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        return ""

    for word in result.stdout.split():
        if word.lstrip("v")[:1].isdigit():
            return word
    return "?"


def _engine_packages() -> tuple[str, ...]:
    """Return the distribution's names of the packages of Docker's engine."""
    is_ubuntu = "ubuntu" in Path("/etc/os-release").read_text().lower()
    return UBUNTU_PACKAGES if is_ubuntu else PACKAGES


def _installed_packages() -> set[str]:
    """Return the names of all packages that dpkg has installed."""
    listing = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${binary:Package}\n"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.split()[1] for line in listing.stdout.splitlines() if line.startswith("ii")}


def _start_engine(report: Report) -> None:
    """Start the engine with systemd, or without it as a process that outlives this command."""
    report(Step(TASK, detail="starting the engine"))
    if _has_systemd():
        shell.run(
            [*sudo(), "systemctl", "start", "docker"],
            failure="systemd could not start the Docker engine.",
            next_step="Look at: sudo journalctl -u docker -n 50",
        )
        return

    # Without an init system (a container, WSL without systemd), setsid lets dockerd outlive this command.
    shell.run(
        [*sudo(), "sh", "-c", f"setsid dockerd >>{LOG} 2>&1 </dev/null &"],
        failure="The Docker engine could not be started.",
        next_step=f"Look at {LOG}.",
    )


def _join_group(report: Report) -> None:
    """Add this user to Docker's group, as Docker's own instructions do."""
    user = getpass.getuser()
    report(Step(TASK, detail=f"adding {user} to the group {GROUP}, whose members may use the engine"))
    shell.run(
        [*sudo(), "usermod", "-aG", GROUP, user],
        failure=f"{user} could not be added to the group {GROUP}.",
        next_step=f"Do it by hand: sudo usermod -aG {GROUP} {user}",
    )


def repeat_as_group_member(error: WorkshopError, command: Sequence[str]) -> None:
    """Run a command again, with ``sg``, if the user was added to Docker's group after logging in; else return.

    Logging in again would apply the new group, too; ``sg`` applies it to one command at once.
    """
    if isinstance(error, reach.NoPermission) and _lacks_own_group() and shutil.which("sg"):
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


def _stop_engine() -> None:
    """Stop the engine and wait for its end. Raises WorkshopError if it does not stop."""
    if _has_systemd():
        subprocess.run([*sudo(), "systemctl", "stop", "docker.socket", "docker"], capture_output=True, check=False)
        return

    try:
        pid = PID_FILE.read_text().strip()
    except OSError:
        return  # it is not running

    subprocess.run([*sudo(), "kill", "-TERM", pid], capture_output=True, check=False)
    if wait_for(Path(f"/proc/{pid}").exists, START_TIMEOUT_SECONDS, until=operator.not_):
        raise WorkshopError("The Docker engine does not stop.", f"Stop it by hand: sudo kill -KILL {pid}")


def _has_systemd() -> bool:
    return Path("/run/systemd/system").is_dir()


def _wait_for_engine() -> Engine:
    """Return the engine once it answers. Raises NotReady if it takes too long, or if this user may not use it."""

    def connect() -> Engine | NotReady:
        try:
            return reach.connect(timeout_seconds=10)
        except reach.NoPermission:
            raise
        except NotReady as error:
            return error

    reached = wait_for(connect, START_TIMEOUT_SECONDS, until=lambda reached: isinstance(reached, Engine))
    if isinstance(reached, NotReady):
        raise NotReady(reached.what, f"Read why in {LOG}, or in `journalctl -u docker`.")
    return reached
