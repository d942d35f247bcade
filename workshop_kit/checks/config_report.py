"""The check of config.report: every variable that is missing or wrong, in one line of one start."""

from __future__ import annotations

from collections.abc import Sequence

from workshop_kit.checks import config
from workshop_kit.checks.config import Refusal
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude

REPORT = findings("config.report")
GROUP = ("REDIS_HOST", "REDIS_PASSWORD", "REDIS_PORT")
"""All required variables of one group."""
MISSING = ("MASTER_DB_NAME", "REPLICA_DB_HOST", "REPLICA_DB_PASSWORD", *GROUP)
"""Variables without which the service cannot start; two are secrets."""
ALSO_UNSET = ("REDIS_USER",)
"""A variable of the missing group that has a default."""
WRONG = "HTTP_PORT"
NO_PORT = "abc"
WANTED = (*MISSING, WRONG)
OTHERS_MISSING = ("MASTER_DB_USER", "REPLICA_DB_PORT")
OTHER_WRONG = "REDIS_PORT"
OTHERWISE = (*OTHERS_MISSING, OTHER_WRONG)
"""Others, with which nothing is wrong when those are."""


@check("config.report")
def report(context: Context) -> Result:
    """Start it without some variables and with a wrong one, then without others, then with all of them."""
    service_trial.ensure_up(context.stack, context.report)
    with service_trial.build(context) as image:
        context.report_step(f"waiting for it to refuse without {len(MISSING)} of its variables")
        refusal, lines = _start(context, image, (*MISSING, *ALSO_UNSET), {WRONG: NO_PORT})
        all_findings = report_findings(refusal)
        if not all(finding.passed for finding in all_findings):
            return conclude(REPORT.shown, all_findings, lines)

        context.report_step("starting it without others, and with all of them")
        other_refusal, _ = _start(context, image, OTHERS_MISSING, {OTHER_WRONG: NO_PORT})
        with service_trial.run_with_stack(context, image) as trial:
            outcome = config.order_or_refusal(trial)
            lines = trial.log_tail()

    all_findings = (*all_findings, reports_others(other_refusal), accepts(outcome))
    return conclude(REPORT.shown, all_findings, lines, lucky=True)


def _start(context: Context, image: str, missing: Sequence[str], environment: dict[str, str]) -> tuple[Refusal, str]:
    """Start the service without some variables; return how that ended, and its last lines."""
    without = (*missing, *(f"{name}_FILE" for name in missing))
    with service_trial.run_with_stack(context, image, environment=environment, without=without) as trial:
        return config.wait_refused(trial), trial.log_tail()


def report_findings(refusal: Refusal) -> tuple[Finding, ...]:
    """Return the findings on the end, and if it refused: on the variables named, on others, and on the lines."""
    refuses = _refuses(refusal)
    if not refuses.passed:
        return (refuses,)

    variables = [name for name in WANTED if name in refusal.named]
    names = _names_all(variables)
    others = REPORT.has_none("others", sorted(refusal.named.difference(WANTED)))
    if not variables:
        return refuses, names, others

    lines = REPORT.found(refusal.lines == 1, "lines", f"{refusal.lines}")
    return refuses, names, others, lines


def _refuses(refusal: Refusal) -> Finding:
    way = "ended"
    got = f"exit code {refusal.code}"
    if refusal.code is None:
        way = "runs"
        got = "it still runs"
    if refusal.raised:
        way = "raised"
    return REPORT.found(refusal.is_orderly, f"refuses.{way}", got, code=refusal.code, reason=refusal.raised)


def _names_all(variables: Sequence[str]) -> Finding:
    """Find whether all variables are named; what those that are not have in common is the way in which it failed."""
    missing = [name for name in WANTED if name not in variables]
    way = {0: "none", 1: "one"}.get(len(variables), "some")
    if missing == [WRONG]:
        way = "wrong"
    elif missing == list(GROUP):
        way = "group"
    return REPORT.found(
        not missing,
        f"names.{way}",
        f"named: {', '.join(variables) or 'none'}",
        names=", ".join(WANTED),
        count=len(WANTED),
        named=len(variables),
        wrong=WRONG,
        group=", ".join(GROUP),
    )


def reports_others(refusal: Refusal) -> Finding:
    """Find whether it names the variables with which nothing was wrong before, and no others."""
    passed = refusal.is_orderly and refusal.named == set(OTHERWISE)
    way = "same" if refusal.named == set(WANTED) else "other"
    got = str(refusal)
    if refusal.is_orderly:
        got = f"named: {', '.join(sorted(refusal.named)) or 'none'}"
    return REPORT.found(passed, f"again.{way}", got, names=", ".join(OTHERWISE), wrong=OTHER_WRONG)


def accepts(outcome: Refusal | Answer) -> Finding:
    """Find whether it takes an order with all of its variables."""
    if isinstance(outcome, Answer):
        return REPORT.equals("accepts.failed", str(outcome))
    return REPORT.failed("accepts.refused", str(outcome))
