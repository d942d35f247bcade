"""``./workshop doctor``: examine the machine, report what is good and how to fix the rest; change nothing.

It also runs on a bare Python: findings that need the workshop's packages are then "n/a". Each line of its report has a
function, in the order of the report.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from workshop_kit import python_env
from workshop_kit.commands import COMMANDS
from workshop_kit.engine import recipes
from workshop_kit.errors import Exit, WorkshopError
from workshop_kit.host import (
    ENOUGH_BYTES,
    GIB,
    PAGE,
    file_system,
    is_wsl,
    keeps_modes,
    this_machine,
    usable_bytes,
)
from workshop_kit.observe.http import is_port_open
from workshop_kit.paths import CHECKOUT
from workshop_kit.terminal import Parser, answer
from workshop_kit.workspace.folder import HIDDEN, Workspace, own_folder
from workshop_kit.workspace.lab_settings import HOST, own_port

if TYPE_CHECKING:
    from workshop_kit.engine.features import Feature
    from workshop_kit.engine.reach import Engine
    from workshop_kit.engine.session import Session

State = Literal["good", "fixable", "n/a"]
SYMBOLS: dict[State, str] = {"good": "✓", "fixable": "✗", "n/a": "–"}
ENOUGH_CLOCK_SECONDS = 2.0
SETUP = "./workshop setup"


@dataclass(frozen=True)
class DoctorLine:
    """One line of the report. ``command`` fixes a fixable state."""

    name: str
    state: State
    detail: str
    command: str = ""


def main(arguments: list[str]) -> int:
    """Print the report in the form that the arguments ask for; return exit code 1 if something is fixable."""
    parser = Parser("doctor", COMMANDS["doctor"].summary)
    parser.add_argument("--json", action="store_true", help="One JSON document on stdout, and nothing else there.")
    options = parser.parse_args(arguments)

    findings = list(examine())
    is_good = all(finding.state != "fixable" for finding in findings)
    if options.json:
        document = {"good": is_good, "findings": [asdict(finding) for finding in findings]}
        answer(json.dumps(document, ensure_ascii=False))
    else:
        answer(as_text(findings))
    return Exit.GOOD if is_good else Exit.NOT_GOOD


def examine() -> Iterator[DoctorLine]:
    """Yield every finding in the order of the report, without changing the machine."""
    yield _python_line()
    yield _packages_line()
    yield _certificates_line()
    yield _proxy_line()
    yield ports(own_folder())
    yield _memory_line()
    if is_wsl():
        yield _wsl_line()
    yield workspace_folder(own_folder())
    yield service_files(CHECKOUT)
    yield from _engine_lines()


def as_text(findings: list[DoctorLine]) -> str:
    """Return the report as aligned lines; the command stands below a fixable line."""
    width = max(len(finding.name) for finding in findings)
    indent = " " * (width + 11)  # the width of symbol, state and name
    lines = []
    for finding in findings:
        lines.append(f"{SYMBOLS[finding.state]} {finding.state:<7}  {finding.name:<{width}}  {finding.detail}")
        if finding.command:
            lines.append(f"{indent}  → {finding.command}")
    return "\n".join(lines)


def _python_line() -> DoctorLine:
    shown_path = Path(sys.executable)
    if shown_path.is_relative_to(CHECKOUT):
        shown_path = shown_path.relative_to(CHECKOUT)
    return DoctorLine("Python", "good", f"{platform.python_version()} ({shown_path})")


def _packages_line() -> DoctorLine:
    if os.environ.get("CONDA_DEFAULT_ENV") == "container-design-workshop":
        return DoctorLine("Python packages", "good", "from the conda environment")
    if python_env.is_complete(CHECKOUT):
        return DoctorLine("Python packages", "good", "as locked in requirements.lock")
    return DoctorLine("Python packages", "fixable", "not installed yet", SETUP)


def _certificates_line() -> DoctorLine:
    certificate_file = os.environ.get("SSL_CERT_FILE")
    if certificate_file and not Path(certificate_file).is_file():
        detail = f"SSL_CERT_FILE names {certificate_file}, which is not a file"
        return DoctorLine("Certificates", "fixable", detail, "unset SSL_CERT_FILE, or name your CA bundle")

    detail = f"from SSL_CERT_FILE ({certificate_file})" if certificate_file else "the system's"
    return DoctorLine("Certificates", "good", detail)


def _proxy_line() -> DoctorLine:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    variables_set = [name for name in names if os.environ.get(name)]
    if not variables_set:
        return DoctorLine("Proxy", "n/a", "none is set")
    return DoctorLine("Proxy", "good", f"set in {', '.join(variables_set)}: {PAGE}#behind-a-companys-proxy")


def ports(folder: Path) -> DoctorLine:
    """Return the line about JupyterLab's port for a workspace; the stack takes ports that are free."""
    port = own_port(folder)
    detail = f"{HOST}:{port} (JupyterLab) is free"
    if is_port_open(HOST, port):
        detail = f"{HOST}:{port} is in use: JupyterLab runs, or the next start chooses another one"
    return DoctorLine("Ports", "good", detail)


def _memory_line() -> DoctorLine:
    usable = usable_bytes()
    detail = f"{usable / GIB:.1f} GiB"
    if usable >= ENOUGH_BYTES:
        return DoctorLine("Memory", "good", detail)

    command = "use a machine, or a seat, with more memory"
    if is_wsl():
        command = "write memory=6GB below [wsl2] in %UserProfile%\\.wslconfig, then: wsl --shutdown"
    return DoctorLine("Memory", "fixable", f"{detail}; the lessons want 3", command)


def _wsl_line() -> DoctorLine:
    limits = f"{usable_bytes() / GIB:.1f} GiB and {os.cpu_count()} processors"
    return DoctorLine("WSL2", "good", f"{limits}; memory= and processors= in %UserProfile%\\.wslconfig change them")


def workspace_folder(workspace: Path) -> DoctorLine:
    """Return the line about the file system of a workspace, or of the folder in which it will be created."""
    folders = (workspace, *workspace.absolute().parents)
    existing_folder = next(folder for folder in folders if folder.is_dir())
    try:
        if keeps_modes(existing_folder):
            return DoctorLine("Folder", "good", "its files keep their modes")
    except OSError as error:
        return DoctorLine("Folder", "n/a", f"{existing_folder} cannot be written: {error.strerror}")

    system = file_system(existing_folder) or "its file system"
    detail = f"{existing_folder} ignores chmod ({system}): every user can read the secrets there"
    command = "cd ~   # clone on a disk of this machine"
    if is_wsl():
        command = "cd ~   # clone inside of WSL, not on a disk of Windows"
    return DoctorLine("Folder", "fixable", detail, command)


def service_files(root: Path) -> DoctorLine:
    """Return the line about the modes of the service's files, which containers read as other users."""
    closed_files = recipes.closed_files(root)
    if not closed_files:
        return DoctorLine("Files", "good", "containers may read those of the service")

    first_file = closed_files[0].relative_to(root)
    detail = f"containers cannot read {first_file}: a strict umask, such as 077, closed it"
    return DoctorLine("Files", "fixable", detail, SETUP)


def _engine_lines() -> Iterator[DoctorLine]:
    """Yield the lines about the engine; without packages or an engine, a line that says what is missing."""
    yield _machine_line()
    if _packages_line().state != "good":
        # A docker package of another environment could find another engine.
        yield DoctorLine("Docker engine", "n/a", "not known before the packages are installed", SETUP)
        return

    from workshop_kit.engine import reach

    try:
        engine = reach.connect(timeout_seconds=10)
    except WorkshopError as error:
        yield DoctorLine("Docker engine", "fixable", error.what, error.next_step)
        return

    yield DoctorLine("Docker engine", "good", f"{engine.endpoint.address}, because {engine.endpoint.why}")
    try:
        yield _version_line(engine)
        yield _tools_line()
        yield _disk_line(engine)
        yield _images_line(engine)
        yield from _pause_lines(engine)
        yield from _trial_lines(engine)
    except Exception as error:  # an engine that stops during the report is a finding, too
        yield DoctorLine("Docker engine", "fixable", f"it answers no longer: {error}", SETUP)


def _machine_line() -> DoctorLine:
    machine = this_machine()
    return DoctorLine("Platform", "good", f"{machine.name}: {machine.page}")


def _version_line(engine: Engine) -> DoctorLine:
    version_text = f"{engine.name}, API {engine.version['ApiVersion']}, {engine.architecture}"
    if not engine.dialect.knows_start_interval:
        version_text += " (older than 1.44: the stack takes some seconds longer to start)"

    info = engine.client.info()
    place = f"cgroup v{info.get('CgroupVersion', '1')}, {info.get('OperatingSystem', 'Linux')}"
    return DoctorLine("Engine version", "good", f"{version_text}, {place}")


def _tools_line() -> DoctorLine:
    """Return the line about the docker command's plugins."""
    from workshop_kit.engine import install

    versions = {plugin: install.plugin_version(plugin) for plugin in ("buildx", "compose")}
    missing_plugins = [plugin for plugin, version in versions.items() if not version]
    if missing_plugins:
        return DoctorLine("docker command", "fixable", f"without {' and '.join(missing_plugins)}", SETUP)

    detail = ", ".join(f"{plugin} {version}" for plugin, version in versions.items())
    return DoctorLine("docker command", "good", detail)


def _disk_line(engine: Engine) -> DoctorLine:
    from workshop_kit.engine import images

    free_bytes = images.free_bytes(engine)
    if free_bytes is None:
        return DoctorLine("Disk", "n/a", "the engine's images are not on this machine's disks")

    detail = f"{free_bytes / GIB:.1f} GiB free for images"
    if free_bytes >= images.ENOUGH_DISK_BYTES or not images.missing(engine, CHECKOUT):
        return DoctorLine("Disk", "good", detail)
    return DoctorLine("Disk", "fixable", f"{detail}; set-up wants 4", "docker system df   # shows what takes space")


def _images_line(engine: Engine) -> DoctorLine:
    from workshop_kit.engine import images

    missing_images = images.missing(engine, CHECKOUT)
    if not missing_images:
        return DoctorLine("Images", "good", f"{', '.join(recipes.tags(CHECKOUT))} are up to date")

    detail = f"missing or out of date: {', '.join(missing_images)}"
    command = SETUP
    if engine.dialect.has_buildkit and not engine.dialect.knows_start_interval:
        detail += "; an engine before Docker 25 cannot build them"
        command = "update Docker, or: ./workshop bundle load FOLDER"
    return DoctorLine("Images", "fixable", detail, command)


def _open_session(engine: Engine) -> Session | None:
    """Return a session of the workspace; None where there is no workspace yet."""
    from workshop_kit import provision

    workspace = Workspace.existing(own_folder())
    return provision.session_of(workspace, engine) if workspace else None


def _pause_lines(engine: Engine) -> Iterator[DoctorLine]:
    """Yield a line for each paused container of the workspace, or one line that none is paused."""
    from workshop_kit.engine import paused_containers

    session = _open_session(engine)
    if session is None:
        return

    paused = paused_containers.find(session)
    if not paused:
        yield DoctorLine("Pauses", "good", "no container of the workspace is paused")

    for container in paused:
        sentence = container.sentence.rstrip(".")
        if container.holder is None:
            yield DoctorLine("Pauses", "fixable", sentence, f"{container.command}   # or w.up() in a lesson")
        else:
            yield DoctorLine("Pauses", "n/a", sentence, container.next_step)


def _trial_lines(engine: Engine) -> Iterator[DoctorLine]:
    """Yield the lines about features that lessons need; each is tried in a container of the workspace."""
    from workshop_kit.engine import features, images

    tag = recipes.tags(CHECKOUT)["base"]
    session = _open_session(engine)
    if session is None or not images.has_image(engine, tag):
        yield DoctorLine("Clock, limits, health, logs", "n/a", "tried once ./workshop setup has run")
        return

    yield _clock_line(session, tag)
    yield from map(feature_line, features.examine(session, tag, own_folder() / HIDDEN))


def _clock_line(session: Session, image: str) -> DoctorLine:
    """Compare the clocks of this machine and a container: a virtual machine's clock may lag after sleep."""
    from workshop_kit.engine import containers
    from workshop_kit.engine.container_spec import Spec

    program = ("python3", "-I", "-S", "-c", "import time; print(time.time(), flush=True); time.sleep(3600)")
    time_before = time.time()
    with containers.run(session, Spec(image, command=program, network="none")) as running:
        container_time = float(running.wait_line(goal="tell the time"))
        time_after = time.time()

    seconds_behind = time_before - container_time
    seconds_ahead = container_time - time_after
    skew_seconds = max(seconds_behind, seconds_ahead, 0.0)
    if skew_seconds > ENOUGH_CLOCK_SECONDS:
        return DoctorLine("Clock", "fixable", f"a container's clock is {skew_seconds:.1f} s off", "restart Docker")
    return DoctorLine("Clock", "good", "a container's clock agrees with this machine's")


def feature_line(feature: Feature) -> DoctorLine:
    """Return the line about a feature of the engine."""
    trial = feature.trial
    if feature.works:
        return DoctorLine(trial.name, "good", feature.detail)
    if feature.works is None:
        return DoctorLine(trial.name, "n/a", f"not tried, this machine is too busy: {feature.detail}")
    return DoctorLine(trial.name, "fixable", f"{feature.detail}: {trial.cost}", trial.advice)
