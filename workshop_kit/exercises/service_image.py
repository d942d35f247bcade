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

DEADLINE_SECONDS = 60.0
LOOK_SECONDS = 0.05
LAST_LINES = 6
CAUSES = (
    (
        r"unknown instruction: (\S+)",
        "{} is no instruction of a Dockerfile.",
        "Compare its letters with those of the other lines.",
    ),
    (
        r'"/?([^"]+)": not found',
        "COPY names {}, and the folder that the builder gets does not hold it.",
        "Compare the name with `ls -a`; .dockerignore may hide it, too.",
    ),
    (
        r"Could not open requirements file: .* '([^']+)'",
        "pip finds no {} in the image.",
        "Which COPY before this line brings it?",
    ),
    (
        r"\[Errno 13\] Permission denied: '([^']+)'",
        "The user of this step may not write {}.",
        "Which USER stands before it? pip must have written its packages by then.",
    ),
    (
        r"/bin/sh: \d+: (\S+): not found",
        "The image has no program {}.",
        "Compare the name with that of a program in the image, or leave it out.",
    ),
    (
        r"(no build stage in current context)",
        "No FROM stands before this instruction.",
        f"The first instruction names the image to build on: FROM {PYTHON_ALIAS}.",
    ),
    (
        r"(Dockerfile cannot be empty)",
        "The Dockerfile has no instruction.",
        "`./workshop reset container.dockerfile` brings back the one that you were given.",
    ),
    (r"(parse error)", "The builder cannot read that line.", "Compare it with the lines above."),
)
"""A pattern of the builder's output, its meaning with the pattern's group, and where to look."""


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
    for pattern, means, look in CAUSES:
        if matched := re.search(pattern, said):
            return means.format(matched[1]), look
    return "The builder stopped at this instruction.", "Its last lines say why; `docker build .` shows all of them."


def _last_lines(said: str) -> str:
    """Return the last lines of the failed step, else the builder's own error."""
    _, _, log = said.partition("\n------\n")
    lines = [
        line for line in log.partition("\n------\n")[0].splitlines() if line.strip() and not line.startswith(" > ")
    ]
    lines = lines or [line for line in said.splitlines() if line.startswith("ERROR: ")]
    return "\n".join(re.sub(r"^[\d.]+ ", "", line) for line in lines[-LAST_LINES:])
