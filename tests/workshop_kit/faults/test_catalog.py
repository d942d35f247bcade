"""The catalog: a complete set of values in range, or one sentence; and a fault added as docs/adding-a-fault.md says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.workshop_kit.faults.conftest import Shop
from workshop_kit.errors import WrongUsage
from workshop_kit.faults import catalog, handlers
from workshop_kit.faults.catalog import FAULTS, named
from workshop_kit.faults.handlers import HANDLERS
from workshop_kit.faults.injection import fault


def test_the_defaults_of_every_fault_are_in_range() -> None:
    """Each fault can be injected without a parameter, but limits."""
    assert set(HANDLERS) == {fault.mechanism for fault in FAULTS.values()}
    for one in FAULTS.values():
        if not one.one_of:
            assert set(one.complete({})) == {parameter.name for parameter in one.parameters}


def test_a_misspelled_name_gets_the_list_and_the_nearest_name() -> None:
    """For faults and for parameters."""
    with pytest.raises(WrongUsage, match=r"no fault 'pauze'; there are pause, .*Did you mean 'pause'\?"):
        named("pauze")
    with pytest.raises(WrongUsage, match=r"takes no 'latency'; it takes latency_ms, jitter_ms.*'latency_ms'"):
        named("latency").complete({"latency": 3})
    with pytest.raises(WrongUsage, match="takes no 'force'; it takes nothing"):
        named("pause").complete({"force": True})


@pytest.mark.parametrize(
    ("fault", "name", "value", "says"),
    [
        ("latency", "latency_ms", float("nan"), "is a number from 0 to 60000 ms, and nan is not"),
        ("slicer", "slice_bytes", 2.5, r"is a whole number from 1 to 16384 bytes, and 2\.5 is not"),
        ("half_open", "backlog_full", 1, "is True or False, and 1 is not"),
    ],
)
def test_a_wrong_value_is_refused_with_its_range_and_unit(fault: str, name: str, value: Any, says: str) -> None:
    """One sentence for a value out of range and for another type."""
    with pytest.raises(WrongUsage, match=f"{name} of the fault '{fault}' {says}"):
        named(fault).complete({name: value})


NAME = "restart"


@pytest.fixture
def documented(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document's entry and functions are in place."""
    entry, function, pair = re.findall(
        r"^```python\n(.*?)^```", (root / "docs/adding-a-fault.md").read_text(), re.M | re.S
    )
    names = dict(vars(handlers))
    exec(function, names)
    monkeypatch.setitem(catalog.FAULTS, NAME, eval(entry, dict(vars(catalog))))
    monkeypatch.setitem(handlers.HANDLERS, NAME, eval(pair, names)[NAME])  # type: ignore[misc]


@pytest.mark.engine
@pytest.mark.usefixtures("documented")
def test_the_fault_of_the_document_works(shop: Shop) -> None:
    """A wrong value is refused; a good one restarts the target, and after the block all is as before."""
    redis, before = shop.stack.container("redis"), shop.state()
    started = redis.attrs["State"]["StartedAt"]
    with (
        pytest.raises(WrongUsage, match="a whole number from 0 to 60 s"),
        fault(NAME, shop.stack, "redis", grace_seconds=99),
    ):
        pass
    with fault(NAME, shop.stack, "redis"):
        assert shop.stack.container("redis").attrs["State"]["StartedAt"] > started
    assert shop.recovers()
    assert shop.state() == before
