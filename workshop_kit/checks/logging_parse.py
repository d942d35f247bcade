"""The check of logging.parse: the lines, the rows and the odd lines of a container's log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from workshop_kit.observe.logs import read_container
from workshop_kit.trials.check_api import Context, check, entry_of, handed_in
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude

PARSE = findings("logging.parse")
LOST = "logging.parse.odd.lost"
LONGEST_GOT = 160


@check("logging.parse")
def parse(context: Context) -> Result:
    """Compare the lines, the rows and the odd lines with those of the live container."""
    with handed_in(context, "container") as (name, value):
        container = context.stack.session.engine.client.containers.get(name)
        lines = container.logs().decode().removesuffix("\n").split("\n")
        return judge_parse(value, lines, read_container(container))


def judge_parse(value: Any, lines: Sequence[str], frame: pd.DataFrame) -> Result:
    """Judge an answer by the lines of the container, and by the frame that the kit's reader makes of them."""
    odd = frame[frame["reason"].notna()]
    shown = PARSE.shown.format(lines=len(lines), odd=len(odd))
    return conclude(shown, _parse_findings(value, lines, odd))


def _parse_findings(value: Any, lines: Sequence[str], odd: pd.DataFrame) -> tuple[Finding, ...]:
    """Return the findings on an answer: rows are judged once the lines are right, and what is odd once the rows are.

    A line that is nowhere is told also where the number of lines is wrong.
    """
    line_count = _count(entry_of(value, "lines"), len(lines), "lines")
    odd_texts = _odd(entry_of(value, "odd"), odd)
    if not line_count.passed:
        return (line_count, odd_texts) if odd_texts.key == LOST else (line_count,)

    json_lines = Counter(lines) - Counter(odd["raw"].astype(str))
    rows = _rows(entry_of(value, "rows"), [json.loads(line) for line in json_lines.elements()])
    return (line_count, rows, odd_texts) if rows.passed else (line_count, rows)


def _rows(rows: Any, right_rows: Sequence[dict[str, Any]]) -> Finding:
    """Find whether the rows are those of the lines, in any order."""
    if not isinstance(rows, list | tuple):
        return PARSE.failed("rows.none", f"you have {rows!r}"[:LONGEST_GOT])

    row_count = _count(len(rows), len(right_rows), "rows")
    if not row_count.passed:
        return row_count

    missing = Counter(map(_canonical, right_rows)) - Counter(map(_canonical, rows))
    wrong_rows = missing.total()
    got = f"{len(rows) - wrong_rows} of {len(rows)} rows are what their lines say"
    return PARSE.found(not wrong_rows, "rows.values", got, wrong=wrong_rows)


def _canonical(row: Any) -> str:
    return json.dumps(row, sort_keys=True)


def _count(count: Any, total: int, name: str) -> Finding:
    way = "more" if isinstance(count, int) and count > total else "fewer"
    got = f"you have {'none' if count in (None, 0) else count}"
    return PARSE.found(count == total, f"{name}.{way}", got, total=total)


def _odd(answer: Any, odd: pd.DataFrame) -> Finding:
    texts = [*map(str, answer)] if isinstance(answer, list | tuple) else []
    odd_lines = odd["raw"].astype(str)
    lost_lines = Counter(odd_lines) - Counter(texts)
    extra_texts = Counter(texts) - Counter(odd_lines)

    reason_by_line = dict(zip(odd_lines, odd["reason"].astype(str), strict=True))
    counts = Counter(reason_by_line[line] for line in lost_lines.elements()).most_common()
    reasons = ", ".join(f"{count} × {reason}" for reason, count in counts)
    way = "lost" if lost_lines else "extra"
    got = f"{len(texts)} texts; {lost_lines.total()} lines are missing, {extra_texts.total()} texts are no odd line"
    return PARSE.found(not lost_lines and not extra_texts, f"odd.{way}", got, reasons=reasons)
