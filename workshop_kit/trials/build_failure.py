"""Explain in one finding why no image was built: the step, the instruction, and what the builder's output means."""

from __future__ import annotations

import re

from workshop_kit.engine.builder import explain_build_error
from workshop_kit.trials.findings import START, findings
from workshop_kit.trials.result import Finding

FINDINGS = findings(START)
LAST_LINES = 6
CAUSES = (
    ("instruction", r"unknown instruction: (?P<name>\S+)"),
    ("copy", r'"/?(?P<name>[^"]+)": not found'),
    ("requirements", r"Could not open requirements file: .* '(?P<name>[^']+)'"),
    ("permission", r"\[Errno 13\] Permission denied: '(?P<name>[^']+)'"),
    ("package", r"(?:E|Error): (?:Unable to locate package|Package) '?(?P<name>[\w.+-]+)"),
    ("program", r"/bin/sh: \d+: (?P<name>\S+): not found"),
    ("no-from", r"no build stage in current context"),
    ("empty", r"Dockerfile cannot be empty"),
    ("syntax", r"parse error"),
)
"""The ways in which a build fails, each with a pattern of the builder's output; the first that matches counts."""
APT_UPDATE = re.compile(r"\bapt(?:-get)?(?:\s+-\S+)*\s+update\b(?!-)")
BEGUN_STEP = re.compile(r"^#\d+ \[(?:\S+ )?(\d+)/(\d+)\] (.*)$", re.MULTILINE)
FAILED_STEP = re.compile(r"^ > \[(?:\S+ )?(\d+)/(\d+)\] (.*?):?$", re.MULTILINE)
MARKED_LINE = re.compile(r"^ *(\d+) \| >{3} (.*)$", re.MULTILINE)
PARSE_ERROR = re.compile(r"parse error on line (\d+)")


def build_finding(output: str) -> Finding:
    """Return the finding for the output of a builder that failed."""
    place = _failed_place(output)
    last_lines = _last_lines(output)
    sentence = explain_build_error(output)
    if sentence is not None:
        return FINDINGS.failed("build.registry", last_lines, place=place, sentence=sentence)

    for way, pattern in CAUSES:
        cause = re.search(pattern, output)
        if cause is not None:
            has_no_package_lists = way == "package" and APT_UPDATE.search(output) is None
            key = "build.no-update" if has_no_package_lists else f"build.{way}"
            return FINDINGS.failed(key, last_lines, place=place, **cause.groupdict())

    return FINDINGS.failed("build.unknown", last_lines, place=place)


def endless_build(output: str, seconds: float) -> Finding:
    """Return the finding for a builder that was ended after so many seconds."""
    return FINDINGS.failed("build.endless", _filled_tail(output), place=_running_step(output), seconds=seconds)


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
