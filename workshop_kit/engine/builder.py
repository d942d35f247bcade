"""Build the participant's Dockerfile as the SDK's ``images.build`` would, and explain a build that failed.

The SDK itself uses the classic builder, which has neither build secrets nor BuildKit's cache.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from docker.errors import BuildError

from workshop_kit.engine import images, shell
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.recipes import PYTHON_ALIAS, short_name, wheels
from workshop_kit.errors import NotReady
from workshop_kit.paths import CHECKOUT

_FLAGS = {"nocache": "--no-cache", "pull": "--pull"}
_VALUES = {"target": "--target", "network_mode": "--network", "platform": "--platform"}
_IGNORED = {"rm", "forcerm", "quiet", "decode", "gzip", "encoding", "timeout", "use_config_proxy"}
"""Arguments of the SDK's ``images.build`` that change nothing for BuildKit."""
# As BuildKit, and as the classic builder, name an image that no registry gave them.
_IMAGE = re.compile(
    r"(?:failed to resolve source metadata for|resolve image config for|pull access denied for|manifest for) "
    r"(?:docker-image://)?([^\s,]+?)(?:: |,| not found|\s|$)"
)
_FRONTEND = re.compile(r"resolve image config for (?:docker-image://)?(\S+)|#\s*syntax\s*=\s*(\S+)")
_REQUIREMENT = re.compile(r"Could not find a version that satisfies the requirement ([\w.-]+)(\S*)")


def command(engine: Engine, arguments: Mapping[str, Any]) -> list[str] | None:
    """Return the command for the SDK's ``build(…)``; None where it has no option for an argument."""
    given = {key: value for key, value in arguments.items() if value not in (None, False) and key not in _IGNORED}
    if not given.get("path"):
        return None
    path = given.pop("path")
    words = images.command(engine, given.pop("tag", None), given.pop("labels", {}))
    words += [f"--build-arg={key}={value}" for key, value in given.pop("buildargs", {}).items()]
    if file := given.pop("dockerfile", None):
        words += ["--file", os.path.join(path, file)]  # noqa: PTH118 - the path may be a repository's address
    words += [_FLAGS[key] for key in given.keys() & _FLAGS.keys()]
    words += [f"{_VALUES[key]}={given[key]}" for key in given.keys() & _VALUES.keys()]
    return None if given.keys() - _FLAGS.keys() - _VALUES.keys() else [*words, str(path)]


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
