"""The Debian image that all images are built on: pulled if a registry answers, else bootstrapped with mmdebstrap."""

from __future__ import annotations

import contextlib
import select
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from workshop_kit.engine import install as installer
from workshop_kit.engine import recipes, shell
from workshop_kit.engine.labels import IMAGE_SCOPE
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady
from workshop_kit.host import can_install_packages, sudo
from workshop_kit.reporting import Report, Step, silent

PULLED = f"debian:{recipes.RELEASE}-slim"
BOOTSTRAPPED = f"{recipes.REPOSITORY}/debian:{recipes.RELEASE}"
REGISTRY_TIMEOUT_SECONDS = 5
# The base image installs these anyway: to bootstrap them along saves a second run of apt.
INCLUDE = "python3,python3-venv,ca-certificates"


@contextlib.contextmanager
def root_file_system(session: Session, dpkg_options: Path, *, install: bool, report: Report = silent) -> Iterator[str]:
    """Yield the tag of a Debian image to build on; remove the tag afterwards unless the user had it before.

    ``dpkg_options`` is a file in dpkg.cfg's format: the bootstrap does not unpack what it excludes.
    Images built on the Debian image keep its layers. Raises NotReady if it can be neither pulled nor bootstrapped.
    """
    users_tag = _users_debian(session)
    if users_tag is not None:
        yield users_tag
        return

    images = session.engine.client.images
    if images.list(name=BOOTSTRAPPED):  # from a build that was interrupted
        tag = BOOTSTRAPPED
    elif _pull_debian(report):
        tag = PULLED
    else:
        _bootstrap_debian(session, dpkg_options, install=install, report=report)
        tag = BOOTSTRAPPED

    try:
        yield tag
    except BaseException:
        if tag == PULLED:  # the next run would take it for the user's; a bootstrapped one saves it minutes
            images.remove(tag, noprune=True)
        raise

    images.remove(tag, noprune=True)


def _users_debian(session: Session) -> str | None:
    """Return the tag of a Debian image on the engine that the kit has not made; None without one."""
    for tag in (PULLED, BOOTSTRAPPED):
        for image in session.engine.client.images.list(name=tag):
            if IMAGE_SCOPE not in image.labels:
                return tag
    return None


def _pull_debian(report: Report) -> bool:
    """Pull Debian's image; return False if that fails, or if the registry has not answered after five seconds."""
    report(Step("base", 0.0, "asking the registry for Debian"))
    with shell.running(["docker", "pull", PULLED]) as process:
        assert process.stdout is not None  # noqa: S101 - `running` asks for it
        readable, _, _ = select.select([process.stdout], [], [], REGISTRY_TIMEOUT_SECONDS)
        if not readable:
            process.kill()
        for line in process.stdout:
            report(Step("base", 0.1, f"pulling Debian: {line.strip()}"))

    return process.returncode == 0


def _bootstrap_debian(session: Session, dpkg_options: Path, *, install: bool, report: Report) -> None:
    """Build Debian's file system from its packages with mmdebstrap, and import it as the image BOOTSTRAPPED."""
    _ensure_mmdebstrap(install=install, report=report)
    report(Step("base", 0.0, "no registry answers: bootstrapping Debian from its packages"))
    labels = [f"{key}={value}" for key, value in session.image_labels("machine").items()]
    label_instruction = " ".join(["LABEL", *labels])

    def show(line: str) -> None:
        report(Step("base", 0.2, f"bootstrapping Debian: {line}"))

    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "debian.tar")
        bootstrap = [*sudo(), "mmdebstrap", "--variant=minbase", f"--include={INCLUDE}"]
        bootstrap += [f"--dpkgopt={dpkg_options}", f"--architectures={session.engine.architecture}"]
        bootstrap += [recipes.RELEASE, str(archive)]
        import_archive = ["docker", "import", "--change", label_instruction, str(archive), BOOTSTRAPPED]

        for words in (bootstrap, import_archive):
            shell.run(
                words,
                failure="No registry answers, and Debian could not be bootstrapped from its packages.",
                next_step="Check the network and proxy (http_proxy), then run ./workshop setup again.",
                on_line=show,
            )


def _ensure_mmdebstrap(*, install: bool, report: Report) -> None:
    """Install mmdebstrap if it is absent. Raises NotReady where that is not possible or not allowed."""
    if shutil.which("mmdebstrap"):
        return

    if not install or not can_install_packages():
        raise NotReady(
            "No registry answers, and mmdebstrap, which bootstraps Debian without one, is not installed.",
            "Install it (Debian/Ubuntu: sudo apt-get install mmdebstrap), or find a network with a registry.",
        )
    installer.install_packages(["mmdebstrap", "debian-archive-keyring"], report, "base")
