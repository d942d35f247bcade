"""Say in one sentence why a build failed for want of a registry, and what there is on this machine instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from docker.errors import BuildError

from workshop_kit.engine.recipes import PYTHON_ALIAS, wheels
from workshop_kit.paths import CHECKOUT

# As BuildKit, and as the classic builder, name an image that no registry gave them.
_IMAGE = re.compile(
    r"(?:failed to resolve source metadata for|resolve image config for|pull access denied for|manifest for) "
    r"(?:docker-image://)?([^\s,]+?)(?:: |,| not found|\s|$)"
)
_FRONTEND = re.compile(r"resolve image config for (?:docker-image://)?(\S+)|#\s*syntax\s*=\s*(\S+)")
_REQUIREMENT = re.compile(r"Could not find a version that satisfies the requirement ([\w.-]+)(\S*)")


def explain_build_error(error: BuildError | str | Iterable[Mapping[str, str]], root: Path = CHECKOUT) -> str | None:
    """Explain a failed build, given as BuildError, its log or the log's text; None where the log says it itself.

    Known are an image or a ``# syntax=`` line that needs a registry, and a package that is not among the wheels.
    """
    text = _text(error)
    if found := _REQUIREMENT.search(text):
        return _no_wheel(found[1], found[2], wheels(root))
    if found := _IMAGE.search(text):
        image = _short(found[1])
        frontend = _FRONTEND.search(text)
        if frontend and _short(frontend[1] or frontend[2]) == image:
            return (
                f"`# syntax={image}` needs {image} from a registry, which did not give it: delete that line, "
                "the engine's own builder reads this Dockerfile."
            )
        if image == PYTHON_ALIAS:
            return f"The image {PYTHON_ALIAS} is not on this engine: run ./workshop setup, which builds it."
        return f"{image} is not on this engine and no registry gave it: build on {PYTHON_ALIAS}, which is here."
    return None


def _no_wheel(name: str, version: str, there: Mapping[str, str]) -> str:
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in there:
        return (
            f"There is no wheel of {name}{version} in {PYTHON_ALIAS}: it has {key} {there[key]}; ask for that version."
        )
    listed = ", ".join(f"{one} {there[one]}" for one in sorted(there))
    return f"There is no wheel of {name} in {PYTHON_ALIAS}, and pip asks no registry; it has {listed}."


def _short(image: str) -> str:
    """The name as one would type it.

    >>> _short("docker.io/library/python:3.13")
    'python:3.13'
    """
    return image.removeprefix("docker.io/").removeprefix("library/")


def _text(error: BuildError | str | Iterable[Mapping[str, str]]) -> str:
    if isinstance(error, str):
        return error
    log = error.build_log if isinstance(error, BuildError) else error
    text = "".join(line.get("stream") or line.get("error") or "" for line in log)
    return f"{text}\n{error}" if isinstance(error, BuildError) else text
