"""The check of config.restore: what a context manager for environment variables leaves behind."""

from __future__ import annotations

from collections.abc import Mapping

from workshop_kit.checks import config
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude

RESTORE = findings("config.restore")
LONGEST_TOLD = 300
Seen = tuple[str, str | None, str | None]
"""What a situation of config_inside.py left: how its block went, and the values of the two variables afterwards."""
RIGHT: Seen = ("as asked", None, "before")


@check("config.restore")
def restore(context: Context) -> Result:
    """Use the participant's context manager in three situations, and read the variables afterwards."""
    with service_trial.build(context) as image:
        lists = config.run_inside(context, image, "restored")
    situations: dict[str, Seen] = {name: (*values,) for name, values in lists.items()}
    return conclude(RESTORE.shown, restore_findings(situations))


def restore_findings(situations: Mapping[str, Seen]) -> tuple[Finding, ...]:
    """Return the findings on the three situations; what only repeats the failure of the first is left out."""
    plain = situations["plain"]
    if plain == RIGHT:
        return tuple(_restores(name, outcome) for name, outcome in situations.items())

    all_findings = [_restores("plain", plain)]
    if situations["raising"] != plain:
        all_findings.append(_restores("raising", situations["raising"]))
    return tuple(all_findings)


def _restores(name: str, outcome: Seen) -> Finding:
    """Find whether the block of a situation went as asked, and whether it left the variables as they were."""
    key = name
    if name != "nested":
        key = f"{name}.{_way_to_fail(name, outcome)}"
    return RESTORE.equals(key, _describe(outcome)[:LONGEST_TOLD], right=_describe(RIGHT))


def _way_to_fail(name: str, outcome: Seen) -> str:
    within, absent, _ = outcome
    if within != RIGHT[0]:
        return "within"
    if name == "plain" and absent == "":
        return "empty"
    return "left"


def _describe(outcome: Seen) -> str:
    within, absent, present = outcome
    return f"within the block {within}; afterwards the first is {_value(absent)}, the second {_value(present)}"


def _value(value: str | None) -> str:
    return "not there" if value is None else repr(value)
