"""The check of lesson 03 on reading lines: every line of the container is somewhere, and in the right place."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
from docker.errors import NotFound

from workshop_kit.exercises.answers import gone, handed_in, part
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding
from workshop_kit.observe.logs import read_container

CALLED = "docker logs, read to its end with the kit's own reader"


@check("logging.parse")
def parse(context: Context) -> CheckResult:
    """Compare the counts and the odd lines with those of the live container."""
    subject, value = handed_in(context, "container")
    if subject is None:
        return value
    try:
        frame = read_container(context.stack.session.engine.client.containers.get(subject))
    except NotFound:
        return gone(context, "container")
    return compared(value, frame)


def compared(value: Any, frame: pd.DataFrame) -> CheckResult:
    """Hold what was handed in against the lines as our own reader has them."""
    odd = frame[frame["reason"].notna()]
    said = part(value, "odd")
    texts = [str(text) for text in said] if isinstance(said, list | tuple) else []
    findings = (
        _lines(part(value, "lines"), len(frame)),
        _rows(part(value, "rows"), len(frame) - len(odd)),
        _odd(texts, odd),
    )
    if all(finding.passed for finding in findings):
        summary = f"Of {len(frame)} lines none is lost: {len(odd)} fit no table, and you have each of them."
        return CheckResult(summary, findings)
    return CheckResult("Some of what the container said is nowhere, and nobody would ever know.", findings)


def _lines(said: Any, lines: int) -> Finding:
    return found(
        said == lines,
        CALLED,
        f"you counted {said if said is not None else 'no'} lines",
        "as many as the container wrote",
        f"{'More' if isinstance(said, int) and said > lines else 'Not as many'} lines than there are: {lines}.",
        "What ends a line? In a log only a newline does; splitlines() knows ten more.",
    )


def _rows(said: Any, rows: int) -> Finding:
    return found(
        said == rows,
        CALLED,
        f"you have {said if said is not None else 'no'} rows",
        "one for each line that is a JSON object, and says all of it",
        f"{rows} lines are whole JSON objects. A row too many hides a line that is not what it seems.",
        "Does json.loads accept NaN? A number? A key that comes twice? Of two values, it keeps one.",
    )


def _odd(texts: list[str], odd: pd.DataFrame) -> Finding:
    missing = Counter(odd["raw"].astype(str)) - Counter(texts)
    too_many = Counter(texts) - Counter(odd["raw"].astype(str))
    why = dict(zip(odd["raw"].astype(str), odd["reason"].astype(str), strict=True))
    reasons = Counter(dict.fromkeys(why.values(), 0))
    for text, count in missing.items():
        reasons[why[text]] += count
    lost = ", ".join(f"{count} × {reason}" for reason, count in reasons.most_common() if count)
    got, means = f"{len(texts)} odd lines", f"Without a trace: {lost}."
    if not missing and too_many:
        got = f"{sum(too_many.values())} of {len(texts)} are not odd, or no line of this log"
        means = "Whoever looks through the odd ones finds lines that are fine, or halves of lines."
    return found(
        not missing and not too_many,
        CALLED,
        got,
        "the text of every line that is no row, to the letter",
        means,
        "Where does a line go that json.loads refuses, or that is no dict?",
    )
