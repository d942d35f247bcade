"""The registry: whatever is asked for, it is a complete set of values in range, or one sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workshop_kit.errors import Exit, WrongUsage
from workshop_kit.faults.catalog import FAULTS, Parameter, named
from workshop_kit.faults.handlers import HANDLERS

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()), st.binary()
)
PARAMETERS = [(fault, parameter) for fault in FAULTS.values() for parameter in fault.parameters]


def test_every_fault_says_what_it_does_and_can_be_made() -> None:
    """A name, a sentence, and a mechanism each; their defaults fit their own ranges."""
    assert len(FAULTS) == 13
    for fault in FAULTS.values():
        assert fault.does.endswith(".")
        assert fault.mechanism in HANDLERS
        if not fault.one_of:
            assert set(fault.complete({})) == {parameter.name for parameter in fault.parameters}


def test_the_names_of_a_fault_are_suggested() -> None:
    """A slip gets the list and the nearest name."""
    with pytest.raises(WrongUsage, match=r"no fault 'pauze'; there are pause, .*Did you mean 'pause'\?") as caught:
        named("pauze")
    assert caught.value.exit_code is Exit.WRONG_USAGE
    with pytest.raises(WrongUsage, match=r"takes no 'latency'; it takes latency_ms, jitter_ms.*'latency_ms'"):
        named("latency").complete({"latency": 3})
    with pytest.raises(WrongUsage, match="takes no 'force'; it takes nothing"):
        named("pause").complete({"force": True})


def test_a_value_out_of_range_is_said_with_the_range_and_the_unit() -> None:
    """What, which range, in which unit."""
    with pytest.raises(WrongUsage, match="latency_ms of the fault 'latency' is a number from 0 to 60000 ms, and -1"):
        named("latency").complete({"latency_ms": -1})
    with pytest.raises(WrongUsage, match=r"is a whole number from 1 to 16384 bytes, and 2\.5 is not"):
        named("slicer").complete({"slice_bytes": 2.5})
    with pytest.raises(WrongUsage, match="is True or False, and 1 is not"):
        named("half_open").complete({"backlog_full": 1})
    with pytest.raises(WrongUsage, match=r"changes nothing\. Give it memory_mib or cpus"):
        named("limits").complete({})


def fits(parameter: Parameter, value: Any) -> bool:
    """Whether a value may be given, said once more in other words."""
    if isinstance(parameter.default, bool):
        return value is True or value is False
    if value is None:
        return parameter.default is None
    types = (int,) if type(parameter.default) is int else (int, float)
    return type(value) in types and parameter.at_least <= value <= parameter.at_most


@given(st.sampled_from(PARAMETERS), ANYTHING)
def test_any_value_is_in_range_or_refused_in_one_sentence(chosen: tuple[Any, Parameter], value: Any) -> None:
    """No type, no NaN, no giant number gets through or raises anything else."""
    fault, parameter = chosen
    if fits(parameter, value):
        assert parameter.check(fault.name, value) is value
    else:
        with pytest.raises(WrongUsage) as caught:
            parameter.check(fault.name, value)
        assert caught.value.what.startswith(f"{parameter.name} of the fault")
        assert repr(value) in caught.value.what
