"""Explain in one finding why no image was built: the step, the instruction, and what the builder's output means."""

from __future__ import annotations

import re

from workshop_kit.engine.builder import explain_build_error
from workshop_kit.trials.result import Finding

LAST_LINES = 6
MISSING_FILE = re.compile(r'"/?(?P<name>[^"]+)": not found')
"""How the builder says that COPY names a file that is not there."""
BEGUN_STEP = re.compile(r"^#\d+ \[(?:\S+ )?(\d+)/(\d+)\] (.*)$", re.MULTILINE)
FAILED_STEP = re.compile(r"^ > \[(?:\S+ )?(\d+)/(\d+)\] (.*?):?$", re.MULTILINE)
MARKED_LINE = re.compile(r"^ *(\d+) \| >{3} (.*)$", re.MULTILINE)
PARSE_ERROR = re.compile(r"parse error on line (\d+)")


def build_finding(output: str) -> Finding:
    """Return the finding for the output of a builder that failed."""
    means = "The builder stopped at this instruction."
    look = "Its last lines say why. `docker build .` shows all of them."

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
    look = "What does that instruction wait for? `docker build --progress plain .` shows what it says meanwhile."
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
