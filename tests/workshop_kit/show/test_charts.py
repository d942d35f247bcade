"""Static charts: a title, units, an alt text with the numbers, and pictures that are pictures."""

from __future__ import annotations

import base64
import io
import re

import pytest
from PIL import Image

from workshop_kit.errors import WrongUsage
from workshop_kit.show.charts import Band, Event, bars, new_figure, picture, spans, timeline
from workshop_kit.show.shown import Shown


def image(shown: Shown) -> Image.Image:
    """The picture inside the HTML."""
    found = re.search(r"base64,([^\"]+)", shown.html)
    assert found
    return Image.open(io.BytesIO(base64.b64decode(found[1])))


def test_bars_say_every_value_and_the_unit() -> None:
    """Who cannot see the bars reads title, unit and all values."""
    shown = bars("Layers", ["base", "code"], [117, 0.03], "MB")
    assert str(shown) == "Bar chart: Layers. In MB: base 117, code 0.03."
    assert image(shown).width == 860


def test_a_timeline_says_what_happened_when() -> None:
    """Bands and events stand in the alt text with their times."""
    shown = timeline("Stop", [Event("a", 2, "SIGTERM")], [Band("a", 0, 2, "serves")])
    assert str(shown) == (
        "Timeline: Stop. In seconds since the start: a: serves from 0.00 to 2.00; a: SIGTERM at 2.00."
    )
    assert len(image(shown).getcolors() or []) > 8


def test_what_was_seen_now_and_then_lasts_until_something_else_is_seen() -> None:
    """Equal neighbors are one band; a last look has no length; nothing seen is nothing drawn."""
    assert spans("a", [0.0, 1.0, 4.0], ["up", "down", "down"]) == [Band("a", 0, 1, "up"), Band("a", 1, 4, "down")]
    assert spans("a", [2.0], ["up"]) == []
    assert spans("a", [], []) == []


def test_labels_are_text() -> None:
    """A label that is HTML stays text in the page."""
    html = bars('<img src="x" onerror="alert(1)">', ["<b>"], [1], "MB").html
    assert "<b>" not in html
    assert html.count("<img") == 1


def test_what_cannot_be_drawn_is_said() -> None:
    """No labels for the values, nothing on the timeline, no alt text: one sentence each."""
    with pytest.raises(WrongUsage):
        bars("T", ["a"], [], "s")
    with pytest.raises(WrongUsage):
        timeline("T")
    with pytest.raises(WrongUsage):
        picture(new_figure("T", 2)[0], " ")
