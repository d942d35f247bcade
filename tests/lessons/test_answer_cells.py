"""Cells that check an answer themselves: the right one passes, each likely wrong one gets a sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from workshop_kit.engine import recipes
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.stack import Stack
from workshop_kit.paths import CHECKOUT

NAMES = {
    "used": pd.DataFrame({"periods": [0, 0, 2, 12, 52, 52], "throttled": [0, 0, 1, 8, 40, 40]}),
    "log": pd.DataFrame(
        [{"msg": "request", "request_id": f"probe-{number}", "duration_ms": 0.2} for number in range(300)]
        + [{"msg": "request", "request_id": f"mine-{number}", "duration_ms": 2 + number / 10} for number in range(300)]
        + [{"msg": "dependency up", "request_id": None, "duration_ms": None}]
    ),
    "customers": [f"mine-{number}" for number in range(300)],
}
DURATIONS = 'log["duration_ms"]'
OF_DATA = [
    ("03b_logging_more", "p95", f'{DURATIONS}[log["request_id"].isin(customers)].quantile(0.95)', "Right"),
    ("03b_logging_more", "p95", f"{DURATIONS}.quantile(0.95)", "10% waited longer"),
    ("04b_monitoring_more", "share", 'used["throttled"].iloc[-1] / used["periods"].iloc[-1]', "Right"),
    ("04b_monitoring_more", "share", 'used["throttled"].iloc[-1]', "between 0 and 1"),
]
OF_CONTAINERS = [
    ("01_container", "hidden", 'report.history()[2]["Size"]', "Right"),
    ("01_container", "hidden", 'report.history()[0]["Size"] // 10**6', "Deleting only hides"),
    ("01_container", "lost", "places[:2]", "Right"),
    ("01_container", "lost", "places[:1]", "/memory/orders.txt is gone"),
]


def source(lesson: str, cell: str) -> str:
    """The text of a cell of a lesson."""
    cells = json.loads((CHECKOUT / "notebooks" / f"{lesson}.ipynb").read_text())["cells"]
    return next("".join(notebook_cell["source"]) for notebook_cell in cells if notebook_cell["id"] == cell)


def assert_answered(
    lesson: str, cell: str, names: dict[str, Any], answer: str, sentence: str, read_output: Any
) -> None:
    """As it comes the cell asks for an answer; with one in its first line, it says the sentence."""
    text = source(lesson, cell)
    exec(text, names)
    assert read_output().startswith("Put ")
    first, _, other_lines = text.partition("\n")
    judge = f"{first.replace('None', answer)}\n{other_lines}"
    if sentence == "Right":
        exec(judge, names)
        assert read_output().startswith(sentence)
    else:
        with pytest.raises(AssertionError, match=sentence):
            exec(judge, names)


@pytest.mark.parametrize(("lesson", "cell", "answer", "sentence"), OF_DATA)
def test_an_answer_from_a_table(
    lesson: str, cell: str, answer: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is recorded."""
    assert_answered(lesson, cell, dict(NAMES), answer, sentence, lambda: capsys.readouterr().out)


@pytest.fixture(scope="module")
def names(stack: Stack) -> Iterator[dict[str, Any]]:
    """The names that the cells before have made: an image, a container and a volume."""
    client = WorkspaceClient(stack.session)
    names: dict[str, Any] = {"client": client, "kinds": {0: "changed", 1: "added", 2: "deleted"}, "os": os}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BASE", recipes.VARIABLES["BASE"])
        for cell in ("layer", "places"):
            exec(source("01_container", cell), names)
        yield names

    client.containers.get("box").remove(force=True)
    client.volumes.create("orders").remove()


@pytest.mark.engine
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("lesson", "cell", "answer", "sentence"), OF_CONTAINERS)
def test_an_answer_from_containers(
    names: dict[str, Any], lesson: str, cell: str, answer: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The image and the container are real."""
    assert_answered(lesson, cell, names, answer, sentence, lambda: capsys.readouterr().out)
