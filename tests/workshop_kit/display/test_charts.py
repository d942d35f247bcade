"""Static charts: a title, units, an alt text with the numbers, and pictures that are pictures."""

from __future__ import annotations

import base64
import io
import re

from PIL import Image

from workshop_kit.display.charts import bars
from workshop_kit.display.rendered import Shown


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


def test_labels_are_text() -> None:
    """A label that is HTML stays text in the page."""
    html = bars('<img src="x" onerror="alert(1)">', ["<b>"], [1], "MB").html
    assert "<b>" not in html
    assert html.count("<img") == 1
