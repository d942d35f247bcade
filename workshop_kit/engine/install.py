"""Install Docker's engine from the distribution, and start it.

Only on Debian and Ubuntu, as root or with sudo, and only if no engine is there.
"""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from workshop_kit.engine import reach, shell
from workshop_kit.engine.dialect import DEFAULT_SOCKET
from workshop_kit.engine.docker_group import GROUP
from workshop_kit.engine.reach import Engine
from workshop_kit.errors import NoPermission, NotReady
from workshop_kit.host import can_install_packages, sudo
from workshop_kit.patience import wait_for
from workshop_kit.reporting import Report, Step, silent

PACKAGES = ("docker.io", "docker-cli", "docker-buildx", "docker-compose", "iptables")
UBUNTU_PACKAGES = ("docker.io", "docker-buildx", "docker-compose-v2", "iptables")
LOG = Path("/var/log/container-design-workshop-dockerd.log")
START_TIMEOUT_SECONDS = 60
TASK = "Docker engine"


def ensure(*, install: bool, report: Report = silent) -> Engine:
    """Return a reachable engine; install and start one where ``install`` allows it.

    An engine named by DOCKER_HOST or a context is never started. Raises NotReady with what to do instead.
    """
    try:
        return reach.connect()
    except NotReady as error:
        if not _lacks_engine(error) or not install or reach.other_engine():
            raise
        if not can_install_packages():
            advice = "Install and start Docker Engine, Docker Desktop or Colima, or ask an administrator to do it."
            raise NotReady(error.what, advice) from error

    if not shutil.which("dockerd"):
        install_packages(_engine_packages(), report)
    _start_engine(report)
    if os.geteuid() != 0:
        _join_group(report)

    return _wait_for_engine()


def _lacks_engine(error: NotReady) -> bool:
    """Return whether Docker's own engine is absent or stopped, rather than another one, or closed to this user."""
    is_default = reach.endpoint().address == f"unix://{DEFAULT_SOCKET}"
    return is_default and not isinstance(error, NoPermission)


def ensure_tools(*, install: bool, report: Report = silent) -> None:
    """Install ``docker buildx`` and ``docker compose`` from the distribution if they are absent.

    Raises NotReady where that is not possible or not allowed.
    """
    missing_plugins = [plugin for plugin in ("buildx", "compose") if not plugin_version(plugin)]
    if not missing_plugins:
        return

    if install and can_install_packages():
        install_packages(_engine_packages(), report)
        return

    raise NotReady(
        f"The docker command has no {' and no '.join(missing_plugins)} plugin.",
        "Install it (Debian: docker-buildx, docker-compose; Docker Desktop has both), then run ./workshop setup.",
    )


def install_packages(packages: Sequence[str], report: Report = silent, task: str = TASK) -> None:
    """Install packages from the distribution, after fetching the package lists."""
    report(Step(task, detail=f"installing {', '.join(packages)} from the distribution"))
    command = [*sudo(), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y", "--no-install-recommends"]
    command += ["-o", f"DPkg::Lock::Timeout={START_TIMEOUT_SECONDS}"]  # another apt may be running

    def show(line: str) -> None:
        report(Step(task, detail=line))

    # An update also fails if one of several sources does not answer, though the others may be enough.
    subprocess.run([*command, "update"], capture_output=True, check=False)
    shell.run(
        [*command, "install", *packages],
        failure=f"apt-get could not install {', '.join(packages)}.",
        next_step=f"Run it by hand to see more: sudo apt-get install {' '.join(packages)}",
        on_line=show,
    )


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


def _has_systemd() -> bool:
    return Path("/run/systemd/system").is_dir()


def _wait_for_engine() -> Engine:
    """Return the engine once it answers. Raises NotReady if it takes too long, or if this user may not use it."""

    def connect() -> Engine | NotReady:
        try:
            return reach.connect(timeout_seconds=10)
        except NoPermission:
            raise
        except NotReady as error:
            return error

    reached = wait_for(connect, START_TIMEOUT_SECONDS, until=lambda reached: isinstance(reached, Engine))
    if isinstance(reached, NotReady):
        raise NotReady(reached.what, f"Read why in {LOG}, or in `journalctl -u docker`.")
    return reached
