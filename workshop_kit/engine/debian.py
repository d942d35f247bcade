"""The image that all images of the workshop are built on: plain Debian.

It is pulled if a registry answers within five seconds, else bootstrapped from Debian's packages with mmdebstrap.
"""

from __future__ import annotations

import contextlib
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from workshop_kit.engine import install as installer
from workshop_kit.engine import shell
from workshop_kit.engine.labels import are_ours
from workshop_kit.engine.recipes import RELEASE, REPOSITORY
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady
from workshop_kit.progress import Report, Step, silent

PULLED = f"debian:{RELEASE}-slim"
BOOTSTRAPPED = f"{REPOSITORY}/debian:{RELEASE}"
REGISTRY_TIMEOUT_SECONDS = 5
# The base image installs these anyway: to bootstrap them along saves a second run of apt.
INCLUDE = "python3,python3-venv,ca-certificates"


@contextlib.contextmanager
def root_file_system(session: Session, dpkg_options: Path, *, install: bool, report: Report = silent) -> Iterator[str]:
    """Yield the tag of a Debian image to build on; remove the tag afterwards unless the user had it before.

    ``dpkg_options`` is a file in dpkg.cfg's format: the bootstrap does not unpack what it excludes.
    Images built on it keep its layers. Raises NotReady where neither way works.
    """
    images = session.engine.client.images
    for tag in (PULLED, BOOTSTRAPPED):
        for found in images.list(name=tag):
            if not are_ours(found.labels, session.who.session):  # ours: a build was interrupted
                yield tag
                return
    if images.list(name=BOOTSTRAPPED):
        tag = BOOTSTRAPPED
    elif _pull(report):
        tag = PULLED
    else:
        _bootstrap(session, dpkg_options, install=install, report=report)
        session.record("image", str(images.get(BOOTSTRAPPED).id), BOOTSTRAPPED, "machine")
        tag = BOOTSTRAPPED
    yield tag
    identifier = str(images.get(tag).id)
    images.remove(tag, noprune=True)
    session.ledger.remove_id(identifier)


def _pull(report: Report) -> bool:
    """Pull Debian's image; give up if the registry has not answered after five seconds."""
    report(Step("base", 0.0, "asking the registry for Debian"))
    process = subprocess.Popen(
        ["docker", "pull", PULLED],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None  # noqa: S101 - it was asked for two lines up
        answered, _, _ = select.select([process.stdout], [], [], REGISTRY_TIMEOUT_SECONDS)
        if not answered:
            process.kill()
            return False
        for line in process.stdout:
            report(Step("base", 0.1, f"pulling Debian: {line.strip()}"))
    return process.returncode == 0


def _bootstrap(session: Session, dpkg_options: Path, *, install: bool, report: Report) -> None:
    _ensure_mmdebstrap(install=install, report=report)
    report(Step("base", 0.0, "no registry answers: bootstrapping Debian from its packages"))
    command = [*installer.sudo(), "mmdebstrap", "--variant=minbase", f"--include={INCLUDE}"]
    command += [f"--dpkgopt={dpkg_options}", f"--architectures={session.engine.architecture}", RELEASE, "-"]
    label = " ".join(["LABEL", *(f"{key}={value}" for key, value in session.who.labels("machine").items())])
    with (
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as made,
        subprocess.Popen(
            ["docker", "import", "--change", label, "-", BOOTSTRAPPED], stdin=made.stdout, stdout=subprocess.DEVNULL
        ) as loaded,
    ):
        assert made.stdout is not None  # noqa: S101 - it was asked for four lines up
        assert made.stderr is not None  # noqa: S101
        made.stdout.close()  # the importer holds the other end: it must see the end of the archive
        said: list[str] = []
        for raw in made.stderr:
            said.append(raw.decode(errors="replace").strip())
            report(Step("base", 0.2, f"bootstrapping Debian: {said[-1]}"))
    if made.returncode != 0 or loaded.returncode != 0:
        raise NotReady(
            "No registry answers, and Debian could not be bootstrapped from its packages.",
            "Check the network and proxy (http_proxy), then run ./workshop setup again.",
            output="\n".join(said[-shell.LAST_LINES :]),
        )


def _ensure_mmdebstrap(*, install: bool, report: Report) -> None:
    if shutil.which("mmdebstrap"):
        return
    if not install or not installer.is_debian():
        raise NotReady(
            "No registry answers, and mmdebstrap, which bootstraps Debian without one, is not installed.",
            "Install it (Debian/Ubuntu: sudo apt-get install mmdebstrap), or find a network with a registry.",
        )
    installer.bring(["mmdebstrap", "debian-archive-keyring"], report, "base")
