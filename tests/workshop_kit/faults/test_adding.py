"""The code of docs/adding-a-fault.md makes a fault: it is checked, seen, and leaves no trace."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.workshop_kit.faults.conftest import Shop
from workshop_kit.errors import WrongUsage
from workshop_kit.faults import catalog, handlers
from workshop_kit.faults.injection import fault

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
