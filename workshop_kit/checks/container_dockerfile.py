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

from workshop_kit.checks.stops import describe_stop, stop_failure
from workshop_kit.engine import containers, images, recipes
from workshop_kit.engine.containers import Spec
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.files import TemporaryCopy
from workshop_kit.observe import layers
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.service_trial import is_shell

STOP_SECONDS = 2.0
FINDINGS = findings("container.dockerfile")
NEWER = ".post999"
"""A suffix that makes a version newer; a range that allows the version allows the newer one, too."""
PLANTED = {".env": "TOKEN=planted-by-the-check\n", ".git/config": "[core]\n"}
CHANGE = "\n# a line that the check adds\n"


@check("container.dockerfile")
def dockerfile(context: Context) -> Result:
    """Build and stop the service; build it again after a change, and with newer packages; read the layers."""
    with service_image.build(context) as image, ThreadPoolExecutor(1) as pool:
        rebuild = pool.submit(_rebuild_findings, context, image)
        user, stop = _run_findings(context, image)
        cache, secrets = rebuild.result()

        all_findings = [user, stop, cache, secrets]
        if cache.passed:
            frozen = _freeze_with_newer_wheels(context)
            all_findings.append(_pins_finding(frozen))

    return conclude(FINDINGS.success_summary, all_findings)


def _run_findings(context: Context, image: str) -> tuple[Finding, Finding]:
    """Run and stop the service; return the findings on its user and on its end."""
    with service_trial.run(context, image) as trial:
        service_trial.wait_order(trial)
        command, user = service_trial.read_process_1(trial)
        trial.signal("SIGTERM")
        code = trial.wait_ended(STOP_SECONDS)

    is_no_root = FINDINGS.found(user != 0, "user", str(user))
    return is_no_root, _stop_finding(command, code)


def _stop_finding(command: str, code: int | None) -> Finding:
    """Find whether the service is process 1, and ends with exit code 0 on SIGTERM; ``code`` None: it still ran."""
    way_to_fail = "shell" if is_shell(command) else stop_failure(command, code)
    is_good = code == 0 and not is_shell(command)
    observation = describe_stop(command, code)
    return FINDINGS.found(is_good, f"stops.{way_to_fail}", observation, seconds=STOP_SECONDS, code=code)


def _rebuild_findings(context: Context, image: str) -> tuple[Finding, Finding]:
    """Build the folder with changed code and planted secrets; return the findings on the cache and on the secrets."""
    engine = context.stack.session.engine
    base = recipes.tags(context.stack.root)["python"]
    with TemporaryCopy() as temporary:
        folder = Path(temporary) / context.folder.name
        shutil.copytree(context.folder, folder, symlinks=True)
        _change_code(folder)
        _plant_secrets(folder)

        with service_image.build(context, folder) as rebuilt:
            before = _layer_digests(engine, image)
            after = _layer_digests(engine, rebuilt)
            base_count = _count_shared(_layer_digests(engine, base), after)
            files = layers.files(engine, rebuilt, below=base_count)

    return _cache_finding(files, before, after), _secrets_finding(files)


def _change_code(folder: Path) -> None:
    """Add a line to each Python file."""
    for file in folder.glob("*.py"):
        if file.is_file() and not file.is_symlink():
            file.write_bytes(file.read_bytes() + CHANGE.encode())


def _plant_secrets(folder: Path) -> None:
    """Write the files of `PLANTED` into a folder."""
    for name, text in PLANTED.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def _layer_digests(engine: Engine, tag: str) -> list[str]:
    """Return the digests of an image's layers, the lowest first."""
    digests: list[str] = engine.client.images.get(tag).attrs["RootFS"]["Layers"]
    return digests


def _count_shared(base_layers: Sequence[str], layers_of_build: Sequence[str]) -> int:
    """Return how many layers of a build are the same as the base image's at their place."""
    pairs = zip(base_layers, layers_of_build, strict=False)
    shared_layers = [layer for base_layer, layer in pairs if base_layer == layer]
    return len(shared_layers)


def _cache_finding(files: pd.DataFrame, before: Collection[str], after: Sequence[str]) -> Finding:
    """Find whether all packages came from the cache.

    ``files`` are those of the second build; ``before`` and ``after`` are the digests of the layers of both builds.
    """

    def is_cached(layer_number: int) -> bool:
        return after[layer_number] in before

    packages = files[files.path.str.endswith(".dist-info/METADATA")]
    new_packages = packages[~packages.layer.map(is_cached)]
    if new_packages.empty:
        return FINDINGS.passed("cached", "all packages came from the cache")

    instructions = " and ".join(f"`{instruction}`" for instruction in new_packages.instruction.unique())
    return FINDINGS.failed("cached", f"{instructions} ran again and installed {len(new_packages)} packages")


def _secrets_finding(files: pd.DataFrame) -> Finding:
    """Find whether a layer holds a planted secret, even if a later layer deletes it."""
    secret_names = files.path.str.extract(r"(?:^|/)(\.env|\.git)(?:/|$)", expand=False)
    leaks = files[secret_names.notna()]
    names = " and ".join(sorted(secret_names.dropna().unique()))
    if leaks.empty:
        return FINDINGS.passed("secrets", "neither", names=names)

    way_to_fail = "visible" if leaks.visible.any() else "deleted"
    instructions = " and ".join(f"`{instruction}`" for instruction in leaks.instruction.unique())
    return FINDINGS.failed(f"secrets.{way_to_fail}", f"{names} came with {instructions}", names=names)


def _pins_finding(frozen: str) -> Finding:
    """Find whether a build with newer releases at hand installs the same versions.

    ``frozen`` is the output of pip freeze in its image.
    """
    newer_lines = [line for line in frozen.split("\n") if line.endswith(NEWER)]
    if not newer_lines:
        return FINDINGS.passed("pinned", "the same versions as before")

    names = sorted(line.partition("==")[0] for line in newer_lines)
    return FINDINGS.failed("pinned", f"newer than before: {', '.join(names)}")


def _freeze_with_newer_wheels(context: Context) -> str:
    """Build the folder where each package has a newer release; return the output of pip freeze in the image."""
    session = context.stack.session
    base = _build_newer_base(session, context.stack.root)
    with service_image.build(context, base=base) as image:
        spec = Spec(image=image, entrypoint=("pip", "freeze"), network="none")
        with containers.run(session, spec) as running:
            running.wait_ended()
            return running.log_tail(lines=200)


def _build_newer_base(session: Session, root: Path) -> str:
    """Build a base image that has a newer wheel beside each one, unless it exists; return its tag.

    It is kept for the next checks of this workspace.
    """
    base = recipes.tags(root)["python"]
    tag = f"{base}-newer-{session.identity.workspace_id}"
    if images.has_image(session.engine, tag):
        return tag

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        program = f"import zipfile\nfrom pathlib import Path\nNEWER = '{NEWER}'\n{inspect.getsource(add_newer)}"
        (folder / "newer.py").write_text(f"{program}\nadd_newer(Path('/wheels'))\n")
        steps = f"FROM {base}\nCOPY newer.py /tmp/\nRUN python3 /tmp/newer.py\n"
        (folder / "Dockerfile").write_text(steps)
        images.build_folder(session, folder, tag, scope="workspace")
    return tag


def add_newer(folder: Path) -> None:
    """Write a newer, empty release beside each wheel of a folder. This function's source runs in the image."""
    for wheel in list(folder.glob("*.whl")):
        name, version = wheel.name.split("-")[:2]
        newer = f"{name}-{version}{NEWER}"
        with zipfile.ZipFile(wheel.with_name(f"{newer}-py3-none-any.whl"), "w") as archive:
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}{NEWER}\n"
            archive.writestr(f"{newer}.dist-info/METADATA", metadata)
            tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            archive.writestr(f"{newer}.dist-info/WHEEL", tags)
            archive.writestr(f"{newer}.dist-info/RECORD", "")
