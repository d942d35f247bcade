"""The check of lesson 01 on the image: build the participant's folder, run it, and look at what came of it."""

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
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import service_image, service_trial
from workshop_kit.exercises.checks.newer_wheels import SUFFIX
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding
from workshop_kit.exercises.service_image import BuildFailed, ServiceImage
from workshop_kit.exercises.service_trial import SHELL, is_shell
from workshop_kit.observe import layers
from workshop_kit.progress import Report, Step

STOP_SECONDS = 2.0
WHEELS = "/wheels"
PLANTED = {".env": "TOKEN=planted-by-the-check\n", ".git/config": "[core]\n"}
CHANGE = "\n# a line that the check adds\n"
INSTALLED = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
NEWER = Path(__file__).with_name("newer_wheels.py")


@dataclass
class Findings:
    """The findings so far; the first one that did not pass is reported as soon as it is there."""

    report: Report
    all: list[Finding] = field(default_factory=list)

    def doing(self, what: str) -> None:
        """Report what the check does; once something did not pass, that stays on the screen."""
        wrong = self.wrong
        self.report(Step("Check", None, f"✗ {wrong[0].means}" if wrong else what))

    def add(self, *new: Finding, then: str) -> None:
        """Add findings, and report the first that did not pass, or what the check does next."""
        self.all += new
        self.doing(then)

    @property
    def wrong(self) -> list[Finding]:
        """Those that did not pass."""
        return [finding for finding in self.all if not finding.passed]


@check("container.dockerfile")
def dockerfile(context: Context) -> CheckResult:
    """Build it, stop it, build it again after a change and with newer packages at hand; look into its layers."""
    session, base = context.stack.session, images.tags(context.stack.root)["python"]
    findings = Findings(context.report)
    findings.doing("building your image")
    try:
        with (
            service_image.built(session, context.folder, base, context.superseded) as image,
            ThreadPoolExecutor(1) as pool,
        ):
            again = pool.submit(_build_again, context, base, image)
            if (failed := _run(context, image, findings)) is not None:
                return failed
            kept, leaked = again.result()
            findings.add(kept, leaked, then="building it with newer packages at hand")
            if kept.passed:
                findings.all.append(_pins(_with_newer_wheels(context, base)))
    except BuildFailed as failed_build:
        return service_trial.not_built(failed_build)
    if findings.wrong:
        return CheckResult(findings.wrong[0].means, tuple(findings.all))
    return CheckResult(
        "It stops when it is told to, is not root, builds quickly, and holds only what it should.", tuple(findings.all)
    )


def _run(context: Context, image: ServiceImage, findings: Findings) -> CheckResult | None:
    """Start it, look at process 1, and stop it; what there is to say if it does not start."""
    findings.doing("starting your service")
    try:
        with service_trial.run(context, image) as tried:
            if (failed := service_trial.wait_order(tried)) is not None:
                return failed
            command, user = service_trial.process_1(tried)
            findings.add(_user(user), then=f"✗ {SHELL}" if is_shell(command) else "stopping your service")
            began = time.monotonic()
            tried.signal("SIGTERM")
            code = tried.wait_ended(STOP_SECONDS)
            findings.add(_stop(command, code, time.monotonic() - began), then="building it again with a changed line")
    except WorkshopError as refused:
        return service_trial.not_started("Start a container of your image", refused, "What does CMD name?")
    return None


def _user(user: int) -> Finding:
    return found(
        user != 0,
        "Which user is process 1?",
        "root (0)" if user == 0 else str(user),
        "any user but root (0)",
        "The service is root: whoever gets in may change its code, and is root for the kernel, too.",
        "Which instruction of a Dockerfile sets the user, and where must it stand so that pip may still install?",
    )


def _stop(command: str, code: int | None, seconds: float) -> Finding:
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


def _build_again(context: Context, base: str, image: ServiceImage) -> tuple[Finding, Finding]:
    """Build it with a changed line and with what no image should hold; what was kept, and what leaked."""
    client = context.stack.session.engine.client
    with (
        _changed(context.folder) as folder,
        service_image.built(context.stack.session, folder, base, context.superseded) as again,
    ):
        shared = zip(client.images.get(base).attrs["RootFS"]["Layers"], again.layers, strict=False)
        below = sum(one == other for one, other in shared)
        files = layers.files(context.stack.session.engine, again.tag, below=below)
    return _kept(files, image.layers, again.layers), _leaked(files)


@contextlib.contextmanager
def _changed(folder: Path) -> Iterator[Path]:
    """A copy of the folder in which one line of code is new and secrets are planted."""
    with tempfile.TemporaryDirectory(prefix="workshop-check-") as temporary:
        copy = Path(temporary) / folder.name
        shutil.copytree(folder, copy, symlinks=True)
        for code in copy.glob("*.py"):
            code.write_text(code.read_text() + CHANGE)
        for name, text in PLANTED.items():
            (copy / name).parent.mkdir(exist_ok=True)
            (copy / name).write_text(text)
        yield copy


def _kept(files: pd.DataFrame, before: Collection[str], after: tuple[str, ...]) -> Finding:
    """Whether the layers that hold packages are the same after a changed line of code."""
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


def _leaked(files: pd.DataFrame) -> Finding:
    """Whether a layer holds what was planted, also when a later one deleted it."""
    names = files.path.str.split("/")
    leaks = files[names.map(lambda parts: ".env" in parts or ".git" in parts)]
    what = sorted({name for parts in names[leaks.index] for name in (".env", ".git") if name in parts})
    by = " and ".join(f"`{name}`" for name in leaks.instruction.unique())
    look = "Which file says what the builder never gets to see?"
    if len(leaks) and not leaks.visible.any():
        look = "A later step deletes it, and the layer below still holds it. Which file keeps it from the builder?"
    return found(
        leaks.empty,
        "docker save, and look for .git and .env in every layer",
        f"{' and '.join(what)} came with {by}" if what else "neither",
        "neither",
        f"Everyone who pulls the image can read {' and '.join(what)}: history and passwords travel with it.",
        look,
    )


def _pins(installed: Mapping[str, str]) -> Finding:
    """Whether newer releases were installed once there were any."""
    newer = sorted(name for name, version in installed.items() if version.endswith(SUFFIX))
    return found(
        not newer,
        "docker build, with a newer release of every package at hand",
        f"newer than before: {', '.join(newer)}" if newer else "the same versions as before",
        "the same versions as before",
        "The same files make another image next month, with packages that nobody has tested.",
        "Which packages does requirements.txt leave to pip? `pip freeze` in a container lists all that are installed.",
    )


def _with_newer_wheels(context: Context, base: str) -> Mapping[str, str]:
    """The packages, and their versions, of the image built where newer ones are at hand."""
    session = context.stack.session
    with service_image.built(session, context.folder, _newer_base(session, base), context.superseded) as image:
        said = _said(session, Spec(image=image.tag, entrypoint=("python", "-c", INSTALLED), network="none"))
        installed: dict[str, str] = json.loads(said)
        return installed


def _newer_base(session: Session, base: str) -> str:
    """The tag of this workspace's image that has newer wheels, too; built when it is not there, and kept for later."""
    tag = f"{base}-newer-{session.who.session}"
    if not images.is_there(session.engine, tag):
        with tempfile.TemporaryDirectory(prefix="workshop-check-") as folder:
            shutil.copy(NEWER, folder)
            steps = f"FROM {base}\nCOPY {NEWER.name} /tmp/\nRUN python3 /tmp/{NEWER.name} {WHEELS}\n"
            (Path(folder) / "Dockerfile").write_text(steps)
            resources.image(session, Path(folder), tag, scope="workspace")
    return tag


def _said(session: Session, spec: Spec) -> str:
    with containers.run(session, spec) as running:
        running.wait_ended()
        return running.log_tail(lines=200)
