"""The check of logging.parse: the lines, the rows and the odd lines of an answer beside those of a container's log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd

from workshop_kit.observe.logs import read_container
from workshop_kit.trials.check_api import check
from workshop_kit.trials.check_context import entry_of, fixture_answer
from workshop_kit.trials.expect import Observation, expect
from workshop_kit.trials.service import Service


@check("logging.parse")
def parse(service: Service) -> None:
    """No line is lost: each is a row, or it stands among the odd ones as it was written."""
    context = service.context
    with fixture_answer(context, "container") as (name, value):
        container = context.stack.session.engine.client.containers.get(name)
        lines = container.logs().decode().removesuffix("\n").split("\n")
        frame = read_container(container)
    judge_parse(value, lines, frame)


def judge_parse(value: Any, lines: Sequence[str], frame: pd.DataFrame) -> None:
    """Judge an answer by the lines of the container, and by ``frame``, which the kit's reader makes of them."""
    reason_by_line = frame[frame["reason"].notna()].set_index("raw")["reason"].to_dict()
    odd = Counter(line for line in lines if line in reason_by_line)
    wanted = Counter(canonical_json(json.loads(line)) for line in lines if line not in reason_by_line)

    counts_lines(entry_of(value, "lines"), len(lines))
    expect_rows(list_of(value, "rows"), wanted)

    texts = list_of(value, "odd")
    lost = odd - Counter(map(str, texts))
    extra = Counter(map(str, texts)) - odd
    means = "Among the odd lines are texts that are whole rows, or no line of this log."
    look = "Which lines are in both lists? Is each text as the container wrote it, with its spaces?"
    if lost:
        reasons = ", ".join(sorted({str(reason_by_line[line]) for line in lost}))
        means = f"Some of what the container said is nowhere, and nobody would ever know: {reasons}."
        look = "Where does a line go that json.loads refuses, or that is no dict?"
    got = f"{len(texts)} texts; {lost.total()} lines are missing, {extra.total()} texts are no odd line"
    expect(
        not lost and not extra,
        seen=Observation("Compare your odd lines with those of docker logs", got, 0),
        expected="the text of every line that is no row, unchanged",
        means=means,
        look=look,
        hint=2,
    )


def counts_lines(count: Any, total: int) -> None:
    """Expect the number of lines."""
    means = f"The container wrote {total} lines. Some of them are not counted."
    look = "An empty line is a line, too: strip() and `if line` lose it."
    if isinstance(count, int) and count > total:
        means = f"The container wrote {total} lines. What you counted in addition are pieces of lines."
        look = (
            'In a log only "\\n" ends a line; splitlines() splits at ten more characters. What is behind the last one?'
        )
    expect(
        count == total,
        seen=Observation("Compare your number of lines with docker logs", f"you have {count}", 0),
        expected=f"{total}, as many as the container wrote",
        means=means,
        look=look,
        hint=2,
    )


def expect_rows(rows: list[Any], wanted: Counter[str]) -> None:
    """Expect one row for each line that is a JSON object, in any order."""
    given = Counter(map(canonical_json, rows))
    missing = (wanted - given).total()
    extra = (given - wanted).total()
    means = (
        "A row is not what its line says, or it is in no list: a table of them would have other orders than the log."
    )
    look = "A row has all keys and values of its line, as json.loads returns them. Is the list of rows handed in?"
    if extra and not missing:
        means = "A row too many hides a line that is not what it seems."
        look = "json.loads accepts NaN, 42 and null, and of a key that comes twice it keeps one value."
    expect(
        not missing and not extra,
        seen=Observation("Compare your rows with the lines", f"{missing} are missing, {extra} are of no line", 0),
        expected="one row for each line that is a JSON object and loses nothing",
        means=means,
        look=look,
        hint=2,
    )


def list_of(value: Any, key: str) -> list[Any]:
    """Return a list of an answer; [] if it has something else."""
    entry = entry_of(value, key)
    return list(entry) if isinstance(entry, list | tuple) else []


def canonical_json(row: Any) -> str:
    """Return a row as JSON that is the same for equal rows, whatever the order of their keys."""
    return json.dumps(row, sort_keys=True)
