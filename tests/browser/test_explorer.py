"""The log explorer in JupyterLab: hostile lines stay text; search, time, records, requests, live; by keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab_page import LabPage

SETUP = r"""import json
from tests.workshop_kit.observe.log_frames import read_lines
from workshop_kit.search.log_table import FrameStore
from workshop_kit.search.explorer import Explorer
from workshop_kit.display.live import LiveOutputs
HOSTILE = "<img src=x onerror='window.__pwned=1'><script>window.__pwned=2</script>\u202e\x1b[31m\x07"
LEVELS = ["info"] * 5 + ["trace", "info", "warning", "error", HOSTILE]
def line(n):
    at = f"2026-11-24T21:{n // 60 % 60:02d}:{n % 60:02d}.{n % 1000:03d}Z"
    level, planted = LEVELS[n % 10], HOSTILE if n % 10 == 9 else ""
    request = f"r{n // 3}" + (HOSTILE if n // 3 % 10 == 1 else "")
    said = {"ts": at, "level": level, "logger": "orders", "msg": f"order {n} {planted}", "request_id": request}
    place = {"service": ["web", "db"][n % 2], "status": 500 if level == "error" else 200}
    return json.dumps({**said, **place, HOSTILE: HOSTILE})
text = "\n".join([*map(line, range(1_000)), "Traceback " + HOSTILE, ""])
def frame(text):
    return read_lines(text.encode())
def follow(stop):
    n = 1_000
    while not stop.wait(0.2):
        n += 1
        came = frame(line(n) + "\n")
        came.attrs["gaps"] = ["rotated away " + HOSTILE] if n == 1_001 else []
        yield came
screens = LiveOutputs()"""
SHOW = 'explorer = Explorer(FrameStore(frame(text)), title="Lines " + HOSTILE).show(screens)'
LIVE = 'explorer = Explorer(FrameStore(frame(text)), follow=follow, title="Live").show(screens)'
THREADS = (
    "import threading\nprint('threads:', len([t for t in threading.enumerate() if t.name.startswith('explorer')]), '.')"
)
BUSY = "import time\ntime.sleep(60)"
STOP = "explorer.stop()"
SOURCES = [SETUP, SHOW, LIVE, THREADS, BUSY, STOP]


@pytest.fixture(autouse=True)
def opened(lab: LabPage) -> None:
    """Every test begins with an explorer of 1,001 lines, one of which has no time."""
    lab.show("explorer", SOURCES, run=2)
    expect(count(lab)).to_contain_text("1,001 of 1,001 lines")


def explorer(lab: LabPage, cell: int = 1) -> Locator:
    """The widget, not its static twin."""
    return lab.widget(cell)


def count(lab: LabPage, cell: int = 1) -> Locator:
    """The status with the number of matching lines."""
    return explorer(lab, cell).get_by_role("status")


def lines(lab: LabPage, cell: int = 1) -> Locator:
    """The rows of the table, opened records left out."""
    return explorer(lab, cell).locator("tbody tr:not(.wk-lx-record)").filter(has=lab.page.locator(".wk-lx-open"))


def button(lab: LabPage, name: str | re.Pattern[str], cell: int = 1) -> Locator:
    """A button above or below the table."""
    return explorer(lab, cell).locator(".wk-lx-tools, form").get_by_role("button", name=name)


def search(lab: LabPage, text: str, cell: int = 1) -> None:
    """Type into the search box and press Enter."""
    box = explorer(lab, cell).get_by_role("searchbox")
    box.fill(text)
    box.press("Enter")


def cut_off_px(lab: LabPage) -> int:
    """How much wider the table is than its place, where a column would be cut off."""
    return int(explorer(lab).get_by_role("region", name="Lines").evaluate("one => one.scrollWidth - one.clientWidth"))


def copied(row: Locator) -> list[str]:
    """The text that a selected row brings to the clipboard, cell by cell."""
    text = row.evaluate("row => { getSelection().selectAllChildren(row); return getSelection().toString() }")
    return [cell.strip() for cell in str(text).split("\t")]


def test_lines_are_searched_opened_and_followed(lab: LabPage) -> None:
    """While a cell runs: a search, its mistake at its place, an opened line, one request and back; all of it text."""
    heard = explorer(lab).aria_snapshot()
    for line in ('button "Search"', "slider", 'region "Lines"', 'columnheader "time (UTC)"', 'button "same request"'):
        assert line in heard
    levels = re.compile("100 error, 100 warning, 600 info, 100 debug, 100 other")
    expect(explorer(lab).get_by_role("slider")).to_have_attribute("aria-valuetext", levels)
    lab.screenshot("explorer", lab.cell(1))
    assert lab.page.get_by_role("region", name="File Browser Section").is_visible()
    assert cut_off_px(lab) <= 0
    assert copied(lines(lab).nth(1)) == ["2026-11-24 21:16:38.998", "web", "error", "order 998", "r332", "500"]
    lab.run_cell(4, wait=False)
    expect(lines(lab)).to_have_count(100)
    lines(lab).first.locator(".wk-lx-open").click()
    expect(explorer(lab)).to_contain_text("window.__pwned=2</script>\\u202e\\x1b[31m\\x07")
    search(lab, "level:error status>=500")
    expect(count(lab)).to_contain_text("100 of 1,001 lines")
    expect(count(lab)).to_contain_text("identical messages are grouped: 100 different ones")
    assert cut_off_px(lab) <= 0
    lab.screenshot("explorer-grouped", lab.cell(1))
    button(lab, "Show each line").click()
    expect(count(lab)).not_to_contain_text("grouped")
    search(lab, "level:error status>=")
    shown, caret = (explorer(lab).get_by_role("alert").locator("pre").text_content() or "").split("\n")
    assert (shown, caret) == ("level:error status>=", " " * 20 + "^")
    expect(count(lab)).to_contain_text("100 of 1,001 lines")
    lines(lab).first.get_by_role("button", name="same request").click()
    expect(count(lab)).to_contain_text("Request r332")
    messages = lines(lab).locator(".wk-lx-msg").all_text_contents()
    assert [message.split("order ")[1][:3] for message in messages] == ["996", "997", "998"]
    button(lab, "Back").click()
    expect(count(lab)).to_contain_text("100 of 1,001 lines")
    button(lab, "Clear").click()
    expect(count(lab)).to_contain_text("1,001 of 1,001 lines")
    expect(lab.prompt(4)).to_have_text("[*]:")
    assert explorer(lab).locator("img, script").count() == 0
    assert lab.page.evaluate("window.__pwned") is None
    assert lab.errors == []


@pytest.mark.long
def test_times_and_lines_by_keys_and_live(lab: LabPage) -> None:
    """A time is chosen and lines are walked by keys, and new lines come by themselves."""
    uses_keys(lab)
    follows(lab)
    assert lab.errors == []


def uses_keys(lab: LabPage) -> None:
    """Choose a time with arrows, walk through lines and open one; no shortcut of the notebook acts."""
    before = lab.cell_count()
    bars = explorer(lab).get_by_role("slider")
    bars.focus()
    for key in ("End", "ArrowLeft", "Shift+ArrowLeft"):
        lab.page.keyboard.press(key)
    expect(bars).to_have_attribute("aria-valuetext", re.compile("2026-11-24 21:15:30 to 2026-11-24 21:16:30: .*info"))
    lab.page.keyboard.press("Enter")
    expect(count(lab)).to_contain_text("60 of 1,001 lines")
    expect(bars).to_be_focused()
    for key in ("b", "a", "d", "d", "Escape"):
        lab.page.keyboard.press(key)
    expect(count(lab)).to_contain_text("1,001 of 1,001 lines")
    lines(lab).first.locator(".wk-lx-open").focus()
    for key in ("ArrowDown", "ArrowDown", "b", "Enter"):
        lab.page.keyboard.press(key)
    third = lines(lab).nth(2).locator(".wk-lx-open")
    expect(third).to_be_focused()
    expect(third).to_have_attribute("aria-expanded", "true")
    expect(explorer(lab).locator(".wk-lx-record dl")).to_contain_text("order 997")
    button(lab, "Older").focus()
    lab.page.keyboard.press("Enter")
    expect(explorer(lab)).to_contain_text("page 2 of 11")
    assert lab.cell_count() == before


def follows(lab: LabPage) -> None:
    """New lines stand on top, a pause counts them, a cell run again leaves one follower, and `stop` ends it."""
    lab.run_cell(2)
    expect(count(lab, 2)).to_contain_text(re.compile(r"1,0[1-9]\d of 1,0[1-9]\d lines"))
    button(lab, "Pause", 2).click()
    expect(button(lab, re.compile(r"Resume \([1-9]\d* new\)"), 2)).to_be_visible()
    first = lines(lab, 2).first.text_content()
    lab.screenshot("explorer-live", lab.cell(2))
    button(lab, re.compile("Resume"), 2).click()
    expect(lines(lab, 2).first).not_to_have_text(first or "")
    for _ in range(2):
        lab.run_cell(2)
    lab.run_cell(3)
    expect(lab.output(3)).to_contain_text("threads: 1 .")
    expect(count(lab, 2)).to_contain_text("· 1 gap: rotated away <img")
    lab.run_cell(5)
    expect(count(lab, 2)).to_contain_text("· ended")
