"""The check of monitoring.throttled: an answer about three containers, compared with the table of their usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workshop_kit.exercises import fixtures
from workshop_kit.exercises.answers import handed_in, number, part
from workshop_kit.exercises.check_api import CheckResult, Context, check, conclude, found
from workshop_kit.exercises.result import Finding

NEAR_PERCENT = 10.0
"""Points by which two ways to take the mean of the same counts may differ: by row, or by period."""


@dataclass(frozen=True)
class Usage:
    """The kernel's counts of a container: its share of throttled periods, and its use of a core."""

    throttled_percent: float
    cpu_percent: float


@check("monitoring.throttled")
def throttled(context: Context) -> CheckResult:
    """Compare the answer with the table that the cell was given."""
    usage, value = handed_in(context, "usage")
    if usage is None:
        return value
    means = fixtures.usage_of(usage).groupby("container")[["throttled_percent", "cpu_percent"]].mean()
    return judge(value, {str(name): Usage(*counts) for name, *counts in means.itertuples()})


def judge(value: Any, usage: dict[str, Usage]) -> CheckResult:
    """Judge an answer by the usage of each container."""
    culprit = max(usage, key=lambda name: usage[name].throttled_percent)
    said = str(part(value, "container") or "").strip().lower()
    findings = (_container(said, culprit, usage), _share(part(value, "percent"), usage.get(said, usage[culprit])))
    return conclude("It is not the busiest one that suffers, but the one that wants more than it may have.", findings)


def _container(said: str, culprit: str, usage: dict[str, Usage]) -> Finding:
    busiest = max(usage, key=lambda name: usage[name].cpu_percent)
    means = "None of the three has this name."
    if said == busiest:
        means = f"{busiest} used most CPU and was never held back: it got all that it wanted."
    elif said in usage:
        means = f"{said} hardly wanted any CPU: it waits for another service, and more CPU would not make it faster."
    return found(
        said == culprit,
        "Look up how many periods of each the kernel cut short while they were watched",
        f"you named {said or 'none'}" + (f": {usage[said].throttled_percent:.0f} %" if said in usage else ""),
        "the one with most of them",
        means,
        "CPU says what it got. Which column says that it wanted more?",
    )


def _share(said: Any, named: Usage) -> Finding:
    percent = number(said)
    return found(
        percent is not None and abs(percent - named.throttled_percent) <= NEAR_PERCENT,
        "Divide throttled periods by all periods, of the container that you named",
        "nothing" if percent is None else f"{percent:.0f} %",
        f"what the kernel counted meanwhile, within {NEAR_PERCENT:g} points",
        "This is no number." if percent is None else "That is not the share of its periods that was cut short.",
        "throttled_percent has the share of each half second; take the mean over all of them, the quiet ones too.",
    )
