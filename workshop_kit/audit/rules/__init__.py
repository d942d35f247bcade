"""The functions of the rules: ``config.fails-fast`` is `config.fails_fast`."""

from __future__ import annotations

from collections.abc import Callable

from workshop_kit.audit.findings import Judgment, Rule
from workshop_kit.audit.rules import build, config, confinement, lifecycle, logs, monitoring
from workshop_kit.audit.subject import Subject

GUIDELINES = {
    "config": config,
    "logs": logs,
    "monitoring": monitoring,
    "lifecycle": lifecycle,
    "confinement": confinement,
    "build": build,
}


def function_of(rule: Rule) -> Callable[[Subject], Judgment]:
    """Return the function that judges by a rule: the rule's id names it."""
    guideline, _, name = rule.id.partition(".")
    function: Callable[[Subject], Judgment] = getattr(GUIDELINES[guideline], name.replace("-", "_"))
    return function
