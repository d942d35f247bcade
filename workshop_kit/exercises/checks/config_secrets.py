"""The checks of lesson 02 on secrets: whether a value shows anywhere, and whether a file's secret arrives."""

from __future__ import annotations

import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from workshop_kit.exercises import service_trial, trial_settings
from workshop_kit.exercises.checks import config_order, config_refusal
from workshop_kit.exercises.checks.config_look import Case, Outcome, look
from workshop_kit.exercises.checks.config_refusal import Refusal
from workshop_kit.exercises.check_api import Context, CheckResult, check, found
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.start_failure import did_not_start
from workshop_kit.observe import leaks
from workshop_kit.observe.leaks import Surface
from workshop_kit.progress import Step

PASSWORD, PORT, LEVEL = "MASTER_DB_PASSWORD", "MASTER_DB_PORT", "LOG_LEVEL"
PATH = "/tmp/secret"  # noqa: S108  # in the container
PASSWORD_FILE = f"{PASSWORD}_FILE"


@check("config.redact")
def redact(context: Context) -> CheckResult:
    """Plant a canary as the password, and one where a port and a level belong; look at everything that is printed."""
    trial_settings.ensure_up(context.stack, context.report)
    context.report(Step("Check", None, "planting secrets, and looking for them"))
    right, misplaced = leaks.new_canary(), leaks.new_canary()
    told = {PASSWORD: right}
    wrong = {**told, PORT: misplaced, LEVEL: misplaced}
    cases = (Case(told, without=(PASSWORD_FILE,)), Case(wrong, without=(PASSWORD_FILE,)))
    with (
        service_trial.built(context) as image,
        ThreadPoolExecutor(1) as other,
        service_trial.beside_stack(context, image, environment=wrong, without=(PASSWORD_FILE,)) as broken,
    ):
        looking = other.submit(look, context, image, cases)
        refusal = config_refusal.wait_refused(broken)
        log = broken.lines(config_refusal.LOG_LIMIT_BYTES)
        outcomes = looking.result()
    if isinstance(outcomes, CheckResult):
        return outcomes
    fine, refused = outcomes
    canaries = {"password": right, "misplaced": misplaced}
    findings = (
        _log(refusal, _shows(canaries, {"log": log})),
        _printed(fine, right),
        _error(refused, _shows(canaries, refused.texts)),
    )
    passed = [finding for finding in findings if finding.passed]
    if len(passed) == len(findings):
        return CheckResult(
            "What is wrong is told by name, and no value shows: not in the log, not printed, not raised.", findings
        )
    summary = next(finding.means for finding in findings if not finding.passed)
    return CheckResult(summary, findings, Verdict.WRONG)


def _shows(canaries: Mapping[str, str], texts: Mapping[str, str]) -> list[str]:
    """The names of the texts that show a canary, or six characters of it, in any of five encodings."""
    hunted = leaks.find(canaries, [Surface.of(name, "", text) for name, text in texts.items()])
    return sorted(set(hunted["surface"]))


def _log(refusal: Refusal, shows: list[str]) -> Finding:
    named = {PORT, LEVEL} <= refusal.named
    means = "A secret that landed in the wrong variable stands in the log now, for everybody who may read logs."
    if not shows:
        means = "It does not say which variable is wrong: whoever has to mend it is left to guess."
    return found(
        bool(named and not shows and refusal.code == 1),
        f"Start it with a secret in {PORT} and {LEVEL}, and read its log",
        f"{refusal.shown}; the value {'stands' if shows else 'does not stand'} in it",
        f"exit code 1, {LEVEL} and {PORT} named, no value",
        means,
        "What does a person need to mend it? The name of the variable, what it is for, and what is wrong.",
    )


def _printed(fine: Outcome, password: str) -> Finding:
    shows = _shows({"password": password}, fine.texts)
    arrives = fine.password == password
    means = "Whoever prints the settings shows the password; so does a tool that reports crashes with all variables."
    if not arrives:
        means = "The service itself no longer gets its password."
    where = f"it shows in {' and in '.join(shows)}" if shows else "it shows nowhere"
    return found(
        arrives and not shows,
        "Load settings, print them, and ask for the password",
        f"{where}; get_secret_value() {'has it' if arrives else f'does not have it ({fine})'}",
        "it shows nowhere; get_secret_value() has it",
        means,
        "How does the class print itself? repr() of a dataclass has all its fields. pydantic has a type for secrets.",
    )


def _error(refused: Outcome, shows: list[str]) -> Finding:
    return found(
        bool(refused.refused) and not shows,
        f"Load settings with a secret in {PORT} and {LEVEL}, and print the error and its traceback",
        f"{refused}; {'the value shows in ' + ' and in '.join(shows) if shows else 'no value shows'}",
        f"refused: {LEVEL}, {PORT}; no value shows",
        "An error is the first thing that people copy into a ticket or a chat: the value with it.",
        "What becomes part of the text of a Problem?",
    )


@check("config.file")
def file(context: Context) -> CheckResult:
    """Give it the right password in a file, as an editor writes it, and place an order; then files that are wrong."""
    trial_settings.ensure_up(context.stack, context.report)
    secret = trial_settings.secrets_of(context.stack.container("service"))[f"{trial_settings.SECRETS}/master_db_password"]
    odd = f" {random.Random(context.seed).randrange(10**9)} \t"  # noqa: S311  # no secret
    named = {PASSWORD_FILE: PATH}
    cases = (
        Case(named, {PATH: f"{odd}\n"}),
        Case(named, {PATH: odd}),
        Case({**named, PASSWORD: "another"}, {PATH: odd}),
        Case({PASSWORD_FILE: f"{PATH}-that-is-not-there"}),
        Case({PASSWORD_FILE: "/tmp"}),  # noqa: S108
    )
    context.report(Step("Check", None, "giving it the password in a file"))
    files = {"password": secret.rstrip("\n") + "\n"}
    told = {PASSWORD_FILE: f"{service_trial.GIVEN}/password"}
    with (
        service_trial.built(context) as image,
        ThreadPoolExecutor(1) as other,
        service_trial.beside_stack(context, image, environment=told, files=files) as tried,
    ):
        looking = other.submit(look, context, image, cases)
        if not tried.wait_answer("/livez"):
            return did_not_start(tried)
        order = config_order.place(tried, "config.file")
        outcomes, lines = looking.result(), tried.lines()
    if isinstance(outcomes, CheckResult):
        return outcomes
    line_end, exact, both, missing, folder = outcomes
    findings = (
        _placed(order.status == 201, str(order)),
        _exact(line_end.password == odd and exact.password == odd, line_end if line_end.password != odd else exact),
        _refused(
            both,
            "Set it, and name a file, too",
            "Two values, and it takes one of them in silence: whoever changes the other one waits in vain.",
        ),
        _refused(
            missing,
            "Name a file that is not there",
            "It fails with a traceback that does not say which variable is wrong.",
        ),
        _refused(folder, "Name a folder", "It fails with a traceback that does not say which variable is wrong."),
    )
    if all(finding.passed for finding in findings):
        return CheckResult(
            "A secret in a file arrives to the letter, and whatever is wrong with the file has a name.", findings
        )
    summary = next(finding.means for finding in findings if not finding.passed)
    return CheckResult(summary, findings, Verdict.WRONG, lines)


def _placed(passed: bool, answer: str) -> Finding:
    return found(
        passed,
        "POST /orders, with the right password in a file, as an editor writes it",
        answer,
        "201",
        "The password in the file is right, and every order fails: access denied.",
        "What stands behind the last character that one sees?",
    )


def _exact(passed: bool, outcome: Outcome) -> Finding:
    return found(
        passed,
        "A secret with blanks at both ends, in a file with and without a last line end",
        "it arrives as it is" if passed else f"{outcome}, and it is another secret now",
        "it arrives as it is, without the line end",
        "What belongs to the secret was cut off with the line end, or the line end was not.",
        "Exactly one line end does not belong to it. Blanks do.",
    )


def _refused(outcome: Outcome, called: str, means: str) -> Finding:
    named = PASSWORD in outcome.refused or (bool(outcome.refused) and PASSWORD in outcome.said)
    return found(
        named,
        f"{called} ({PASSWORD_FILE})",
        str(outcome),
        f"refused: {PASSWORD}",
        means,
        "Raise ValueError with what is wrong: load() makes a problem of it, with the variable's name.",
    )
