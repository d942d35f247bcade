"""The log explorer without a page: which lines it finds, its bars, new lines. Clicks are tested in tests/browser."""

from __future__ import annotations

import json
import re
from typing import Any, cast

import pandas as pd
import pytest

from tests.workshop_kit.observe.log_frames import frame
from workshop_kit.display.live import LiveOutputs
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.patience import wait_for
from workshop_kit.search import explorer
from workshop_kit.search.explorer import Explorer
from workshop_kit.search.log_page import BARS, LEVELS, Selection, matches, page_of, searchable, static_page

SCRIPT = "<script>alert(1)</script>\x1b[31m\u202e"
ACTIVE = re.compile(r"<script|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def line(second: float, **more: Any) -> str:
    """A line at a time."""
    return json.dumps({"ts": f"2026-11-24T21:{int(second) // 60:02d}:{second % 60:09.6f}Z", **more})


LINES = searchable(
    frame(
        line(0, level="info", msg="Café opened", size=5),
        line(1, level="info", msg="request", status=200, request_id="one"),
        line(2, level="warn", msg="retry", request_id="two"),
        line(3, level="CRITICAL", msg='say "pool timeout"', request_id="one"),
        "Traceback: pool timeout",
    ),
    "web",
)


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        (Selection(), [3, 2, 1, 0, 4]),
        (Selection("timeout POOL"), [3, 4]),
        (Selection("pool", ("error",)), [3]),
        (Selection("CAFÉ"), [0]),
        (Selection("web 200"), [1]),
        (Selection("web .*"), []),
        (Selection("", ("warning", "other")), [2, 4]),
        (Selection("nothing", (), "one"), [1, 3]),
        (Selection(SCRIPT), []),
    ],
)
def test_each_selection_finds_its_lines(selection: Selection, numbers: list[int]) -> None:
    """All words, in upper or lower case, anywhere in the line; newest first, then the lines without a time."""
    assert matches(LINES, selection).index.tolist() == numbers


@pytest.mark.parametrize("span_seconds", [0, 0.05, 7, 59, 3_599])
def test_every_line_with_a_time_is_in_a_bar(span_seconds: float) -> None:
    """There are as many bars, whatever the time that the log lasts."""
    log = searchable(frame(line(0, level="error"), line(span_seconds / 3), line(span_seconds), "no time"))
    page = page_of(log, Selection())
    assert sum(total for total, _ in page["bars"]) == 3
    assert sum(grave for _, grave in page["bars"]) == 1
    assert len(page["bars"]) == BARS
    assert "3 lines from 2026-11-24 21:00:00" in page["summary"]


def test_no_control_character_reaches_the_page() -> None:
    """Everything that a line holds is made visible; the static page escapes tags, too."""
    planted = line(0, msg=SCRIPT, level=SCRIPT, service=SCRIPT, request_id=SCRIPT, **{SCRIPT: SCRIPT})
    log = searchable(frame(planted, SCRIPT, "", '{"msg":42,"level":[1],"request_id":{"a":1}}'))
    for selection in (Selection(SCRIPT), Selection("", LEVELS, SCRIPT), Selection()):
        page = page_of(log, selection)
        for row in page["rows"]:
            del row["id"]  # it is sent back, and not shown
        sent = json.dumps(page, ensure_ascii=False)
        assert ACTIVE.search(sent.replace("<script", "")) is None
        shown = static_page(SCRIPT, selection, page, SCRIPT)
        assert ACTIVE.search(shown.html + shown.text.replace("<script", "")) is None
        assert r"&lt;script&gt;alert(1)&lt;/script&gt;\x1b[31m\u202e" in shown.html


class Follower:
    """Yields frames, then raises or ends."""

    def __init__(self, *frames: pd.DataFrame, failure: Exception | None = None) -> None:
        self.has_ended = False
        self._frames = list(frames)
        self._failure = failure

    def poll(self) -> pd.DataFrame:
        """The next frame."""
        if self._frames:
            return self._frames.pop(0)
        if self._failure is not None:
            raise self._failure
        self.has_ended = True
        return frame()


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (ValueError("password=canary"), "Following has ended (ValueError)."),
        (WorkshopError("The engine is away."), "The engine is away."),
        (None, "The container was removed."),
    ],
)
def test_following_ends_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, failure: Exception | None, sentence: str
) -> None:
    """The lines so far can be searched, the newest of them are kept; of an unexpected error only the type is shown."""
    monkeypatch.setattr(explorer, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(explorer, "MAX_LINES", 2)
    follower = cast(Any, Follower(frame(line(1)), frame(line(2)), failure=failure))
    shown = Explorer(frame(line(0)), follower=follower, title="T").show(LiveOutputs())
    assert wait_for(lambda: sentence in shown.page().text, 60)
    assert "2 of 2 lines" in shown.page().text
    assert "canary" not in shown.page().text
    shown.stop()


def test_a_table_of_other_columns_is_refused_and_an_empty_log_is_shown() -> None:
    """The sentence says what to pass; a count of one is in the singular."""
    with pytest.raises(WrongUsage, match="no column 'ts'"):
        Explorer(pd.DataFrame({"name": ["no log"]}))

    assert "0 of 0 lines" in Explorer(frame()).page().text
    assert "1 of 1 line\n" in Explorer(frame(line(0))).page().text
