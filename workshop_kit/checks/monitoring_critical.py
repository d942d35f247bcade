"""The check of monitoring.critical: dependencies go, alone and two at a time, with two lists of critical ones."""

from __future__ import annotations

import re
from collections.abc import Sequence

from workshop_kit.trials.check_api import check
from workshop_kit.trials.dependency_proxies import HOST_VARIABLES
from workshop_kit.trials.expect import require
from workshop_kit.trials.service import SETTLE_SECONDS, RunningService, Service
from workshop_kit.trials.trial import Reply

HERE = "master-db,redis"
ELSEWHERE = "replica-db"
"""The setting of the stack, and that of a service which only reads."""
STATES = {
    HERE: [[], ["redis"], ["master-db"], ["replica-db"], ["replica-db", "redis"], ["master-db", "replica-db"]],
    ELSEWHERE: [[], ["replica-db"], ["master-db", "redis"]],
}
"""The dependencies that are away, by the setting; first none, since it connects only then. A pair shows a loop
that decides by the first one, or the last."""
WORD = re.compile(r"\b(pass|warn|fail)\b")


@check("monitoring.critical")
def critical(service: Service) -> None:
    """A missing critical dependency fails it, another one is a warning, and a setting decides which is critical."""
    for setting, states in STATES.items():
        with service.run([*HOST_VARIABLES], {"HEALTH_CRITICAL": setting}) as running:
            for away in states:
                if away:
                    running.refuse(*away)
                else:
                    running.restore()
                health_is_right(running, setting, away)


def health_is_right(running: RunningService, setting: str, away: Sequence[str]) -> None:
    """Require status and word of /health to be those of this state."""
    critical_away = [name for name in away if name in setting.split(",")]
    right = (200, "warn") if away else (200, "pass")
    if critical_away:
        right = (503, "fail")

    def is_right(health: Reply) -> bool:
        return (health.status, word_of(health)) == right

    missing = f"/health was not {right}"
    health = running.poll(lambda: running.get("/health"), is_right, SETTLE_SECONDS, missing=missing)

    names = " and ".join(away) or "nothing"
    means = f"Status and word of /health are not those of a service for which {names} is away."
    if health.status == 200 and critical_away:
        means = f"{critical_away[0]} is gone, which is critical, and /health says 200: nobody is called."
    if health.status == 503 and not critical_away:
        means = f"It could do without {names}, and is taken out of service for it."
    if word_of(health) == "pass" and right == (200, "warn"):
        means = f"{names} is gone, and nobody hears of it until the next one is gone, too."
    if setting == ELSEWHERE:
        means = "It knows by heart which dependencies are critical here; elsewhere the setting says otherwise."

    status, word = right
    require(
        is_right(health),
        seen=health,
        expected=f"{status} with {word}, since HEALTH_CRITICAL is {setting}",
        means=means,
        look="Follow deep() line by line with these away: which answer is returned? Names of dependencies have no "
        "place in it: request.app.state.critical has those of the setting.",
        hint=2 if setting == ELSEWHERE else 1,
    )


def word_of(health: Reply) -> str:
    """Return the first of the three words in the body; "" without one."""
    word = WORD.search(health.body)
    return word[0] if word else ""
