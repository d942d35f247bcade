"""An incident on one time axis: from tables to a picture, whatever the lines contain."""

from __future__ import annotations

import pytest

from tests.workshop_kit.display.recorded import FAULT, lines, tables
from workshop_kit.display.incident_chart import one_clock
from workshop_kit.errors import WrongUsage
from workshop_kit.observe.watch import Tables


def test_everything_stands_on_one_axis() -> None:
    """Lines by level, errors, p95, states, events and the fault; half a minute before it and after."""
    shown = one_clock("The cache stands still", logs=lines(), tables=tables(), faults=[FAULT])
    assert "85 seconds until 12:01:45" in shown.text
    for words in (
        "of all requests 0 (at most 60)",
        "p95 12 (at most 2,000)",
        "Fault pause redis",
        "service ended (137)",
        "redis: pass",
    ):
        assert words in shown.text
    assert "85 info, 25 warning, 1 error, 1 other in all" in shown.text
    assert "Warnings and errors: 26 lines, 2 different" in shown.html
    assert shown.html.count('<th scope="row">') == 2  # the one error does not drown


def test_each_table_is_optional_but_one_must_have_data() -> None:
    """Without a fault the picture has the whole time of the data."""
    assert "119 seconds until" in one_clock("T", logs=lines()).text
    assert "lines" not in one_clock("T", tables=tables()).text
    with pytest.raises(WrongUsage, match="nothing to show"):
        one_clock("T", logs=lines().iloc[:0], tables=Tables())
