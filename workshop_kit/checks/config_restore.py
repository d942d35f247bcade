"""The check of config.restore: what a context manager for environment variables leaves behind."""

from __future__ import annotations

from collections.abc import Mapping

from workshop_kit.checks import config
from workshop_kit.trials import service_image
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude

RESTORE = findings("config.restore")
LONGEST_TOLD = 300
SituationOutcome = tuple[str, str | None, str | None]
"""What a situation of config_inside.py left: what happened in its block, and the two variables' values afterwards."""
RIGHT: SituationOutcome = ("as asked", None, "before")


@check("config.restore")
def restore(context: Context) -> Result:
    """Use the participant's context manager in three situations, and read the variables afterwards."""
    with service_image.build(context) as image:
        values_by_name = config.run_inside(context, image, "restored")

    situations: dict[str, SituationOutcome] = {}
    for name, (block_text, first_value, second_value) in values_by_name.items():
        situations[name] = (block_text, first_value, second_value)
    return conclude(RESTORE.success_summary, restore_findings(situations))


def restore_findings(situations: Mapping[str, SituationOutcome]) -> tuple[Finding, ...]:
    """Return the findings on the three situations.

    If the plain situation is wrong, the nested one is left out, and so is the raising one if it fails likewise.
    """
    plain = situations["plain"]
    if plain == RIGHT:
        return tuple(_situation_finding(name, outcome) for name, outcome in situations.items())

    raising = situations["raising"]
    all_findings = [_situation_finding("plain", plain)]
    if raising != plain:
        all_findings.append(_situation_finding("raising", raising))
    return tuple(all_findings)


def _situation_finding(name: str, outcome: SituationOutcome) -> Finding:
    """Find whether the block of a situation had the variables, and whether they are as before it afterwards."""
    key = name
    if name != "nested":
        key = f"{name}.{_way_to_fail(name, outcome)}"
    return RESTORE.equals(key, _describe(outcome)[:LONGEST_TOLD], right=_describe(RIGHT))


def _way_to_fail(name: str, outcome: SituationOutcome) -> str:
    """Return the key of the way in which an outcome fails, if it does."""
    block_text, first_value, _ = outcome
    right_block_text, _, _ = RIGHT
    if block_text != right_block_text:
        return "within"
    if name == "plain" and first_value == "":
        return "empty"
    return "left"


def _describe(outcome: SituationOutcome) -> str:
    """Return an outcome as a sentence for a finding."""
    block_text, first_value, second_value = outcome
    first_text = _describe_value(first_value)
    second_text = _describe_value(second_value)
    return f"within the block {block_text}; afterwards the first is {first_text}, the second {second_text}"


def _describe_value(value: str | None) -> str:
    """Return the value of a variable as text; None: the variable does not exist."""
    return "not there" if value is None else repr(value)
