"""The check of logging.parse: compare an answer with the lines, the rows and the odd lines of a container's log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from workshop_kit.observe.logs import read_container
from workshop_kit.trials.check_api import Context, check, entry_of, fixture_answer
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude

PARSE = findings("logging.parse")
LOST = "logging.parse.odd.lost"
LONGEST_GOT = 160


@check("logging.parse")
def parse(context: Context) -> Result:
    """Compare the answer with the log of the container, which still runs."""
    with fixture_answer(context, "container") as (name, value):
        container = context.stack.session.engine.client.containers.get(name)
        lines = container.logs().decode().removesuffix("\n").split("\n")
        return judge_parse(value, lines, read_container(container))


def judge_parse(value: Any, lines: Sequence[str], frame: pd.DataFrame) -> Result:
    """Judge an answer by the lines of the container, and by ``frame``, which the kit's reader makes of them."""
    odd = frame[frame["reason"].notna()]
    summary = PARSE.success_summary.format(lines=len(lines), odd=len(odd))
    return conclude(summary, _parse_findings(value, lines, odd))


def _parse_findings(value: Any, lines: Sequence[str], odd: pd.DataFrame) -> tuple[Finding, ...]:
    """Return the findings on an answer; ``odd`` are the rows of the odd lines.

    Rows are judged if the number of lines is right, and the odd lines if the rows are right. With a wrong number of
    lines, odd lines that are missing are a finding, too.
    """
    lines_finding = _count_finding(entry_of(value, "lines"), len(lines), "lines")
    odd_finding = _odd_lines_finding(entry_of(value, "odd"), odd)
    if not lines_finding.passed:
        has_lost_lines = odd_finding.key == LOST
        return (lines_finding, odd_finding) if has_lost_lines else (lines_finding,)

    json_lines = Counter(lines) - Counter(odd["raw"].astype(str))
    right_rows = [json.loads(line) for line in json_lines.elements()]
    rows_finding = _rows_finding(entry_of(value, "rows"), right_rows)
    if not rows_finding.passed:
        return lines_finding, rows_finding
    return lines_finding, rows_finding, odd_finding


def _rows_finding(rows: Any, right_rows: Sequence[dict[str, Any]]) -> Finding:
    """Find whether the rows of an answer are the right ones, in any order."""
    if not isinstance(rows, list | tuple):
        return PARSE.failed("rows.none", f"you have {rows!r}"[:LONGEST_GOT])

    count_finding = _count_finding(len(rows), len(right_rows), "rows")
    if not count_finding.passed:
        return count_finding

    missing_rows = Counter(map(_canonical_json, right_rows)) - Counter(map(_canonical_json, rows))
    wrong_count = missing_rows.total()
    observation = f"{len(rows) - wrong_count} of {len(rows)} rows are what their lines say"
    return PARSE.found(wrong_count == 0, "rows.values", observation, wrong=wrong_count)


def _canonical_json(row: Any) -> str:
    """Return a row as JSON that is the same for equal rows, whatever the order of their keys."""
    return json.dumps(row, sort_keys=True)


def _count_finding(count: Any, total: int, name: str) -> Finding:
    """Find whether the number of lines or of rows (``name``) is ``total``."""
    way_to_fail = "more" if isinstance(count, int) and count > total else "fewer"
    observation = f"you have {'none' if count in (None, 0) else count}"
    return PARSE.found(count == total, f"{name}.{way_to_fail}", observation, total=total)


def _odd_lines_finding(answer: Any, odd: pd.DataFrame) -> Finding:
    """Find whether an answer has all odd lines, and no others."""
    texts: list[str] = []
    if isinstance(answer, list | tuple):
        texts = [str(text) for text in answer]
    odd_lines = odd["raw"].astype(str)
    lost_lines = Counter(odd_lines) - Counter(texts)
    extra_texts = Counter(texts) - Counter(odd_lines)

    reason_by_line = dict(zip(odd_lines, odd["reason"].astype(str), strict=True))
    counts = Counter(reason_by_line[line] for line in lost_lines.elements()).most_common()
    reasons = ", ".join(f"{count} × {reason}" for reason, count in counts)

    lost_count = lost_lines.total()
    extra_count = extra_texts.total()
    way_to_fail = "lost" if lost_lines else "extra"
    observation = f"{len(texts)} texts; {lost_count} lines are missing, {extra_count} texts are no odd line"
    return PARSE.found(not lost_lines and not extra_texts, f"odd.{way_to_fail}", observation, reasons=reasons)
