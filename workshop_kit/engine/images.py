"""Build images with BuildKit: those of the workshop, on one base; `recipes` lists them and computes their tags.

Podman has no BuildKit: there its own command builds, which knows the same options.
"""

from __future__ import annotations

import os
import re
import shutil
import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from docker.errors import ImageNotFound

from workshop_kit.engine import recipes, shell
from workshop_kit.engine.debian import root_file_system
from workshop_kit.engine.labels import Scope
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.recipes import Recipe
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady
from workshop_kit.host import GIB, HOME_ADVICE, is_home_writable
from workshop_kit.paths import CHECKOUT
from workshop_kit.reporting import Report, Step, silent
from workshop_kit.untrusted_text import visible

ENOUGH_DISK_BYTES = 4 * GIB
"""The disk space that set-up wants."""
NO_DOCUMENTATION = "no-documentation"
"""In the base's folder: a file of dpkg's options that keep documentation from being unpacked."""
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def missing(engine: Engine, root: Path) -> list[str]:
    """Return the names of the images that this checkout needs and the engine lacks."""
    return [name for name, tag in recipes.tags(root).items() if not has_image(engine, tag)]


def has_image(engine: Engine, tag: str) -> bool:
    """Return whether the engine has an image under this tag."""
    try:
        engine.client.images.get(tag)
    except ImageNotFound:
        return False
    return True


def ensure(session: Session, root: Path, *, install: bool = False, report: Report = silent) -> dict[str, str]:
    """Build what is missing and return every image's tag by name.

    ``install`` allows fetching mmdebstrap from the distribution when the base has to be bootstrapped.
    """
    report(Step("Images", 0.0, "looking for missing ones"))
    tags = recipes.tags(root)
    width = 1 / len(recipes.RECIPES)
    for number, recipe in enumerate(recipes.RECIPES):
        tag = tags[recipe.name]
        if has_image(session.engine, tag):
            continue

        part_report = _part_report(report, number / len(recipes.RECIPES), width)
        if recipe.base is None:
            dpkg_options = root / recipe.folder / NO_DOCUMENTATION
            with root_file_system(session, dpkg_options, install=install, report=part_report) as debian:
                build(session, root, recipe, {"DEBIAN": debian}, tag, part_report)
        else:
            build(session, root, recipe, {"BASE": tags[recipe.base]}, tag, part_report)

    for name, alias in recipes.ALIASES.items():
        session.engine.client.images.get(tags[name]).tag(*alias.split(":"))

    report(Step("Images", 1.0, done=True))
    return tags


def build(
    session: Session,
    root: Path,
    recipe: Recipe,
    arguments: Mapping[str, str],
    tag: str,
    report: Report = silent,
    options: Sequence[str] = (),
) -> None:
    """Build one image under its tag, with the kit's and the release's labels.

    ``arguments`` are build arguments, ``options`` further options of ``docker buildx build``. The host's CA bundle is a
    build secret: pip needs it behind a TLS-inspecting proxy, and no layer keeps it. Raises NotReady with the builder's
    last lines.
    """
    proxies = proxy_settings(os.environ)
    words = list(options)
    words += [f"--build-arg={key}={value}" for key, value in arguments.items()]
    words += [f"--build-arg={key}" for key in proxies]  # the value comes from the environment: it may hold a password
    words += [f"--label={key}={value}" for key, value in recipes.image_labels(CHECKOUT).items()]
    bundle = ca_bundle()
    if bundle is not None:
        words.append(f"--secret=id=ca,src={bundle}")

    def show(line: str) -> None:
        report(step(recipe.name, line))

    build_folder(
        session,
        root / recipe.folder,
        tag,
        *words,
        scope="machine",
        environment=proxies,
        on_line=show,
    )


def build_folder(
    session: Session,
    folder: Path,
    tag: str,
    *words: str,
    scope: Scope = "kernel",
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
) -> None:
    """Build the Dockerfile of a folder under a tag, with labels.

    ``words`` are further options of the build command. Raises NotReady with the builder's last lines.
    """
    advice = f"Read the builder's last lines (of {folder}/Dockerfile), then run the same again."
    if not is_home_writable():
        advice = HOME_ADVICE

    shell.run(
        [*session.engine.dialect.build_command(tag, session.image_labels(scope)), *words, folder],
        failure=f"The image {tag} could not be built.",
        next_step=advice,
        environment=environment,
        on_line=on_line,
    )


def step(name: str, line: str) -> Step:
    """Return the step of a line of BuildKit's plain progress.

    ``#7 [2/5] RUN apt-get …`` starts step 2 of 5; ``#7 3.1 Fetched …`` is output of a step, and has no fraction.

    >>> step("redis", "#7 [2/4] RUN apt-get install redis").fraction
    0.25
    >>> step("redis", "STEP 2/4: RUN apt-get install redis").fraction  # Podman's
    0.25
    """
    progress = re.match(r"(?:#\d+ \[(?:\S+ )?|(?:\[\S+ )?STEP )(\d+)/(\d+)[\]:] (.*)", line)
    if progress is None:
        output = re.sub(r"^#\d+ (?:[\d.]+ )?", "", line)
        return Step(name, None, visible(f"{name}: {output}", 120))

    finished_steps = int(progress[1]) - 1
    all_steps = int(progress[2])
    return Step(name, finished_steps / all_steps, visible(f"{name}: {progress[3]}", 120))


def proxy_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy variables that are set, in upper and in lower case: apt reads the lower one alone.

    >>> proxy_settings({"HTTP_PROXY": "http://proxy:3128"})
    {'HTTP_PROXY': 'http://proxy:3128', 'http_proxy': 'http://proxy:3128'}
    """
    settings: dict[str, str] = {}
    for name in PROXY_VARIABLES:
        value = environment.get(name) or environment.get(name.lower())
        if value:
            settings[name] = value
            settings[name.lower()] = value
    return settings


def ca_bundle() -> Path | None:
    """Return the PEM file of this machine's certificates: SSL_CERT_FILE, else the system's; None if there is none.

    Raises NotReady if SSL_CERT_FILE names no file.
    """
    if file := os.environ.get("SSL_CERT_FILE"):
        if not Path(file).is_file():
            raise NotReady(f"SSL_CERT_FILE names {file}, which is not a file.", "Correct or unset SSL_CERT_FILE.")
        return Path(file)

    usual_files = ("/etc/ssl/certs/ca-certificates.crt", ssl.get_default_verify_paths().cafile)
    paths = [Path(name) for name in usual_files if name]
    return next((path for path in paths if path.is_file()), None)


def free_bytes(engine: Engine) -> int | None:
    """Return the free bytes on the disk of the engine's images; None if it is not this machine's (Docker Desktop)."""
    folder = Path(engine.client.info()["DockerRootDir"])
    if not folder.is_dir():
        return None
    return shutil.disk_usage(folder).free


def _part_report(report: Report, start: float, width: float) -> Report:
    """Return a report for one part of the work, whose fractions 0 to 1 become ``start`` to ``start + width``."""

    def report_part(step: Step) -> None:
        report(Step("Images", start + width * (step.fraction or 0.0), step.detail))

    return report_part
