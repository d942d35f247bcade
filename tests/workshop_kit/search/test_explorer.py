"""The explorer's model: messages in, page data out. Clicks are tested in tests/browser."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest

from tests.waiting import wait_until
from tests.workshop_kit.observe.log_frames import frame
from workshop_kit.display.live import LiveOutputs
from workshop_kit.errors import WorkshopError
from workshop_kit.search.explorer import Explorer, ExplorerModel
from workshop_kit.search.explorer_page import static_page
from workshop_kit.search.log_table import FrameStore

SCRIPT = "<script>alert(1)</script>\x1b[31m\u202e"
ACTIVE = re.compile(r"<(script|img (?!src=\"data:image/png;base64,))|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
SECOND = 1_000_000
BEGAN = int(pd.Timestamp("2026-11-24T21:00:00Z").value) // 1000  # microseconds


def line(number: int, **more: Any) -> str:
    """One line a second."""
    return json.dumps({"ts": f"2026-11-24T21:{number // 60 % 60:02d}:{number % 60:02d}Z", **more})


def model(*lines: str) -> ExplorerModel:
    """A model over these lines, after a search for all."""
    explorer_model = ExplorerModel(FrameStore(frame(*lines)))
    explorer_model.handle({"do": "search", "query": ""})
    assert explorer_model.problem == {}
    return explorer_model


def test_a_search_with_a_level_groups_identical_messages() -> None:
    """Each row has its number of lines; grouping can be switched off and on."""
    noise = [line(number, level="warning", msg="slow", service="web") for number in range(300)]
    rare = [line(100, level="error", msg="pool exhausted", service="db"), line(101, level="warning", msg="retry")]
    explorer_model = model(*noise[:100], *rare, *noise[100:])
    assert (explorer_model.page["groups"], len(explorer_model.page["rows"])) == (-1, 100)
    explorer_model.handle({"do": "search", "query": "level>=warning"})
    assert [(row["lines"], row["msg"]) for row in explorer_model.page["rows"]] == [
        ("300", "slow"), ("1", "retry"), ("1", "pool exhausted")
    ]  # fmt: skip
    assert (explorer_model.page["hits"], explorer_model.page["groups"], explorer_model.page["pages"]) == (302, 3, 1)
    assert "302 of 302 lines; the newest 3 of 3 different messages" in static_page("T", "", explorer_model.page).text
    explorer_model.handle({"do": "group", "on": False})
    page = explorer_model.page
    assert (page["groups"], page["hits"], len(page["rows"])) == (-1, 302, 100)
    explorer_model.handle({"do": "group", "on": True})
    explorer_model.handle({"do": "span", "from": BEGAN + 95 * SECOND, "to": BEGAN + 101 * SECOND})
    assert sorted(row["lines"] for row in explorer_model.page["rows"]) == ["1", "6"]


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [(ValueError("password=canary"), "its source failed (ValueError)"), (WorkshopError("Gone."), "Gone.")],
)
def test_a_failed_source_is_a_problem_in_one_sentence(failure: Exception, sentence: str) -> None:
    """The lines before it can be searched; of an unexpected error only the type is shown."""

    def failing(_: threading.Event) -> Iterator[pd.DataFrame]:
        yield frame(line(0))
        raise failure

    explorer = Explorer(FrameStore(frame()), follow=failing).show(LiveOutputs())
    wait_until(lambda: not any(thread.name.startswith("explorer") for thread in threading.enumerate()))
    assert sentence in explorer._state()["problem"]["text"]
    assert "canary" not in explorer._state()["problem"]["text"]
    assert explorer.model.page["hits"] == 1


def test_no_control_character_reaches_the_page() -> None:
    """Field names, values, levels, requests and searches are made visible; the static page escapes tags, too."""
    planted = line(0, msg=SCRIPT, level=SCRIPT, service=SCRIPT, request_id=f"' OR 1=1 -- {SCRIPT}", **{SCRIPT: SCRIPT})
    explorer_model = model(planted, SCRIPT)
    for message in ({"do": "open", "row": 0}, {"do": "request", "row": 0}, {"do": "search", "query": SCRIPT + " a:"}):
        explorer_model.handle(message)
        sent = json.dumps([explorer_model.page, explorer_model.opened, explorer_model.problem], ensure_ascii=False)
        assert r"\\x1b[31m\\u202e" in sent
        assert ACTIVE.search(sent.replace("<script>", "")) is None
    shown = static_page(SCRIPT, SCRIPT, explorer_model.page, SCRIPT)
    assert ACTIVE.findall(shown.html + shown.text.replace("<script>", "")) == []
    assert r"&lt;script&gt;alert(1)&lt;/script&gt;\x1b[31m\u202e" in shown.html
