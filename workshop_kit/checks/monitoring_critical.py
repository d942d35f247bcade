"""The check of monitoring.critical: /health while each dependency in turn is gone, with two lists of critical ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from workshop_kit.checks.monitoring_health import (
    ORDERS_PATH,
    START_SECONDS,
    away_dependencies,
    leaves,
    wait_health,
)
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.dependency_proxies import HOST_VARIABLES
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.service import Service

CRITICAL = findings("monitoring.critical")
WORDS = ("fail", "warn", "pass")
SETTING = "HEALTH_CRITICAL"
DEPENDENCIES = ("redis", "master-db", "replica-db")
"""The dependencies that go, one at a time; the first shows the gravest mistake."""
CRITICAL_HERE = ("master-db", "redis")
"""The critical dependencies, as the stack's setting has them."""
CRITICAL_ELSEWHERE = "replica-db"
"""The critical dependency of the second instance, which only reads."""


@check("monitoring.critical")
def critical(context: Context) -> Result:
    """Take each dependency in turn away from two instances; the second one has another critical dependency."""
    with Service(context) as service, service.run([*HOST_VARIABLES]) as trial:
        environment = {**trial.proxies.environment, SETTING: CRITICAL_ELSEWHERE}
        with service.run(environment=environment) as second:
            for instance in (trial, second):
                service_trial.wait_started(instance, ORDERS_PATH, within_seconds=START_SECONDS)

            answers: dict[str, Answer] = {}
            second_answers: dict[str, Answer] = {}
            for dependency in (*DEPENDENCIES, ""):
                if dependency:
                    trial.refuse(dependency)
                else:
                    trial.restore()
                names = _names_of(dependency)
                answers[dependency] = wait_health(trial, names)
                second_answers[dependency] = wait_health(second, names)
            return judge_critical(answers, second_answers, trial.log_tail())


def judge_critical(answers: Mapping[str, Answer], second_answers: Mapping[str, Answer], lines: str = "") -> Result:
    """Judge the answers of both instances; their keys are the dependency that was gone ("": none).

    The second instance is judged if the first is right; if only the second is wrong, the first was right by luck.
    """
    first_findings = [_gone_finding(dependency, answers[dependency]) for dependency in DEPENDENCIES]
    first_findings.append(_none_gone_finding(answers[""]))
    if not all(finding.passed for finding in first_findings):
        return conclude(CRITICAL.success_summary, _without_repeated_failures(first_findings), lines)

    second_findings = [_elsewhere_finding(dependency, second_answers[dependency]) for dependency in DEPENDENCIES]
    all_findings = _without_repeated_failures([*first_findings, *second_findings])
    return conclude(CRITICAL.success_summary, all_findings, lines, lucky=True)


def _names_of(dependency: str) -> set[str]:
    """Return the dependencies that /health should name: the one that is gone, or none for ""."""
    return {dependency} if dependency else set()


def _expected_status_and_word(dependency: str, *, is_critical: bool) -> tuple[int, str]:
    """Return the right status and word of /health with one dependency gone, or with none ("")."""
    if is_critical:
        return 503, "fail"
    return 200, "warn" if dependency else "pass"


def _is_right(dependency: str, answer: Answer, *, is_critical: bool) -> bool:
    """Return whether an answer has the right status and word, and names the dependency that is gone."""
    status, word = _expected_status_and_word(dependency, is_critical=is_critical)
    has_status_and_word = answer.status == status and _find_word(answer) == word
    return has_status_and_word and away_dependencies(answer) == _names_of(dependency)


def _find_word(answer: Answer) -> str:
    """Return the first of `WORDS` that the body says of the whole service, not of a dependency; "" if there is none."""
    for keys, value in leaves(answer):
        word = str(value).lower()
        if word in WORDS and not _names_dependency(keys):
            return word

    if answer.json() is not None:
        return ""
    match = re.search(rf"\b(?:{'|'.join(WORDS)})\b", answer.body.lower())
    return match[0] if match else ""


def _names_dependency(keys: Sequence[str]) -> bool:
    """Return whether one of these keys of a body has the name of a dependency in it."""
    return any(name in key for key in keys for name in HOST_VARIABLES)


def _describe(answer: Answer) -> str:
    """Return the status of an answer, its word and the dependencies that it names, for a finding."""
    names = ", ".join(sorted(away_dependencies(answer)))
    word = _find_word(answer)
    return f"{answer}, {word or 'no word'}; it names {names or 'none'}"


def _gone_finding(dependency: str, answer: Answer) -> Finding:
    """Find whether /health is right with one dependency gone."""
    is_critical = dependency in CRITICAL_HERE
    is_right = _is_right(dependency, answer, is_critical=is_critical)
    way_to_fail = _way_to_fail(answer, is_critical=is_critical)

    status, word = _expected_status_and_word(dependency, is_critical=is_critical)
    values = {"gone": dependency, "status": status, "word": word, "answer": answer}
    return CRITICAL.found(is_right, f"gone.{way_to_fail}", _describe(answer), **values)


def _way_to_fail(answer: Answer, *, is_critical: bool) -> str:
    """Return the key of the way in which an answer is wrong, if it is, by whether the dependency is critical."""
    if answer.status not in {200, 503}:
        return "fails"
    if is_critical:
        return "unheard" if answer.status == 200 else "other"
    if answer.status == 503:
        return "strict"
    return "silent" if _find_word(answer) == "pass" else "other"


def _none_gone_finding(answer: Answer) -> Finding:
    """Find whether /health is right with all dependencies there."""
    return CRITICAL.found(_is_right("", answer, is_critical=False), "well", _describe(answer))


def _elsewhere_finding(dependency: str, answer: Answer) -> Finding:
    """Find whether /health of the second instance is right with one dependency gone."""
    is_critical = dependency == CRITICAL_ELSEWHERE
    status, word = _expected_status_and_word(dependency, is_critical=is_critical)
    is_right = _is_right(dependency, answer, is_critical=is_critical)
    values = {"gone": dependency, "status": status, "word": word, "critical": CRITICAL_ELSEWHERE}
    return CRITICAL.found(is_right, "elsewhere", _describe(answer), **values)


def _without_repeated_failures(all_findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings without those that failed in the same way as an earlier one: one mistake explains both."""
    distinct: list[Finding] = []
    failed_keys: set[str] = set()
    for finding in all_findings:
        if finding.passed:
            distinct.append(finding)
        elif finding.key not in failed_keys:
            distinct.append(finding)
            failed_keys.add(finding.key)
    return distinct
