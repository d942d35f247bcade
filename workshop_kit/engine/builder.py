"""Build a Dockerfile with BuildKit, the engine's default builder, through the docker command.

The SDK's own ``images.build`` uses the classic builder, which knows neither build secrets nor BuildKit's cache.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from docker.errors import BuildError

from workshop_kit.errors import NotReady
from workshop_kit.progress import Step


def command(tag: str | None, labels: Mapping[str, str], arguments: Mapping[str, str] | None = None) -> list[str]:
    """The docker command that builds an image under a tag; more options and the context's folder follow it."""
    words = ["docker", "buildx", "build", "--load", "--progress=plain", "--provenance=false"]
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
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except FileNotFoundError as missing:
            raise NotReady("The docker command is not installed.", "Run ./workshop setup.") from missing
        log = []
        with process:
            for line in process.stdout or []:
                log.append({"stream": line})
                if text := line.strip():
                    on_line(text)
        if process.returncode != 0:
            raise BuildError(_reason(log), log)
        return written.read_text(), log


def has_buildkit(api: Any) -> bool:
    """Whether the engine builds with BuildKit; Podman does not."""
    return bool(api.get(f"{api.base_url}/_ping").headers.get("Builder-Version") == "2")


def step(name: str, line: str) -> Step:
    """Read BuildKit's plain progress: ``#7 [2/5] RUN apt-get …`` is step 2 of 5, ``#7 3.1 Fetched …`` is its output.

    >>> step("redis", "#7 [2/4] RUN apt-get install redis").fraction
    0.25
    """
    found = re.match(r"#\d+ \[(?:\S+ )?(\d+)/(\d+)\] (.*)", line)
    if found is None:
        said = re.sub(r"^#\d+ (?:[\d.]+ )?", "", line)
        return Step(name, None, f"{name}: {said}"[:120])
    done, total = int(found[1]) - 1, int(found[2])
    return Step(name, done / total, f"{name}: {found[3]}"[:120])


def _reason(log: list[dict[str, str]]) -> str:
    lines = [line["stream"].strip() for line in log]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return errors[-1] if errors else next((line for line in reversed(lines) if line), "the builder said nothing")
