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
        seen = config.run_inside(context, image, "restored")
    return conclude(RESTORE.shown, restore_findings({name: (*values,) for name, values in seen.items()}))


def restore_findings(seen: Mapping[str, Seen]) -> tuple[Finding, ...]:
    """Return the findings on the three situations; what only repeats the failure of the first is left out."""
    plain = seen["plain"]
    if plain == RIGHT:
        return tuple(_restored(name, values) for name, values in seen.items())
    judged = [_restored("plain", plain)]
    if seen["raising"] != plain:
        judged.append(_restored("raising", seen["raising"]))
    return tuple(judged)


def _restored(name: str, seen: Seen) -> Finding:
    within, absent, _ = seen
    way = "left"
    if within != RIGHT[0]:
        way = "within"
    elif name == "plain" and absent == "":
        way = "empty"
    key = name if name == "nested" else f"{name}.{way}"
    return RESTORE.equals(key, _told(*seen)[:LONGEST_TOLD], right=_told(*RIGHT))


def _told(within: str, absent: str | None, present: str | None) -> str:
    first, second = ("not there" if value is None else repr(value) for value in (absent, present))
    return f"within the block {within}; afterwards the first is {first}, the second {second}"
