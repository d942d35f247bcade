"""The check of container.dockerfile: build the participant's folder, run and stop it, and build it again, changed."""

from __future__ import annotations

import inspect
import re
import shutil
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from workshop_kit.engine import containers, images, recipes
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.files import TemporaryCopy
from workshop_kit.observe import layers
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import Observation, expect
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.service_trial import is_shell

STOP_SECONDS = 2.0
SOCKETS = ("sh", "-c", "cat /proc/net/tcp*; ls -l /proc/1/fd")
LISTENING = re.compile(r":1F90\s+\S+\s+0A(?:\s+\S+){5}\s+(\d+)")
"""A socket that listens on port 8080, in ``/proc/net/tcp``: the number by which ``/proc/1/fd`` has it."""
NEWER = ".post999"
"""A suffix that makes a version newer; a range that allows the version allows the newer one, too."""
PLANTED = {".env": "TOKEN=planted-by-the-check\n", ".git/config": "[core]\n"}
PLANTED_NAME = r"(?:^|/)(\.env|\.git)(?:/|$)"
CHANGE = b"\n# a line that the check adds\n"


@check("container.dockerfile")
def dockerfile(service: Service) -> None:
    """It stops when it is told to, is not root, builds quickly, and holds only what it should."""
    service.build()
    with ThreadPoolExecutor(1) as pool:
        second_build = pool.submit(files_of_second_build, service)
        build_with_newer_packages = pool.submit(newer_packages, service)
        with service.run_alone() as running:
            service_trial.wait_order(running)
            expect_not_root(running)
            stops_when_told(running)

        new_files = second_build.result()
        takes_packages_from_the_cache(new_files)
        holds_no_secrets(new_files)
        installs_the_same_versions(build_with_newer_packages.result())


def expect_not_root(running: RunningService) -> None:
    """Expect process 1 to have another user than root."""
    _, user = service_trial.read_process_1(running)
    expect(
        user != 0,
        seen=Observation("Look which user process 1 has", str(user), 0.0),
        expected="any user but root (0)",
        means="The service is root: an intruder may change its code, and is root for the kernel, too.",
        look="Which instruction of a Dockerfile sets the user, and where must it stand so that pip may still install?",
    )


def stops_when_told(running: RunningService) -> None:
    """Expect process 1 to be the service, and to end by itself in time."""
    serves = is_process_1(running)
    running.signal("SIGTERM")
    end = running.wait_end(STOP_SECONDS)

    means = f"It ends with exit code {end.code}, which says that it crashed."
    look = "The exit code of a container is that of process 1. Read its last lines."
    if end.code is None:
        means = "The service does not hear SIGTERM, until Docker kills it: exit code 137."
        look = f"SIGTERM goes to process 1, `{running.process_1}`. What does that process do with it?"
    if not serves:
        means = f"Process 1 is `{running.process_1}`, and the service is another process: SIGTERM does not reach it."
        look = "How can the service become the process that gets SIGTERM?"
    if not serves and is_shell(running.process_1):
        means = "Process 1 is a shell, which passes no signal on: the service is killed in the middle of its work."
        look = "Who starts the command when CMD is not a JSON list?"

    expect(
        serves and end.code == 0,
        seen=end,
        expected=f"process 1 is the service, and ends with exit code 0 within {STOP_SECONDS:g} s",
        means=means,
        look=look,
        hint=2,
    )


def is_process_1(running: RunningService) -> bool:
    """Return whether process 1 has the socket that listens on port 8080."""
    sockets = running.running.read(*SOCKETS)
    return any(f"socket:[{number}]" in sockets for number in LISTENING.findall(sockets))


def takes_packages_from_the_cache(new_files: pd.DataFrame) -> None:
    """Expect no package among the files of new layers."""
    packages = new_files[new_files.path.str.endswith(".dist-info/METADATA")]
    got = "all came from the cache"
    if not packages.empty:
        got = f"{instructions_of(packages)} ran again and installed {len(packages)} packages"
    expect(
        packages.empty,
        seen=Observation("docker build again, with one more line in app.py", got, 0.0),
        expected="all packages come from the cache",
        means="Every change of the code installs all packages again: you wait, and everyone who pulls loads them once "
        "more.",
        look="A step is cached until something before it has changed. What does pip need from your folder, and what "
        "not?",
        hint=2,
    )


def holds_no_secrets(new_files: pd.DataFrame) -> None:
    """Expect none of the planted secrets in any layer, even if a later layer deletes it."""
    names = new_files.path.str.extract(PLANTED_NAME, expand=False)
    leaks = new_files[names.notna()]
    leaked = " and ".join(sorted(names.dropna().unique()))
    got = f"{leaked} came with {instructions_of(leaks)}" if leaked else "neither"
    means = f"Everyone who pulls the image can read {leaked}: history and passwords travel with it."
    look = "Which file says what the builder never gets to see?"
    if not leaks.visible.any():
        means = (
            f"Everyone who pulls the image can read {leaked}: a later step deletes it, the layer below still has it."
        )
        look = "Which file keeps it from the builder?"

    expect(
        leaks.empty,
        seen=Observation("docker save, and look for .git and .env in every layer", got, 0.0),
        expected="neither",
        means=means,
        look=look,
        hint=2,
    )


def installs_the_same_versions(newer: list[str]) -> None:
    """Expect no newer package, although there is a newer release of each."""
    got = f"newer than before: {', '.join(newer)}" if newer else "the same versions as before"
    expect(
        not newer,
        seen=Observation("docker build, with a newer release of every package at hand", got, 0.0),
        expected="the same versions as before",
        means="The same files make another image next month, with packages that nobody has tested.",
        look="Which packages does requirements.txt leave to pip? `pip freeze` in a container lists all that are "
        "installed.",
        hint=2,
    )


def instructions_of(files: pd.DataFrame) -> str:
    """Return the instructions that brought some files."""
    return " and ".join(f"`{instruction}`" for instruction in files.instruction.unique())


def files_of_second_build(service: Service) -> pd.DataFrame:
    """Change the code, plant secrets, and build again; return the files of the layers that the first image has not."""
    engine = service.context.stack.session.engine
    first_layers = layer_digests(engine, service.build())
    with TemporaryCopy() as temporary:
        folder = Path(temporary) / service.context.folder.name
        shutil.copytree(service.context.folder, folder, symlinks=True)
        for file in folder.glob("*.py"):
            if file.is_file() and not file.is_symlink():
                file.write_bytes(file.read_bytes() + CHANGE)
        for name, text in PLANTED.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)

        with service_image.build(service.context, folder) as image:
            digests = layer_digests(engine, image)
            files = layers.files(engine, image)

    is_new = [digest not in first_layers for digest in digests]
    return files[[is_new[layer] for layer in files.layer]]


def layer_digests(engine: Engine, tag: str) -> list[str]:
    """Return the digests of an image's layers, the lowest first."""
    digests: list[str] = engine.client.images.get(tag).attrs["RootFS"]["Layers"]
    return digests


def newer_packages(service: Service) -> list[str]:
    """Build where each package has a newer release; return the names of those that are newer then."""
    session = service.context.stack.session
    base = build_newer_base(session, service.context.stack.root)
    with service_image.build(service.context, base=base) as image:
        spec = Spec(image=image, entrypoint=("pip", "freeze"), network="none")
        with containers.run(session, spec) as running:
            running.wait_ended()
            lines = running.log_tail(lines=200).split("\n")
    return sorted(line.partition("==")[0] for line in lines if line.endswith(NEWER))


def build_newer_base(session: Session, root: Path) -> str:
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
