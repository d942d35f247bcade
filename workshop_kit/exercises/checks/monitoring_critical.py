"""The check of lesson 04 on what a missing dependency means: one after the other, and with another setting."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from workshop_kit.exercises import dependency_proxies, service_trial
from workshop_kit.exercises.checks.monitoring_health import (
    DEADLINE_SECONDS,
    START_SECONDS,
    WORKS,
    away,
    behind,
    settled,
    status_of,
)
from workshop_kit.exercises.dependency_proxies import Doors
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.service_image import ServiceImage
from workshop_kit.exercises.start_failure import wait_started
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Step

SETTING = "HEALTH_CRITICAL"
GRAVEST = "nobody is called"
OTHERWISE = "replica-db"
"""What is critical to the second instance: it only reads, say."""


@dataclass(frozen=True)
class Case:
    """One dependency that is gone (or none), and what /health is to say then."""

    gone: str
    status: int
    word: str

    @property
    def called(self) -> str:
        """What was done, for people."""
        return f"GET /health while {self.gone} is gone" if self.gone else "GET /health while all are there"


CASES = (
    # What is gone; what /health is to say by the setting that there is, and by the other one.
    (Case("replica-db", 200, "warn"), Case("replica-db", 503, "fail")),
    (Case("redis", 503, "fail"), Case("redis", 200, "warn")),
    (Case("master-db", 503, "fail"), Case("master-db", 200, "warn")),
    (Case("", 200, "pass"), Case("", 200, "pass")),
)


@check("monitoring.critical")
def critical(context: Context) -> CheckResult:
    """Take one dependency away at a time from two instances; to the second, the setting names another as critical."""
    with behind(context, *dependency_proxies.VARIABLES) as (tried, between, image):
        if (failed := wait_started(tried, WORKS, within_seconds=START_SECONDS)) is not None:
            return failed
        with _again(context, image, between) as other:
            if (failed := wait_started(other, WORKS, within_seconds=START_SECONDS)) is not None:
                return failed
            context.report(Step("Check", None, "taking one dependency away after the other"))
            findings, otherwise = _asked(tried, other, between)
            return _judged(findings, otherwise, tried.lines())


def _asked(tried: Trial, other: Trial, between: Doors) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """What each of the two said in all cases."""
    findings, otherwise = [], []
    for case, its_case in CASES:
        between.set(**{case.gone.replace("-", "_"): dependency_proxies.REFUSES} if case.gone else {})
        findings.append(_answered(tried, case))
        otherwise.append(_answered(other, its_case, f", with {SETTING}={OTHERWISE}"))
    return tuple(findings), tuple(otherwise)


def _again(context: Context, image: ServiceImage, between: Doors) -> contextlib.AbstractContextManager[Trial]:
    """The same behind the same doors, where the setting says otherwise."""
    environment = {**between.environment, SETTING: OTHERWISE}
    return service_trial.beside_stack(context, image, environment=environment, deadline_seconds=DEADLINE_SECONDS)


def _judged(findings: tuple[Finding, ...], otherwise: tuple[Finding, ...], lines: str) -> CheckResult:
    wrong = sorted((one for one in findings if not one.passed), key=lambda one: GRAVEST not in one.means)
    if wrong:
        return CheckResult(wrong[0].means, findings, output=lines)
    if all(finding.passed for finding in otherwise):
        summary = "What it cannot do without fails it, what it can do without is a warning, and a setting decides."
        return CheckResult(summary, (*findings, *otherwise))
    summary = "It knows by heart which dependencies are critical here; elsewhere a setting says otherwise."
    return CheckResult(summary, (*findings, *otherwise), Verdict.LUCKY, lines)


def _answered(tried: Trial, case: Case, setting: str = "") -> Finding:
    gone = {case.gone} if case.gone else set()
    answer = settled(tried, gone)
    named = ", ".join(sorted(away(answer))) or "nobody"
    word = status_of(answer)
    return found(
        (answer.status, word, away(answer)) == (case.status, case.word, gone),
        case.called + setting,
        f"{answer}, {word or 'no status'}; it names {named}",
        f"{case.status}, {case.word}" + (f"; it names {case.gone}" if case.gone else ""),
        _means(case, answer.status, word),
        "Follow deep() line by line with this one away: which answer is returned?",
    )


def _means(case: Case, status: int | None, word: str) -> str:
    if case.status == 503 and status == 200:
        return f"{case.gone} is gone, which is critical, and /health says 200: {GRAVEST}."
    if case.word == "warn" and status == 503:
        return f"It could do without {case.gone}, and is taken out of service for it."
    if case.word == "warn" and word == "pass":
        return f"{case.gone} is gone, and nobody hears of it until the next one is gone, too."
    return "This answer says something else than the state of the service."
