"""The check of monitoring.critical: /health while one dependency after the other is gone, by which are critical."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from workshop_kit.checks.monitoring_health import START_SECONDS, WORKS, away, leaves, run_behind_proxies, settled
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.dependency_proxies import HOST_VARIABLES, REFUSES
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude

CRITICAL = findings("monitoring.critical")
WORDS = ("fail", "warn", "pass")
SETTING = "HEALTH_CRITICAL"
DEPENDENCIES = ("redis", "master-db", "replica-db")
"""The dependencies that go, one at a time, the gravest mistake first."""
CRITICAL_HERE = ("master-db", "redis")
"""The critical dependencies, as the stack's setting has them."""
CRITICAL_ELSEWHERE = "replica-db"
"""The critical dependency of the second instance, which only reads."""


@check("monitoring.critical")
def critical(context: Context) -> Result:
    """Take one dependency away at a time from two instances, of which the second has another critical one."""
    with run_behind_proxies(context, *HOST_VARIABLES) as (trial, proxies, image):
        environment = {**proxies.environment, SETTING: CRITICAL_ELSEWHERE}
        with service_trial.run_with_stack(context, image, environment=environment) as second:
            for instance in (trial, second):
                service_trial.wait_started(instance, WORKS, within_seconds=START_SECONDS)
            context.report_step("taking one dependency away after the other")

            answers: dict[str, Answer] = {}
            second_answers: dict[str, Answer] = {}
            for dependency in (*DEPENDENCIES, ""):
                proxies.set(REFUSES, dependency)
                names = {dependency} - {""}
                answers[dependency] = settled(trial, names)
                second_answers[dependency] = settled(second, names)
            return judge_critical(answers, second_answers, trial.log_tail())


def judge_critical(answers: Mapping[str, Answer], second_answers: Mapping[str, Answer], lines: str = "") -> Result:
    """Judge the answers of both instances by the dependency that was gone ("": none).

    Where the first instance is right and the second wrong, that is luck.
    """
    first_findings = [_with_gone(dependency, answers[dependency]) for dependency in DEPENDENCIES]
    first_findings.append(_with_none_gone(answers[""]))
    first_findings = _each_failure_once(first_findings)
    if not all(finding.passed for finding in first_findings):
        return conclude(CRITICAL.shown, first_findings, lines)

    second_findings = [_elsewhere(dependency, second_answers[dependency]) for dependency in DEPENDENCIES]
    return conclude(CRITICAL.shown, _each_failure_once([*first_findings, *second_findings]), lines, lucky=True)


def _expected(dependency: str, *, is_critical: bool) -> tuple[int, str]:
    """Return the right status and word of /health with one dependency gone, or with none ("")."""
    if is_critical:
        return 503, "fail"
    return 200, "warn" if dependency else "pass"


def _is_right(dependency: str, answer: Answer, *, is_critical: bool) -> bool:
    status, word = _expected(dependency, is_critical=is_critical)
    return answer.status == status and _word(answer) == word and away(answer) == {dependency} - {""}


def _word(answer: Answer) -> str:
    """Return the word of the body for the whole service; "" if it has none."""
    for keys, value in leaves(answer):
        word = str(value).lower()
        if word in WORDS and not _names_dependency(keys):
            return word

    if answer.json() is None:
        words = re.search(rf"\b(?:{'|'.join(WORDS)})\b", answer.body.lower())
        return words[0] if words else ""
    return ""


def _names_dependency(keys: Sequence[str]) -> bool:
    return any(name in key for key in keys for name in HOST_VARIABLES)


def _describe(answer: Answer) -> str:
    names = ", ".join(sorted(away(answer)))
    return f"{answer}, {_word(answer) or 'no word'}; it names {names or 'none'}"


def _with_gone(dependency: str, answer: Answer) -> Finding:
    """Find whether /health is right with one dependency gone."""
    is_critical = dependency in CRITICAL_HERE
    status, word = _expected(dependency, is_critical=is_critical)
    way = "other"
    if answer.status not in {200, 503}:
        way = "fails"
    elif is_critical and answer.status == 200:
        way = "unheard"
    elif not is_critical and answer.status == 503:
        way = "strict"
    elif not is_critical and _word(answer) == "pass":
        way = "silent"

    is_right = _is_right(dependency, answer, is_critical=is_critical)
    values = {"gone": dependency, "status": status, "word": word, "answer": answer}
    return CRITICAL.found(is_right, f"gone.{way}", _describe(answer), **values)


def _with_none_gone(answer: Answer) -> Finding:
    return CRITICAL.found(_is_right("", answer, is_critical=False), "well", _describe(answer))


def _elsewhere(dependency: str, answer: Answer) -> Finding:
    """Find whether /health is right with one dependency gone, and with the other setting."""
    is_critical = dependency == CRITICAL_ELSEWHERE
    status, word = _expected(dependency, is_critical=is_critical)
    is_right = _is_right(dependency, answer, is_critical=is_critical)
    values = {"gone": dependency, "status": status, "word": word, "critical": CRITICAL_ELSEWHERE}
    return CRITICAL.found(is_right, "elsewhere", _describe(answer), **values)


def _each_failure_once(all_findings: Sequence[Finding]) -> list[Finding]:
    """Leave out a finding that failed in the same way as an earlier one: it follows from the same line."""
    distinct: list[Finding] = []
    failed_keys: set[str] = set()
    for finding in all_findings:
        if finding.passed:
            distinct.append(finding)
        elif finding.key not in failed_keys:
            distinct.append(finding)
            failed_keys.add(finding.key)
    return distinct
