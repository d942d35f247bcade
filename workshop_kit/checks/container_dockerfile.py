"""The check of container.dockerfile: build the participant's folder, run and stop it, and read the image's layers."""

from __future__ import annotations

import inspect
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from workshop_kit.checks import container
from workshop_kit.engine import containers, images, recipes
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.observe import layers
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.service_trial import is_shell

STOP_SECONDS = 2.0
SAYS = findings("container.dockerfile")
NEWER = ".post999"
"""A suffix that makes a version newer, and keeps it inside every range that allows it."""
PLANTED = {".env": "TOKEN=planted-by-the-check\n", ".git/config": "[core]\n"}
CHANGE = "\n# a line that the check adds\n"


@check("container.dockerfile")
def dockerfile(context: Context) -> Result:
    """Build it, stop it, build it again after a change, and with newer packages; read its layers."""
    with service_trial.build(context) as image, ThreadPoolExecutor(1) as pool:
        rebuild = pool.submit(_build_again, context, image)
        all_findings = [*_run(context, image)]
        cache, secrets = rebuild.result()
        all_findings += [cache, secrets]
        if cache.passed:
            all_findings.append(_pins(_frozen_with_newer_wheels(context)))

    return conclude(SAYS.shown, all_findings)


def _run(context: Context, image: str) -> tuple[Finding, Finding]:
    with service_trial.run(context, image) as trial:
        service_trial.wait_order(trial)
        command, user = service_trial.process_1(trial)
        trial.signal("SIGTERM")
        stops = _stops(command, trial.wait_ended(STOP_SECONDS))
    return SAYS.found(user != 0, "user", str(user)), stops


def _stops(command: str, code: int | None) -> Finding:
    """Find whether the service is process 1, and ends with 0 on SIGTERM; ``code`` None: it still ran."""
    is_good = code == 0 and not is_shell(command)
    way = "shell" if is_shell(command) else container.failure(command, code)
    return SAYS.found(is_good, f"stops.{way}", container.outcome(command, code), seconds=STOP_SECONDS, code=code)


def _build_again(context: Context, image: str) -> tuple[Finding, Finding]:
    """Build the folder with a changed line and with planted secrets; find what was cached, and what leaked."""
    engine = context.stack.session.engine
    base = recipes.tags(context.stack.root)["python"]
    with tempfile.TemporaryDirectory(prefix="workshop-check-") as temporary:
        folder = Path(temporary) / context.folder.name
        shutil.copytree(context.folder, folder, symlinks=True)
        _change_code(folder)
        _plant_secrets(folder)

        with service_trial.build(context, folder) as rebuilt:
            base_layers = _layers(engine, base)
            before = _layers(engine, image)
            after = _layers(engine, rebuilt)
            base_count = _count_shared(base_layers, after)
            files = layers.files(engine, rebuilt, below=base_count)

    return _cached(files, before, after), _leaks(files)


def _change_code(folder: Path) -> None:
    """Add a line to each Python file."""
    for file in folder.glob("*.py"):
        if file.is_file() and not file.is_symlink():
            file.write_bytes(file.read_bytes() + CHANGE.encode())


def _plant_secrets(folder: Path) -> None:
    for name, text in PLANTED.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)


def _layers(engine: Engine, tag: str) -> list[str]:
    """Return the digests of an image's layers, from the lowest."""
    digests: list[str] = engine.client.images.get(tag).attrs["RootFS"]["Layers"]
    return digests


def _count_shared(base_layers: Sequence[str], layers_of_build: Sequence[str]) -> int:
    """Return how many of the lowest layers of a build are those of its base image."""
    pairs = zip(base_layers, layers_of_build, strict=False)
    return sum(base_layer == layer for base_layer, layer in pairs)


def _cached(files: pd.DataFrame, before: Collection[str], after: Sequence[str]) -> Finding:
    """Find whether all packages came from the cache; ``before`` and ``after`` are the layers of both builds."""

    def is_cached(number: int) -> bool:
        return after[number] in before

    packages = files[files.path.str.endswith(".dist-info/METADATA")]
    new_packages = packages[~packages.layer.map(is_cached)]
    if new_packages.empty:
        return SAYS.passed("cached", "all packages came from the cache")

    instructions = " and ".join(f"`{name}`" for name in new_packages.instruction.unique())
    return SAYS.failed("cached", f"{instructions} ran again and installed {len(new_packages)} packages")


def _leaks(files: pd.DataFrame) -> Finding:
    """Find whether a layer holds a planted secret, also when a later layer deleted it."""
    secrets = files.path.str.extract(r"(?:^|/)(\.env|\.git)(?:/|$)", expand=False)
    leaks = files[secrets.notna()]
    names = " and ".join(sorted(secrets.dropna().unique()))
    if leaks.empty:
        return SAYS.passed("secrets", "neither", names=names)

    way = "visible" if leaks.visible.any() else "deleted"
    instructions = " and ".join(f"`{name}`" for name in leaks.instruction.unique())
    return SAYS.failed(f"secrets.{way}", f"{names} came with {instructions}", names=names)


def _pins(frozen: str) -> Finding:
    """Find whether newer releases were installed once there were any; ``frozen`` is the output of pip freeze."""
    newer = [line.partition("==")[0] for line in frozen.split("\n") if line.endswith(NEWER)]
    observation = f"newer than before: {', '.join(sorted(newer))}" if newer else "the same versions as before"
    return SAYS.found(not newer, "pinned", observation)


def _frozen_with_newer_wheels(context: Context) -> str:
    session = context.stack.session
    with service_trial.build(context, base=_newer_base(session, context.stack.root)) as image:
        spec = Spec(image=image, entrypoint=("pip", "freeze"), network="none")
        with containers.run(session, service_trial.confined(context.stack, spec)) as running:
            running.wait_ended()
            return running.log_tail(lines=200)


def _newer_base(session: Session, root: Path) -> str:
    """Return the tag of the workspace's base image with newer wheels, built if it is missing, and kept."""
    base = recipes.tags(root)["python"]
    tag = f"{base}-newer-{session.identity.workspace_id}"
    if images.is_there(session.engine, tag):
        return tag

    with tempfile.TemporaryDirectory(prefix="workshop-check-") as temporary:
        folder = Path(temporary)
        program = f"import zipfile\nfrom pathlib import Path\nNEWER = '{NEWER}'\n{inspect.getsource(add_newer)}"
        (folder / "newer.py").write_text(f"{program}\nadd_newer(Path('/wheels'))\n")
        steps = f"FROM {base}\nCOPY newer.py /tmp/\nRUN python3 /tmp/newer.py\n"
        (folder / "Dockerfile").write_text(steps)
        images.build_folder(session, folder, tag, scope="workspace")
    return tag


def add_newer(folder: Path) -> None:
    """Write a newer, empty release beside each wheel. (Its source runs in the image.)"""
    for wheel in list(folder.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        newer = f"{name}-{version}{NEWER}"
        with zipfile.ZipFile(wheel.with_name(f"{newer}-py3-none-any.whl"), "w") as archive:
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}{NEWER}\n"
            archive.writestr(f"{newer}.dist-info/METADATA", metadata)
            tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            archive.writestr(f"{newer}.dist-info/WHEEL", tags)
            archive.writestr(f"{newer}.dist-info/RECORD", "")
