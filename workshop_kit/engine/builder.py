"""Build a Dockerfile with BuildKit through the docker command, and explain a build that failed.

The SDK's own ``images.build`` uses the classic builder, which has neither build secrets nor BuildKit's cache. Podman
has no BuildKit: there its own command builds, which knows the same options.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from docker.errors import BuildError

from workshop_kit.engine import shell
from workshop_kit.engine.labels import Scope
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.recipes import PYTHON_ALIAS, wheels
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady
from workshop_kit.paths import CHECKOUT
from workshop_kit.progress import Step
from workshop_kit.screen import visible

HUB = "docker.io/"
"""What stands before a name in full that names no registry."""
# As BuildKit, and as the classic builder, name an image that no registry gave them.
_IMAGE = re.compile(
    r"(?:failed to resolve source metadata for|resolve image config for|pull access denied for|manifest for) "
    r"(?:docker-image://)?([^\s,]+?)(?:: |,| not found|\s|$)"
)
_FRONTEND = re.compile(r"resolve image config for (?:docker-image://)?(\S+)|#\s*syntax\s*=\s*(\S+)")
_REQUIREMENT = re.compile(r"Could not find a version that satisfies the requirement ([\w.-]+)(\S*)")


def command(
    engine: Engine, tag: str | None, labels: Mapping[str, str], arguments: Mapping[str, str] | None = None
) -> list[str]:
    """Return the command that builds an image under a tag; more options and the context's folder follow it."""
    words = ["docker", "buildx", "build", "--load", "--progress=plain", "--provenance=false"]
    if engine.is_podman:  # it would give the tag another registry, and leave out health checks
        words = ["podman", "--remote", "--url", engine.endpoint.address, "build", "--format=docker"]
        tag = tag and f"{HUB}{tag}"
    words += ["--tag", tag] if tag else []
    words += [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]
    return words + [word for key, value in (arguments or {}).items() for word in ("--build-arg", f"{key}={value}")]


def build(words: list[str], on_line: Callable[[str], None] = lambda _line: None) -> tuple[str, list[dict[str, str]]]:
    """Run such a command; return the image's id, and the builder's lines as the SDK's ``build`` gives them.

    Raises docker's BuildError, with those lines as its ``build_log`` and the builder's last ``ERROR:`` as its reason.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "id")
        command = [*words[:-1], f"--iidfile={written}", words[-1]]
        log = []
        try:
            with shell.running(command) as process:
                for line in process.stdout or []:
                    log.append({"stream": line})
                    if text := line.strip():
                        on_line(text)
        except FileNotFoundError as missing:
            raise NotReady(f"The {words[0]} command is not installed.", "Run ./workshop setup.") from missing
        if process.returncode != 0:
            raise BuildError(_reason(log), log)
        return written.read_text(), log


def build_folder(
    session: Session,
    folder: Path,
    tag: str,
    *words: str,
    scope: Scope = "kernel",
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
) -> None:
    """Build the Dockerfile of a folder under a tag, with labels, and write the image into the ledger.

    ``words`` go to ``docker buildx build``. Raises NotReady with the builder's last lines.
    """
    # An image that outlives its maker does not name it: containers inherit labels.
    labels = session.labels(scope) if scope == "kernel" else session.identity.labels(scope)
    shell.run(
        [*command(session.engine, tag, labels), *words, folder],
        failed=f"The image {tag} could not be built.",
        next_step=f"Read the builder's last lines above (of {folder}/Dockerfile), then run the same again.",
        environment=environment,
        on_line=on_line,
    )
    session.record("image", str(session.engine.client.images.get(tag).id), tag, scope)


def can_build(engine: Engine) -> bool:
    """Return whether `command` works on this engine: it has BuildKit, or is Podman."""
    api = engine.client.api
    return engine.is_podman or bool(api.get(f"{api.base_url}/_ping").headers.get("Builder-Version") == "2")


def step(name: str, line: str) -> Step:
    """Read BuildKit's plain progress: ``#7 [2/5] RUN apt-get …`` is step 2 of 5, ``#7 3.1 Fetched …`` is its output.

    >>> step("redis", "#7 [2/4] RUN apt-get install redis").fraction
    0.25
    >>> step("redis", "STEP 2/4: RUN apt-get install redis").fraction  # Podman's
    0.25
    """
    found = re.match(r"(?:#\d+ \[(?:\S+ )?|(?:\[\S+ )?STEP )(\d+)/(\d+)[\]:] (.*)", line)
    if found is None:
        said = re.sub(r"^#\d+ (?:[\d.]+ )?", "", line)
        return Step(name, None, visible(f"{name}: {said}", 120))
    done, total = int(found[1]) - 1, int(found[2])
    return Step(name, done / total, visible(f"{name}: {found[3]}", 120))


def _reason(log: list[dict[str, str]]) -> str:
    lines = [line["stream"].strip() for line in log]
    errors = [line.partition(": ")[2] for line in lines if line.startswith(("ERROR: ", "Error: "))]
    return errors[-1] if errors else next((line for line in reversed(lines) if line), "the builder said nothing")


def explain_build_error(said: str) -> str | None:
    """Explain the output of a build that needed a registry: its text → one sentence.

    Known are an image, a ``# syntax=`` line, and a package that is not among the wheels; None for all other failures.
    """
    if found := _REQUIREMENT.search(said):
        return _no_wheel(found[1], found[2])
    if found := _IMAGE.search(said):
        image = short_name(found[1])
        frontend = _FRONTEND.search(said)
        if frontend and short_name(frontend[1] or frontend[2]) == image:
            return (
                f"`# syntax={image}` needs {image} from a registry, which did not give it: delete that line, "
                "the engine's own builder reads this Dockerfile."
            )
        if image == PYTHON_ALIAS:
            return f"The image {PYTHON_ALIAS} is not on this engine: run ./workshop setup, which builds it."
        return f"{image} is not on this engine and no registry gave it: build on {PYTHON_ALIAS}, which is here."
    return None


def _no_wheel(name: str, version: str) -> str:
    there = wheels(CHECKOUT)
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in there:
        return (
            f"There is no wheel of {name}{version} in {PYTHON_ALIAS}: it has {key} {there[key]}; ask for that version."
        )
    listed = ", ".join(f"{one} {there[one]}" for one in sorted(there))
    return f"There is no wheel of {name} in {PYTHON_ALIAS}, and pip asks no registry; it has {listed}."


def short_name(image: str) -> str:
    """Return the name as one would type it; Podman lists names in full.

    >>> short_name("docker.io/library/python:3.13")
    'python:3.13'
    """
    return image.removeprefix(HUB).removeprefix("library/")
