"""The log explorer in JupyterLab: hostile lines stay text; words, levels, requests, opened and new lines."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.browser.lab_page import LabPage

SETUP = r"""import json
from tests.workshop_kit.observe.log_frames import frame
from workshop_kit.search.explorer import Explorer
from workshop_kit.display.live import LiveOutputs
HOSTILE = "<img src=x onerror='window.__pwned=1'><script>window.__pwned=2</script>\u202e\x1b[31m\x07"
LEVELS = ["info"] * 5 + ["trace", "info", "warning", "error", HOSTILE]
def line(n):
    at = f"2026-11-24T21:{n // 60 % 60:02d}:{n % 60:02d}.{n % 1000:03d}Z"
    planted = HOSTILE if n % 10 == 9 else ""
    request = f"r{n // 3}" + (HOSTILE if n // 3 % 10 == 1 else "")
    said = {"ts": at, "level": LEVELS[n % 10], "msg": f"order {n} {planted}", "request_id": request}
    return json.dumps({**said, "service": ["web", "db"][n % 2], HOSTILE: HOSTILE})
class Follower:
    has_ended = False
    n = 1_000
    def poll(self):
        self.n += 1
        return frame(line(self.n))
lines = frame(*map(line, range(1_000)), "Traceback " + HOSTILE)
screens = LiveOutputs()"""
SHOW = 'explorer = Explorer(lines, title="Lines " + HOSTILE).show(screens)'
LIVE = 'explorer = Explorer(lines, follower=Follower(), title="Live").show(screens)'
THREADS = (
    "import threading\nprint('threads:', len([t for t in threading.enumerate() if t.name.startswith('explorer')]), '.')"
)
BUSY = "import time\ntime.sleep(60)"
STOP = "explorer.stop()"


def test_lines_are_found_opened_and_followed(lab: LabPage) -> None:
    """New lines come until a line is opened; then, while a cell runs, words, levels, one request; all of it is text."""
    lab.show("explorer", [SETUP, SHOW, LIVE, THREADS, STOP, BUSY], run=2)
    follow(lab)
    search(lab)
    assert lab.page.evaluate("window.__pwned") is None
    assert lab.errors == []


def follow(lab: LabPage) -> None:
    """New lines stand on top, an opened line ends that, a cell run again leaves one follower, `stop` ends it."""
    for _ in range(2):
        lab.run_cell(2)
    lab.run_cell(3)
    expect(lab.output(3)).to_contain_text("threads: 1 .")
    live = lab.widget(2)
    expect(live.get_by_role("status")).to_contain_text(re.compile(r"1,0[1-9]\d of 1,0[1-9]\d lines"))
    first = lines(live).first
    first.locator("summary").click()
    expect(live.get_by_role("button", name="Resume")).to_be_visible()
    text = first.text_content() or ""
    lab.screenshot("explorer-live", lab.cell(2))
    live.get_by_role("button", name="Resume").click()
    expect(first).not_to_have_text(text)
    lab.run_cell(4)
    expect(live.get_by_role("button", name="Pause")).to_be_hidden()


def search(lab: LabPage) -> None:
    """All words, in a line of a chosen level; all lines of a request; keys are no shortcuts of the notebook."""
    explorer = lab.widget(1)
    status = explorer.get_by_role("status")
    expect(status).to_contain_text("1,001 of 1,001 lines")
    summary = re.compile("1,000 lines from 2026-11-24 21:00:00 .* 200 of them errors and warnings")
    expect(explorer.get_by_role("img")).to_have_accessible_name(summary)
    for dark in (True, False):
        lab.theme(dark=dark)
        lab.screenshot(f"explorer-{'dark' if dark else 'light'}", lab.cell(1))

    lab.run_cell(5, wait=False)
    cells_before = lab.cell_count()
    box = explorer.get_by_role("searchbox")
    box.fill("ORDER 98")
    box.press("Enter")
    expect(status).to_contain_text("29 of 1,001 lines")
    explorer.get_by_label("info").uncheck()
    expect(status).to_contain_text("17 of 1,001 lines")
    lines(explorer).filter(has_text="order 988").get_by_role("button", name="same request").click()
    expect(status).to_contain_text("Request r329: 3 of 1,001 lines")
    messages = lines(explorer).locator("summary").all_text_contents()
    assert [message[6:9] for message in messages] == ["987", "988", "989"]
    lines(explorer).last.locator("summary").press("Enter")
    expect(lines(explorer).last.locator("pre")).to_contain_text(r"window.__pwned=2</script>\u202e\u001b[31m")
    explorer.get_by_role("button", name="Back to the search").press("b")
    explorer.get_by_role("button", name="Back to the search").click()
    expect(status).to_contain_text("17 of 1,001 lines")
    expect(lab.prompt(5)).to_have_text("[*]:")
    assert explorer.locator("img, script").count() == 0
    assert lab.cell_count() == cells_before


def lines(explorer: Locator) -> Locator:
    """The rows of the table."""
    return explorer.locator("tbody tr")
