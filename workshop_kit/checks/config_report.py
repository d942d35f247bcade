"""The check of config.report: every variable that is missing or wrong, in one line of one start."""

from __future__ import annotations

from collections.abc import Sequence

from workshop_kit.checks import config
from workshop_kit.checks.config import Refusal
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude

REPORT = findings("config.report")
GROUP = ("REDIS_HOST", "REDIS_PASSWORD", "REDIS_PORT")
"""All required variables of one dependency."""
MISSING = ("MASTER_DB_NAME", "REPLICA_DB_HOST", "REPLICA_DB_PASSWORD", *GROUP)
"""Variables without which the service cannot start; two are secrets."""
ALSO_UNSET = ("REDIS_USER",)
"""A variable of that group that has a default."""
WRONG = "HTTP_PORT"
NO_PORT = "abc"
WANTED = (*MISSING, WRONG)
OTHERS_MISSING = ("MASTER_DB_USER", "REPLICA_DB_PORT")
OTHER_WRONG = "REDIS_PORT"
OTHERWISE = (*OTHERS_MISSING, OTHER_WRONG)
"""The variables that are missing or wrong in the second start; the first one's are right then."""


@check("config.report")
def report(context: Context) -> Result:
    """Start the service without some variables and with a wrong one, then without others, then with all of them."""
    service_trial.ensure_up(context.stack, context.report)
    with service_image.build(context) as image:
        context.report_step(f"waiting for it to refuse without {len(MISSING)} of its variables")
        refusal, lines = _start_without(context, image, (*MISSING, *ALSO_UNSET), {WRONG: NO_PORT})
        all_findings = report_findings(refusal)
        if not all(finding.passed for finding in all_findings):
            return conclude(REPORT.success_summary, all_findings, lines)

        context.report_step("starting it without others, and with all of them")
        other_refusal, _ = _start_without(context, image, OTHERS_MISSING, {OTHER_WRONG: NO_PORT})
        with service_trial.run_with_stack(context, image) as trial:
            outcome = config.order_or_refusal(trial)
            lines = trial.log_tail()

    all_findings = (*all_findings, second_start_finding(other_refusal), acceptance_finding(outcome))
    return conclude(REPORT.success_summary, all_findings, lines, lucky=True)


def _start_without(
    context: Context, image: str, missing: Sequence[str], environment: dict[str, str]
) -> tuple[Refusal, str]:
    """Start the service with some variables changed and some missing; return how that ended, and its last lines."""
    file_variables = [f"{name}_FILE" for name in missing]
    without = (*missing, *file_variables)
    with service_trial.run_with_stack(context, image, environment=environment, without=without) as trial:
        return config.wait_start_end(trial), trial.log_tail()


def report_findings(refusal: Refusal) -> tuple[Finding, ...]:
    """Return the findings on how the first start ended, and on the log if the service refused its settings.

    How many lines the log has is not judged if it names no variable.
    """
    refuses = _refusal_finding(refusal)
    if not refuses.passed:
        return (refuses,)

    named_variables = [name for name in WANTED if name in refusal.variables]
    names_all = _names_finding(named_variables)
    names_no_others = REPORT.has_none("others", sorted(refusal.variables.difference(WANTED)))
    if not named_variables:
        return refuses, names_all, names_no_others

    is_one_line = REPORT.found(refusal.line_count == 1, "lines", f"{refusal.line_count}")
    return refuses, names_all, names_no_others, is_one_line


def _refusal_finding(refusal: Refusal) -> Finding:
    """Find whether the service ended by itself, with exit code 1 and without an exception."""
    way_to_fail = "ended"
    observation = f"exit code {refusal.code}"
    if refusal.code is None:
        way_to_fail = "runs"
        observation = "it still runs"
    if refusal.exception:
        way_to_fail = "raised"

    values = {"code": refusal.code, "reason": refusal.exception}
    return REPORT.found(refusal.is_orderly, f"refuses.{way_to_fail}", observation, **values)


def _names_finding(named_variables: Sequence[str]) -> Finding:
    """Find whether the log names all variables of `WANTED`."""
    missing = [name for name in WANTED if name not in named_variables]
    way_to_fail = _way_of_missing_names(missing)
    observation = f"named: {', '.join(named_variables) or 'none'}"
    return REPORT.found(
        not missing,
        f"names.{way_to_fail}",
        observation,
        names=", ".join(WANTED),
        count=len(WANTED),
        named=len(named_variables),
        wrong=WRONG,
        group=", ".join(GROUP),
    )


def _way_of_missing_names(missing: Sequence[str]) -> str:
    """Return the key of the way to fail: by what the missing names have in common, or by how many are named."""
    if missing == [WRONG]:
        return "wrong"
    if missing == list(GROUP):
        return "group"

    named_count = len(WANTED) - len(missing)
    if named_count == 0:
        return "none"
    return "one" if named_count == 1 else "some"


def second_start_finding(refusal: Refusal) -> Finding:
    """Find whether the log of the second start names its variables, and none of the first start's."""
    passed = refusal.is_orderly and refusal.variables == set(OTHERWISE)
    way_to_fail = "same" if refusal.variables == set(WANTED) else "other"
    observation = str(refusal)
    if refusal.is_orderly:
        observation = f"named: {', '.join(sorted(refusal.variables)) or 'none'}"
    return REPORT.found(passed, f"again.{way_to_fail}", observation, names=", ".join(OTHERWISE), wrong=OTHER_WRONG)


def acceptance_finding(outcome: Refusal | Answer) -> Finding:
    """Find whether the service places an order once it has all of its variables."""
    if isinstance(outcome, Answer):
        return REPORT.equals("accepts.failed", str(outcome))
    return REPORT.failed("accepts.refused", str(outcome))
