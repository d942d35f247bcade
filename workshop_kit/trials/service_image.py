"""Build the image of a participant's service for a check, and remove it; explain in one finding why none was built."""

from __future__ import annotations

import contextlib
import re
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from docker.errors import ImageNotFound

from workshop_kit.engine import recipes, shell
from workshop_kit.engine.builder import explain_build_error
from workshop_kit.engine.recipes import PYTHON_ALIAS, REPOSITORY
from workshop_kit.patience import wait_for
from workshop_kit.trials.check_context import CheckEnded, Context
from workshop_kit.trials.result import Finding, Result
from workshop_kit.trials.trial import LOOK_SECONDS

BUILD_SECONDS = 60.0
LAST_LINES = 6
BASE_ARGUMENT = f"--build-arg=BASE={PYTHON_ALIAS}"
MISSING_FILE = re.compile(r'"/?(?P<name>[^"]+)": not found')
"""How the builder says that COPY names a file that is not there."""
BEGUN_STEP = re.compile(r"^#\d+ \[(?:\S+ )?(\d+)/(\d+)\] (.*)$", re.MULTILINE)
FAILED_STEP = re.compile(r"^ > \[(?:\S+ )?(\d+)/(\d+)\] (.*?):?$", re.MULTILINE)
MARKED_LINE = re.compile(r"^ *(\d+) \| >{3} (.*)$", re.MULTILINE)
PARSE_ERROR = re.compile(r"parse error on line (\d+)")


@contextlib.contextmanager
def build(context: Context, folder: Path | None = None, base: str | None = None) -> Iterator[str]:
    """Build an image and yield its tag; remove the image at the end.

    ``folder`` is the participant's unless given, and ``base`` the workshop's Python image. The builder is ended at the
    deadline, and as soon as a newer check has begun. Raises CheckEnded if no image can be built.
    """
    context.report_step("building your image")
    session = context.stack.session
    base = base or recipes.tags(context.stack.root)["python"]
    tag = f"{REPOSITORY}/check:{secrets.token_hex(8)}"

    build_command = session.engine.dialect.build_command(tag, session.image_labels("kernel"))
    base_options = [BASE_ARGUMENT, f"--build-context={PYTHON_ALIAS}=docker-image://{base}"]
    try:
        _run_builder([*build_command, *base_options, str(folder or context.folder)], context)
        yield tag
    finally:
        with contextlib.suppress(ImageNotFound):
            session.engine.client.images.remove(tag, force=True)


def _run_builder(command: list[str], context: Context) -> None:
    """Run the builder until it has ended. Raises CheckEnded if it failed.

    The builder is ended when its time is up, or once a newer check has begun.
    """
    began = time.monotonic()
    with shell.running(command) as builder:

        def read_output() -> str | None:
            try:
                return builder.communicate(timeout=LOOK_SECONDS)[0]
            except subprocess.TimeoutExpired:
                return None

        def is_over(output: str | None) -> bool:
            return output is not None or context.superseded.is_set()

        output = wait_for(read_output, BUILD_SECONDS, until=is_over, pause_seconds=0)
        is_late = not is_over(output)
        while output is None:
            builder.terminate()  # that ends the build in the engine, too; a builder that just begins may not hear it
            output = read_output()

    if builder.returncode == 0:
        return
    if is_late:
        seconds = time.monotonic() - began
        context.waits.add("the builder was not done", seconds)
        raise _not_built(endless_build(output, seconds))
    raise _not_built(build_finding(output))


def _not_built(finding: Finding) -> CheckEnded:
    """Return the error for an image that was not built, and why."""
    return CheckEnded(Result.did_not_start(finding.means, finding))


def build_finding(output: str) -> Finding:
    """Return the finding for the output of a builder that failed."""
    means = "The builder stopped at this instruction."
    look = f"Its last lines say why. `docker build {BASE_ARGUMENT} .` shows all of them."

    registry_sentence = explain_build_error(output)
    missing_file = MISSING_FILE.search(output)
    if registry_sentence:
        means = registry_sentence
        look = "What stands in that line, and what of it is on this machine?"
    elif missing_file:
        means = f"COPY names {missing_file['name']}, and the folder that the builder gets does not hold it."
        look = "Compare the name with `ls -a`. .dockerignore may hide it, too."

    return _finding(_failed_place(output), _last_lines(output), means, look)


def endless_build(output: str, seconds: float) -> Finding:
    """Return the finding for a builder that was ended after so many seconds."""
    means = f"The build does not come to an end: it was stopped after {seconds:.0f} s."
    command = f"docker build {BASE_ARGUMENT} --progress plain ."
    look = f"What does that instruction wait for? `{command}` shows what it says meanwhile."
    return _finding(_running_step(output), _filled_tail(output), means, look)


def _finding(place: str, last_lines: str, means: str, look: str) -> Finding:
    """Return the finding for an image that was not built, with the place at which the builder stopped."""
    return Finding(False, f"docker build: {place}", last_lines, "an image", means, look)


def _running_step(output: str) -> str:
    """Return the step that a builder had begun last."""
    steps = BEGUN_STEP.findall(output)
    if not steps:
        return "before the first step"
    number, count, instruction = steps[-1]
    return f"step {number} of {count}: {instruction}"


def _filled_tail(output: str) -> str:
    """Return the last lines of an output, without blank ones."""
    lines = output.splitlines()[-LAST_LINES:]
    return "\n".join(line for line in lines if line.strip())


def _failed_place(output: str) -> str:
    """Return where the builder failed: ``step 2 of 5, line 4: COPY requirments.txt .``."""
    failed_step = FAILED_STEP.search(output)
    marked_line = MARKED_LINE.search(output)
    line = marked_line or PARSE_ERROR.search(output)

    numbers = []
    if failed_step:
        numbers.append(f"step {failed_step[1]} of {failed_step[2]}")
    if line:
        numbers.append(f"line {line[1]}")
    place = ", ".join(numbers) or "before the first step"

    if marked_line:
        return f"{place}: {marked_line[2].strip()}"
    if failed_step:
        return f"{place}: {failed_step[3]}"
    return place


def _last_lines(output: str) -> str:
    """Return the last lines of the failed step, without their times; without any, the builder's own errors.

    The builder prints the log of the failed step between two lines of hyphens.
    """
    _, _, text_from_log = output.partition("\n------\n")
    log, _, _ = text_from_log.partition("\n------\n")
    filled_lines = [line for line in log.splitlines() if line.strip()]
    lines = [line for line in filled_lines if not line.startswith(" > ")]
    if not lines:
        lines = [line for line in output.splitlines() if line.startswith("ERROR: ")]

    lines_without_time = [re.sub(r"^[\d.]+ ", "", line) for line in lines[-LAST_LINES:]]
    return "\n".join(lines_without_time)
