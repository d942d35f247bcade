"""The check of lesson 04 on a throttled container: what the kernel has counted since the three were started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from docker.errors import APIError

from workshop_kit.engine.stack import Stack
from workshop_kit.learn.exercise.answers import gone, handed_in, part
from workshop_kit.learn.exercise.judging import Context, Judged, check, found
from workshop_kit.learn.exercise.result import Finding
from workshop_kit.observe import stats

NEAR_PERCENT = 20.0
"""Points by which a share of a few seconds may differ from that of the whole time."""


@dataclass(frozen=True)
class Counted:
    """What the kernel counted for a container since it was started: its share of throttled periods, in percent."""

    throttled_percent: float
    cpu_seconds: float


@check("monitoring.throttled")
def throttled(context: Context) -> Judged:
    """Compare with the counters of the cgroups, which no chart has smoothed."""
    trio, value = handed_in(context, "trio")
    if trio is None:
        return value
    try:
        counted = dict(zip("abc", (_counted(context.stack, one) for one in trio.split(",")), strict=True))
    except (APIError, ValueError):
        return gone(context, "trio of containers")
    return compared(value, counted)


def compared(value: Any, counted: dict[str, Counted]) -> Judged:
    """Hold what was handed in against what was counted."""
    culprit = max(counted, key=lambda name: counted[name].throttled_percent)
    said = str(part(value, "container") or "").strip().lower()
    findings = (_who(said, culprit, counted), _share(part(value, "percent"), counted.get(said, counted[culprit])))
    if all(finding.passed for finding in findings):
        return Judged("It is not the busiest one that suffers, but the one that wants more than it may have.", findings)
    return Judged(next(finding.means for finding in findings if not finding.passed), findings)


def _counted(stack: Stack, identifier: str) -> Counted:
    container = stack.session.engine.client.containers.get(identifier)
    sample = stats.parse(container.stats(stream=False, one_shot=True))
    if sample is None:
        raise ValueError(identifier)
    share = 100 * sample.throttled_periods / sample.periods if sample.periods else 0.0
    return Counted(share, sample.cpu_nanoseconds / 1e9)


def _who(said: str, culprit: str, counted: dict[str, Counted]) -> Finding:
    busiest = max(counted, key=lambda name: counted[name].cpu_seconds)
    means = "None of the three has this name."
    if said == busiest:
        means = f"{busiest} used most CPU and was never held back: it got all that it wanted."
    elif said in counted:
        means = f"{said} hardly wanted any CPU: it waits for somebody, and more CPU would not make it faster."
    return found(
        said == culprit,
        "Ask the kernel how many periods of each it has cut short, since they were started",
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
        f"what the kernel has counted, within {NEAR_PERCENT:g} points",
        means,
        "throttled_percent has the share of each second; take the mean over all of them, the quiet ones too.",
    )
