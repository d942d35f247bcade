"""The check of container.dockerfile: build the participant's folder, run and stop it, and read the image's layers."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workshop_kit.engine import containers, images, resources
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.checks import newer_wheels
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.service_image import ServiceImage
from workshop_kit.exercises.service_trial import SHELL, is_shell
from workshop_kit.observe import layers
from workshop_kit.progress import Report, Step

STOP_SECONDS = 2.0
WHEELS = "/wheels"
PLANTED = {".env": "TOKEN=planted-by-the-check\n", ".git/config": "[core]\n"}
CHANGE = "\n# a line that the check adds\n"
INSTALLED = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
NEWER = Path(newer_wheels.__file__)


@dataclass
class Findings:
    """The findings so far; the first that did not pass is reported at once."""

    report: Report
    all: list[Finding] = field(default_factory=list)

    def doing(self, what: str) -> None:
        """Report the check's next step, or the first finding that did not pass."""
        failed = next((finding for finding in self.all if not finding.passed), None)
        self.report(Step("Check", None, f"✗ {failed.means}" if failed else what))

    def add(self, *new: Finding, then: str) -> None:
        """Add findings, and report the check's next step."""
        self.all += new
        self.doing(then)


@check("container.dockerfile")
def dockerfile(context: Context) -> CheckResult:
    """Build it, stop it, build it again after a change, and with newer packages; read its layers."""
    findings = Findings(context.report)
    findings.doing("building your image")
    with service_trial.build(context) as image, ThreadPoolExecutor(1) as pool:
        again = pool.submit(_build_again, context, image)
        _run(context, image, findings)
        kept, leaked = again.result()
        findings.add(kept, leaked, then="building it with newer packages at hand")
        if kept.passed:
            findings.all.append(pins(_installed_with_newer_wheels(context)))
    shown = "It stops when it is told to, is not root, builds quickly, and holds only what it should."
    return conclude(shown, findings.all)


def _run(context: Context, image: ServiceImage, findings: Findings) -> None:
    """Start it, look at process 1, and stop it."""
    findings.doing("starting your service")
    with service_trial.run(context, image, "Start a container of your image", "What does CMD name?") as trial:
        service_trial.wait_order(trial)
        command, user = service_trial.process_1(trial)
        findings.add(not_root(user), then=f"✗ {SHELL}" if is_shell(command) else "stopping your service")
        began = time.monotonic()
        trial.signal("SIGTERM")
        code = trial.wait_ended(STOP_SECONDS)
        findings.add(stops(command, code, time.monotonic() - began), then="building it again with a changed line")


def not_root(user: int) -> Finding:
    """Find whether the user of process 1 is another than root."""
    return found(
        user != 0,
        "Which user is process 1?",
        "root (0)" if user == 0 else str(user),
        "any user but root (0)",
        "The service is root: an intruder may change its code, and is root for the kernel, too.",
        "Which instruction of a Dockerfile sets the user, and where must it stand so that pip may still install?",
    )


def stops(command: str, code: int | None, seconds: float) -> Finding:
    """Find whether the service is process 1, and ends with 0 on SIGTERM; ``code`` None: it still ran."""
    shell = is_shell(command)
    means = f"Told to stop, it ends with exit code {code}, which says that it crashed."
    look = "What does the service do when SIGTERM comes?"
    if code is None:
        means = "It does not hear SIGTERM: every stop takes ten seconds and ends with SIGKILL and exit code 137."
    if shell:
        means = f"{SHELL} {means if code is None else ''}".rstrip()
        look = "Who starts the command when CMD is not a JSON list?"
    ended = f"it still ran after {STOP_SECONDS:g} s" if code is None else f"exit code {code} after {seconds:.1f} s"
    return found(
        code == 0 and not shell,
        "docker stop: SIGTERM to process 1",
        f"process 1 is `{command}`; {ended}",
        f"process 1 is the service; exit code 0 within {STOP_SECONDS:g} s",
        means,
        look,
    )


def _build_again(context: Context, image: ServiceImage) -> tuple[Finding, Finding]:
    """Build it with a changed line and with planted secrets; find what was cached, and what leaked."""
    engine, base = context.stack.session.engine, images.tags(context.stack.root)["python"]
    with _changed(context.folder) as folder, service_trial.build(context, folder) as again:
        shared = zip(engine.client.images.get(base).attrs["RootFS"]["Layers"], again.layers, strict=False)
        below = sum(one == other for one, other in shared)
        files = layers.files(engine, again.tag, below=below)
    return cached(files, image.layers, again.layers), leaks(files)


@contextlib.contextmanager
def _changed(folder: Path) -> Iterator[Path]:
    """Copy the folder, add a line to its code, and plant secrets in it."""
    with tempfile.TemporaryDirectory(prefix="workshop-check-") as temporary:
        copy = Path(temporary) / folder.name
        shutil.copytree(folder, copy, symlinks=True)
        for code in copy.glob("*.py"):
            code.write_text(code.read_text() + CHANGE)
        for name, text in PLANTED.items():
            (copy / name).parent.mkdir(exist_ok=True)
            (copy / name).write_text(text)
        yield copy


def cached(files: pd.DataFrame, before: Collection[str], after: tuple[str, ...]) -> Finding:
    """Find whether the layers with packages are the same after a changed line of code."""
    packages = files[files.path.str.endswith(".dist-info/METADATA")]
    new = packages[~packages.layer.map(lambda number: after[number] in before)]
    by = " and ".join(f"`{name}`" for name in new.instruction.unique())
    return found(
        new.empty,
        "docker build again, with one more line in app.py",
        f"{by} ran again and installed {len(new)} packages" if len(new) else "all packages came from the cache",
        "all packages come from the cache",
        "Every change of the code installs all packages again: you wait, and everyone who pulls loads them once more.",
        "A step is cached until something before it has changed. What does pip need from your folder, and what not?",
    )


def leaks(files: pd.DataFrame) -> Finding:
    """Find whether a layer holds a planted secret, also when a later layer deleted it."""
    names = files.path.str.split("/")
    leaked = files[names.map(lambda parts: ".env" in parts or ".git" in parts)]
    what = sorted({name for parts in names[leaked.index] for name in (".env", ".git") if name in parts})
    by = " and ".join(f"`{name}`" for name in leaked.instruction.unique())
    look = "Which file says what the builder never gets to see?"
    if len(leaked) and not leaked.visible.any():
        look = "A later step deletes it, and the layer below still holds it. Which file keeps it from the builder?"
    return found(
        leaked.empty,
        "docker save, and look for .git and .env in every layer",
        f"{' and '.join(what)} came with {by}" if what else "neither",
        "neither",
        f"Everyone who pulls the image can read {' and '.join(what)}: history and passwords travel with it.",
        look,
    )


def pins(installed: Mapping[str, str]) -> Finding:
    """Find whether newer releases were installed once there were any."""
    newer = sorted(name for name, version in installed.items() if version.endswith(newer_wheels.SUFFIX))
    return found(
        not newer,
        "docker build, with a newer release of every package at hand",
        f"newer than before: {', '.join(newer)}" if newer else "the same versions as before",
        "the same versions as before",
        "The same files make another image next month, with packages that nobody has tested.",
        "Which packages does requirements.txt leave to pip? `pip freeze` in a container lists all that are installed.",
    )


def _installed_with_newer_wheels(context: Context) -> Mapping[str, str]:
    """Return the versions of the packages in the image when newer ones are at hand."""
    session = context.stack.session
    with service_trial.build(context, base=_newer_base(session, context.stack.root)) as image:
        spec = Spec(image=image.tag, entrypoint=("python", "-c", INSTALLED), network="none")
        with containers.run(session, spec) as running:
            running.wait_ended()
            installed: dict[str, str] = json.loads(running.log_tail(lines=200))
            return installed


def _newer_base(session: Session, root: Path) -> str:
    """Return the tag of the workspace's base image with newer wheels, built if it is missing, and kept."""
    base = images.tags(root)["python"]
    tag = f"{base}-newer-{session.identity.session}"
    if not images.is_there(session.engine, tag):
        with tempfile.TemporaryDirectory(prefix="workshop-check-") as folder:
            shutil.copy(NEWER, folder)
            steps = f"FROM {base}\nCOPY {NEWER.name} /tmp/\nRUN python3 /tmp/{NEWER.name} {WHEELS}\n"
            (Path(folder) / "Dockerfile").write_text(steps)
            resources.image(session, Path(folder), tag, scope="workspace")
    return tag
