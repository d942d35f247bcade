"""The check of logging.level: signals, and the levels at which the service and a library log then."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from workshop_kit.checks.logging_service import WAIT_SECONDS, Log, ask, read_log, run
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings, until_failed
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import Trial

LEVEL = findings("logging.level")
NAMES = ("debug", "info", "warning")
FROM_WARNING = (False, False, True)
FROM_DEBUG = (True, True, True)
"""Which of the levels `NAMES` are logged."""


@check("logging.level")
def level(context: Context) -> Result:
    """Send signals to a service whose level is warning, and let it log at each level in between."""
    with run(context, environment={"LOG_LEVEL": "warning"}) as trial:
        context.report_step("sending USR1, USR1 again, and USR2")
        return conclude(LEVEL.shown, until_failed(_levels(trial)), trial.log_tail())


def _levels(trial: Trial) -> Iterator[Finding]:
    """Yield the findings on what is logged at the start and after each signal."""
    yield level_finding("start", *_logged_levels(trial, FROM_WARNING))
    for key, signal, expected in (
        ("debug", "SIGUSR1", FROM_DEBUG),
        ("again", "SIGUSR1", FROM_DEBUG),
        ("back", "SIGUSR2", FROM_WARNING),
    ):
        trial.signal(signal)
        own_levels, library_levels = _logged_levels(trial, expected)
        alive = alive_finding(signal, trial.exit_code())
        if alive.passed:
            yield level_finding(key, own_levels, library_levels)
        else:
            yield alive


def alive_finding(signal: str, exit_code: int | None) -> Finding:
    """Return the finding on whether the container still runs after a signal."""
    got = "it runs" if exit_code is None else f"the container has ended, with exit code {exit_code}"
    return LEVEL.found(exit_code is None, "alive", got, signal=signal)


Levels = tuple[bool, ...]


def level_finding(key: str, own: Levels, library: Levels) -> Finding:
    """Return the finding on the levels of which there are lines: of the service's own logger and of a library's."""
    expected = FROM_DEBUG if key in {"debug", "again"} else FROM_WARNING
    is_expected = own == expected

    way = ""
    if key == "debug":
        way = ".libraries" if is_expected else ".same"
    elif key == "back" and is_expected:
        way = ".libraries"
    elif key == "back":
        way = ".still" if own[0] else ".other"

    got = f"the service logs {_level_names(own)}"
    if library != own:
        got += f"; libraries log {_level_names(library)}"
    return LEVEL.found(own == library == expected, f"{key}{way}", got)


def _level_names(levels: Levels) -> str:
    names = [name for name, is_logged in zip(NAMES, levels, strict=True) if is_logged]
    return ", ".join(names) or "nothing"


def _logged_levels(trial: Trial, expected: Levels) -> tuple[Levels, Levels]:
    """Let the service and a library log at each level; ask again for as long as it is not what is expected.

    The levels of the service's own logger are first.
    """

    def look() -> tuple[Levels, Levels]:
        own_id = f"level-{secrets.token_hex(4)}"
        ask(trial, own_id, "levels")

        def is_complete(log: Log) -> bool:
            return bool(log.having(request_id=own_id, msg="a trial at warning"))

        log = read_log(trial, is_complete)
        messages = {line.get("msg") for line in log.having(request_id=own_id)}
        own = tuple(f"a trial at {name}" in messages for name in NAMES)
        library = tuple(f"a library at {name}" in messages for name in NAMES)
        return own, library

    def is_expected(levels: tuple[Levels, Levels]) -> bool:
        return levels == (expected, expected)

    return trial.poll(look, is_expected, WAIT_SECONDS, missing="the level was not as expected")
