"""Build an image by BuildKit's command, and explain a build that failed.

The SDK itself uses the classic builder, which has neither build secrets nor BuildKit's cache.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from docker.errors import BuildError

from workshop_kit.engine import shell
from workshop_kit.engine.dialect import Dialect
from workshop_kit.engine.recipes import PYTHON_ALIAS, short_name, wheels
from workshop_kit.errors import WrongUsage
from workshop_kit.names import in_words
from workshop_kit.paths import CHECKOUT
from workshop_kit.untrusted_text import visible

SHOWN_LINES = 12
"""The number of the builder's last lines that are shown below a BuildError."""
_FLAGS = {"nocache": "--no-cache", "pull": "--pull"}
_VALUES = {"target": "--target", "network_mode": "--network", "platform": "--platform"}
_IGNORED = {"rm", "forcerm", "quiet", "decode", "gzip", "encoding", "timeout", "use_config_proxy"}
"""Arguments of the SDK's ``images.build`` that change nothing for BuildKit."""
# BuildKit's messages on an image that no registry gave it.
_IMAGE = re.compile(
    r"(?:failed to resolve source metadata for|resolve image config for|pull access denied for|manifest for) "
    r"(?:docker-image://)?([^\s,]+?)(?:: |,| not found|\s|$)"
)
_FRONTEND = re.compile(r"resolve image config for (?:docker-image://)?(\S+)|#\s*syntax\s*=\s*(\S+)")
_REQUIREMENT = re.compile(r"Could not find a version that satisfies the requirement ([\w.-]+)(\S*)")


def build_command(dialect: Dialect, arguments: Mapping[str, Any]) -> list[str]:
    """Return BuildKit's command for the arguments of the SDK's ``build``. Raises WrongUsage where it has none."""
    options = {key: value for key, value in arguments.items() if _is_option(key, value)}
    path = options.pop("path", None)
    words = dialect.build_command(options.pop("tag", None), options.pop("labels"))
    build_arguments = {"BASE": PYTHON_ALIAS, **options.pop("buildargs", {})}
    words += [f"--build-arg={key}={value}" for key, value in build_arguments.items()]
    dockerfile = options.pop("dockerfile", None)
    if dockerfile:
        words += ["--file", os.path.join(path, dockerfile)]  # noqa: PTH118 - the path may be a repository's address

    unknown_options = sorted(options.keys() - _FLAGS.keys() - _VALUES.keys())
    if unknown_options or not path:
        lack = f"has no option for {in_words(unknown_options)}" if unknown_options else "needs the path of a folder"
        raise WrongUsage(f"BuildKit {lack}.", "Build a folder: client.images.build(path=…).")
    words += [_FLAGS[key] for key in options.keys() & _FLAGS.keys()]
    words += [f"{_VALUES[key]}={options[key]}" for key in options.keys() & _VALUES.keys()]
    return [*words, str(path)]


def _is_option(key: str, value: Any) -> bool:
    """Return whether an argument of the SDK's ``build`` is set and means something to BuildKit."""
    return value not in (None, False) and key not in _IGNORED


def run_build(
    words: Sequence[str], dialect: Dialect, on_line: Callable[[str], None]
) -> tuple[list[str], list[dict[str, str]]]:
    """Run a command of `build_command`; return the ids that the image may have, and the builder's output.

    The output has the form of the SDK's: ``{"stream": line}`` for each line. A failed build raises docker's BuildError
    with that output as its ``build_log`` and the builder's last ``ERROR:`` as its reason.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result")
        command = [*words[:-1], f"{dialect.result_option}={result}", words[-1]]  # the path has to come last
        log = []
        with shell.running(command) as process:
            for line in process.stdout or []:
                log.append({"stream": line})
                if text := line.strip():
                    on_line(text)

        if process.returncode != 0:
            raise BuildError(_failure_reason(log), log)
        return dialect.built_ids(result.read_text()), log


def _failure_reason(log: list[dict[str, str]]) -> str:
    """Return the last error in the builder's output; without one, its last line that is not empty."""
    lines = [record["stream"].strip() for record in log]
    errors = [line.partition(": ")[2] for line in lines if line.startswith(("ERROR: ", "Error: "))]
    if errors:
        return errors[-1]

    texts = [line for line in lines if line]
    return texts[-1] if texts else "the builder said nothing"


def add_notes(error: BuildError) -> None:
    """Add the builder's last lines to the error as a note, and a sentence on the cause if it is known."""
    output = "".join(record["stream"] for record in error.build_log)
    last_lines = output.splitlines()[-SHOWN_LINES:]
    error.add_note("\n".join(map(visible, last_lines)))

    if sentence := explain_build_error(output):
        error.add_note(sentence)


def explain_build_error(output: str) -> str | None:
    """Return one sentence on why a build needed a registry, from the builder's output; None for other failures.

    The causes that it knows are a missing image, a ``# syntax=`` line, and a package that is not among the wheels.
    """
    if requirement := _REQUIREMENT.search(output):
        return _explain_missing_wheel(requirement[1], requirement[2])
    if missing_image := _IMAGE.search(output):
        return _explain_missing_image(short_name(missing_image[1]), output)
    return None


def _explain_missing_image(image: str, output: str) -> str:
    """Explain that no registry gave an image, which the Dockerfile builds on or names as its ``# syntax=``."""
    if _frontend_in(output) == image:
        return (
            f"`# syntax={image}` needs {image} from a registry, which did not give it: delete that line, "
            "the engine's own builder reads this Dockerfile."
        )
    if image == PYTHON_ALIAS:
        return f"The image {PYTHON_ALIAS} is not on this engine: run ./workshop setup, which builds it."
    advice = f"build on `${{BASE}}`, as lesson 01 does, with --build-arg BASE={PYTHON_ALIAS}"
    return f"{image} is not on this engine and no registry gave it: {advice}."


def _frontend_in(output: str) -> str | None:
    """Return the image that a ``# syntax=`` line of the Dockerfile names, if the builder's output shows one."""
    match = _FRONTEND.search(output)
    if match is None:
        return None
    return short_name(match[1] or match[2])


def _explain_missing_wheel(name: str, version: str) -> str:
    """Explain that the Python image has no wheel of a package, or none of the version asked for (``==2.0``)."""
    versions = wheels(CHECKOUT)
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in versions:
        return (
            f"There is no wheel of {name}{version} in {PYTHON_ALIAS}: it has {key} {versions[key]}; "
            "ask for that version."
        )

    packages = ", ".join(f"{package} {versions[package]}" for package in sorted(versions))
    return f"There is no wheel of {name} in {PYTHON_ALIAS}, and pip asks no registry; it has {packages}."
