"""The check of monitoring.critical: /health while one dependency after the other is gone, by which are critical."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from workshop_kit.checks.monitoring_health import START_SECONDS, WORKS, away, leaves, run_behind_proxies, settled
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import HOST_VARIABLES, REFUSES

CRITICAL = findings("monitoring.critical")
WORDS = ("fail", "warn", "pass")
SETTING = "HEALTH_CRITICAL"
GONE = ("redis", "master-db", "replica-db")
"""The dependencies that go, one at a time, the gravest mistake first."""
HERE = ("master-db", "redis")
"""The critical dependencies, as the stack's setting has them."""
OTHERWISE = "replica-db"
"""The critical dependency of the second instance, which only reads."""


@check("monitoring.critical")
def critical(context: Context) -> Result:
    """Take one dependency away at a time from two instances, of which the second has another critical one."""
    with run_behind_proxies(context, *HOST_VARIABLES) as (trial, proxies, image):
        environment = {**proxies.environment, SETTING: OTHERWISE}
        with service_trial.run_with_stack(context, image, environment=environment) as second:
            for one in (trial, second):
                service_trial.wait_started(one, WORKS, within_seconds=START_SECONDS)
            context.report_step("taking one dependency away after the other")

            here: dict[str, Answer] = {}
            otherwise: dict[str, Answer] = {}
            for gone in (*GONE, ""):
                proxies.set(REFUSES, gone)
                names = {gone} - {""}
                here[gone] = settled(trial, names)
                otherwise[gone] = settled(second, names)
            return judge_critical(here, otherwise, trial.lines())


def judge_critical(here: Mapping[str, Answer], otherwise: Mapping[str, Answer], lines: str = "") -> Result:
    """Judge the answers of both instances by the dependency that was gone ("": none).

    Where the first instance is right and the second wrong, that is luck.
    """
    judged = [_with_gone(gone, here[gone]) for gone in GONE]
    judged.append(_with_none_gone(here[""]))
    judged = _each_failure_once(judged)
    if not all(finding.passed for finding in judged):
        return conclude(CRITICAL.shown, judged, lines)

    elsewhere = [_elsewhere(gone, otherwise[gone]) for gone in GONE]
    return conclude(CRITICAL.shown, _each_failure_once([*judged, *elsewhere]), lines, lucky=True)


def _expected(gone: str, *, is_critical: bool) -> tuple[int, str]:
    """Return the right status and word of /health."""
    if is_critical:
        return 503, "fail"
    return 200, "warn" if gone else "pass"


def _is_right(gone: str, answer: Answer, *, is_critical: bool) -> bool:
    status, word = _expected(gone, is_critical=is_critical)
    return (answer.status, _word(answer), away(answer)) == (status, word, {gone} - {""})


def _word(answer: Answer) -> str:
    """Return the word of the body for the whole service; "" if it has none."""
    for keys, value in leaves(answer):
        is_of_one = any(name in key for key in keys for name in HOST_VARIABLES)
        if not is_of_one and str(value).lower() in WORDS:
            return str(value).lower()
    if answer.json() is None:
        word = re.search(rf"\b(?:{'|'.join(WORDS)})\b", answer.body.lower())
        return word[0] if word else ""
    return ""


def _got(answer: Answer) -> str:
    return f"{answer}, {_word(answer) or 'no word'}; it names {', '.join(sorted(away(answer))) or 'none'}"


def _with_gone(gone: str, answer: Answer) -> Finding:
    """Find whether /health is right with one dependency gone."""
    is_critical = gone in HERE
    status, word = _expected(gone, is_critical=is_critical)
    way = "other"
    if answer.status not in {200, 503}:
        way = "fails"
    elif is_critical and answer.status == 200:
        way = "unheard"
    elif not is_critical and answer.status == 503:
        way = "strict"
    elif not is_critical and _word(answer) == "pass":
        way = "silent"
    is_right = _is_right(gone, answer, is_critical=is_critical)
    values = {"gone": gone, "status": status, "word": word, "answer": answer}
    return CRITICAL.found(is_right, f"gone.{way}", _got(answer), **values)


def _with_none_gone(answer: Answer) -> Finding:
    return CRITICAL.found(_is_right("", answer, is_critical=False), "well", _got(answer))


def _elsewhere(gone: str, answer: Answer) -> Finding:
    """Find whether /health is right with one dependency gone, and with the other setting."""
    is_critical = gone == OTHERWISE
    status, word = _expected(gone, is_critical=is_critical)
    is_right = _is_right(gone, answer, is_critical=is_critical)
    values = {"gone": gone, "status": status, "word": word, "critical": OTHERWISE}
    return CRITICAL.found(is_right, "elsewhere", _got(answer), **values)


def _each_failure_once(judged: Sequence[Finding]) -> list[Finding]:
    """Leave out a finding that failed in the same way as an earlier one: it follows from the same line."""
    kept: list[Finding] = []
    for finding in judged:
        if finding.passed or finding.key not in {one.key for one in kept if not one.passed}:
            kept.append(finding)
    return kept
