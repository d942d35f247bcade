"""The check of lesson 04 on a throttled container: what the kernel counted in the seconds that the answer is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workshop_kit.exercises import metric_subjects
from workshop_kit.exercises.answers import handed_in, part
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding

NEAR_PERCENT = 10.0
"""Points by which two ways to take the mean of the same counts may differ: by row, or by period."""


@dataclass(frozen=True)
class Counted:
    """What the kernel counted for a container: its share of throttled periods, and what it used of a core."""

    throttled_percent: float
    cpu_percent: float


@check("monitoring.throttled")
def throttled(context: Context) -> CheckResult:
    """Compare with the table that the cell was given: what is counted at another time is another number."""
    recorded, value = handed_in(context, "usage")
    if recorded is None:
        return value
    means = metric_subjects.usage_of(recorded).groupby("container")[["throttled_percent", "cpu_percent"]].mean()
    return compared(value, {str(name): Counted(*counts) for name, *counts in means.itertuples()})


def compared(value: Any, counted: dict[str, Counted]) -> CheckResult:
    """Hold what was handed in against what was counted."""
    culprit = max(counted, key=lambda name: counted[name].throttled_percent)
    said = str(part(value, "container") or "").strip().lower()
    findings = (_who(said, culprit, counted), _share(part(value, "percent"), counted.get(said, counted[culprit])))
    if all(finding.passed for finding in findings):
        return CheckResult("It is not the busiest one that suffers, but the one that wants more than it may have.", findings)
    return CheckResult(next(finding.means for finding in findings if not finding.passed), findings)


def _who(said: str, culprit: str, counted: dict[str, Counted]) -> Finding:
    busiest = max(counted, key=lambda name: counted[name].cpu_percent)
    means = "None of the three has this name."
    if said == busiest:
        means = f"{busiest} used most CPU and was never held back: it got all that it wanted."
    elif said in counted:
        means = f"{said} hardly wanted any CPU: it waits for another service, and more CPU would not make it faster."
    return found(
        said == culprit,
        "Look up how many periods of each the kernel cut short while they were watched",
        f"you named {said or 'none'}" + (f": {counted[said].throttled_percent:.0f} %" if said in counted else ""),
        "the one with most of them",
        means,
        "CPU says what it got. Which column says that it wanted more?",
    )


def _share(said: Any, named: Counted) -> Finding:
    number = float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None
    near = number is not None and abs(number - named.throttled_percent) <= NEAR_PERCENT
    means = "This is no number." if number is None else "That is not the share of its periods that was cut short."
    return found(
        near,
        "Divide throttled periods by all periods, of the container that you named",
        "nothing" if number is None else f"{number:.0f} %",
        f"what the kernel counted meanwhile, within {NEAR_PERCENT:g} points",
        means,
        "throttled_percent has the share of each half second; take the mean over all of them, the quiet ones too.",
    )
