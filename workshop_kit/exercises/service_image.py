"""Build the image of a participant's folder for a check, and explain the builder's errors."""

from __future__ import annotations

import contextlib
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docker.errors import ImageNotFound

from workshop_kit.engine import builder, recipes, shell
from workshop_kit.engine.builder import explain_build_error
from workshop_kit.engine.recipes import PYTHON_ALIAS, REPOSITORY
from workshop_kit.exercises.check_api import CheckEnded, Context
from workshop_kit.exercises.result import Finding, Result, Verdict
from workshop_kit.exercises.start_failure import known_cause

DEADLINE_SECONDS = 60.0
LOOK_SECONDS = 0.05
LAST_LINES = 6


@dataclass(frozen=True)
class ServiceImage:
    """A built image: its tag, and the ids of its layers, oldest first."""

    tag: str
    layers: tuple[str, ...]


@contextlib.contextmanager
def build(context: Context, folder: Path | None = None, base: str | None = None) -> Iterator[ServiceImage]:
    """Build the participant's folder, or another, on the workshop's Python image, or another; remove it at the end.

    The builder is ended at the deadline, and as soon as a newer check has begun. Raises CheckEnded if no image
    can be built.
    """
    session, base = context.stack.session, base or recipes.tags(context.stack.root)["python"]
    tag = f"{REPOSITORY}/check:{secrets.token_hex(8)}"
    from_base = f"--build-context={PYTHON_ALIAS}=docker-image://{base}"
    try:
        command = [*builder.command(session.engine, tag, session.labels("kernel")), from_base]
        _run([*command, str(folder or context.folder)], context.superseded)
        yield ServiceImage(tag, tuple(session.engine.client.images.get(tag).attrs["RootFS"]["Layers"]))
    finally:
        with contextlib.suppress(ImageNotFound):
            session.engine.client.images.remove(tag, force=True)


def _run(command: list[str], superseded: threading.Event) -> None:
    """Run the builder to its end; at the deadline, or once ``superseded`` is set, end it. Raises CheckEnded."""
    ends_at = time.monotonic() + DEADLINE_SECONDS
    with shell.running(command) as building:
        said = None
        while said is None:
            try:
                said, _ = building.communicate(timeout=LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if superseded.is_set() or time.monotonic() > ends_at:
                    building.terminate()  # that ends the build in the engine, too
    if building.returncode != 0:
        failed = finding(said)
        raise CheckEnded(Result(Verdict.DID_NOT_START, failed.means, (failed,)))


def finding(said: str) -> Finding:
    """Return the builder's output as a finding with the step and the instruction."""
    step = re.search(r"^ > \[(?:\S+ )?(\d+)/(\d+)\] (.*?):?$", said, re.MULTILINE)
    marked = re.search(r"^ *(\d+) \| >{3} (.*)$", said, re.MULTILINE)
    line = marked or re.search(r"parse error on line (\d+)()", said)
    where = [f"step {step[1]} of {step[2]}"] if step else []
    where += [f"line {line[1]}"] if line else []
    instruction = marked[2].strip() if marked else step[3] if step else ""
    called = f"docker build: {', '.join(where) or 'before the first step'}"
    means, look = _cause(said)
    return Finding(
        False, f"{called}: {instruction}" if instruction else called, _last_lines(said), "an image", means, look
    )


def _cause(said: str) -> tuple[str, str]:
    """Return the meaning of the builder's output, and where to look: the first cause whose pattern fits."""
    if (sentence := explain_build_error(said)) is not None:
        return sentence, "What stands in that line, and what of it is on this machine?"
    unknown = "The builder stopped at this instruction.", "Its last lines say why; `docker build .` shows all of them."
    return known_cause("build", said) or unknown


def _last_lines(said: str) -> str:
    """Return the last lines of the failed step, else the builder's own error."""
    _, _, log = said.partition("\n------\n")
    lines = [
        line for line in log.partition("\n------\n")[0].splitlines() if line.strip() and not line.startswith(" > ")
    ]
    lines = lines or [line for line in said.splitlines() if line.startswith("ERROR: ")]
    return "\n".join(re.sub(r"^[\d.]+ ", "", line) for line in lines[-LAST_LINES:])
