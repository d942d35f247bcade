"""Run an audit: find the targets, apply the rules, collect the findings."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from docker.errors import APIError

from container_audit import catalog
from container_audit.build_steps import steps_of_finding
from container_audit.findings import (
    SENTENCE_LENGTH,
    AuditReport,
    Evidence,
    Judgment,
    Method,
    Rule,
    RuleFinding,
    RuleVerdict,
    TargetReport,
    cannot_tell,
    not_applicable,
    unexpected_sentence,
)
from container_audit.subject import Subject
from container_audit.targets import resolve
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.masking import Mask
from workshop_kit.reporting import Report, Step, silent

NOTHING_RUN = "looked at, nothing was run"
CLONED = "a clone was run, on a network that leads nowhere"
NO_CONTAINER = not_applicable("That is decided when a container of it is started.")


def run_audit(
    session: Session,
    word: str,
    *,
    only: Iterable[str] = (),
    progress: Report = silent,
) -> AuditReport:
    """Audit an image, a container, or ``compose:PROJECT``.

    ``only`` selects rules (see `catalog.select_rules`).
    Raises WrongUsage for unknown words; an error in a rule becomes a finding with the verdict "cannot be told".
    """
    rules = catalog.select_rules(only)
    targets = resolve(session.engine, word)
    reports = [_audit_target(Subject(session, target), rules, progress) for target in targets]
    return AuditReport(word, tuple(reports))


def _audit_target(subject: Subject, rules: Sequence[Rule], progress: Report) -> TargetReport:
    """Apply the rules to a target, and report each step.

    Dynamic rules wait for clones, so they run in threads meanwhile.
    """
    started = time.monotonic()
    target = subject.target
    mask_name = Mask()
    task = f"Audit of {mask_name(target.name, 60)}"
    dynamic_rules = [rule for rule in rules if rule.method is Method.DYNAMIC]
    findings = []

    with ThreadPoolExecutor(max(len(dynamic_rules), 1)) as pool:
        try:
            futures_by_rule = {rule.id: pool.submit(judge, subject, rule) for rule in dynamic_rules}
            for number, rule in enumerate(rules):
                progress(Step(task, number / len(rules), rule.title))
                future = futures_by_rule.get(rule.id)
                finding = future.result() if future else judge(subject, rule)
                findings.append(_mask_finding(_add_build_steps(finding, subject), subject.mask))
        finally:
            subject.close()  # before the pool joins its threads: after an interrupt none starts a clone

    progress(Step(task, 1.0, f"{len(rules)} rules", done=True))
    return TargetReport(
        target=mask_name(target.name),
        kind=target.kind,
        image_id=str(target.image["Id"]),
        how=CLONED if dynamic_rules else NOTHING_RUN,
        findings=tuple(findings),
        seconds=time.monotonic() - started,
    )


def judge(subject: Subject, rule: Rule) -> RuleFinding:
    """Apply a rule and return its finding, which is not masked yet.

    The verdict is "cannot be told" after any error, and after a judgment by the clock alone if this machine was too
    busy.
    """
    started = time.monotonic()
    is_unexpected = False
    try:
        judgment = _apply(rule, subject)
    except WorkshopError as error:
        evidence = [Evidence("last lines", error.output)] if error.output else []
        judgment = cannot_tell(str(error), *evidence)
    except (APIError, OSError) as error:
        judgment = cannot_tell(f"The engine refused a request: {error}.")
    except Exception as error:
        judgment = cannot_tell(unexpected_sentence(error))
        is_unexpected = True

    if judgment.by_time:
        excuse = subject.excuse()
        if excuse:
            judgment = cannot_tell(f"{judgment.sentence} {excuse}", *judgment.evidence)

    seconds = time.monotonic() - started
    return RuleFinding(
        rule,
        judgment.verdict,
        judgment.sentence,
        judgment.evidence,
        seconds,
        own_next_step=judgment.next_step,
        is_unexpected=is_unexpected,
    )


def _apply(rule: Rule, subject: Subject) -> Judgment:
    """Return the judgment of a rule on a target; a rule of containers does not apply to an image."""
    if rule.of_containers and not subject.target.container:
        return NO_CONTAINER
    return function_of(rule)(subject)


def _add_build_steps(finding: RuleFinding, subject: Subject) -> RuleFinding:
    """Return a failed finding with the steps of the build that it comes from as evidence."""
    if finding.verdict is not RuleVerdict.FAILS:
        return finding

    with contextlib.suppress(APIError, OSError):
        steps = steps_of_finding(subject.read_steps(), finding, subject.target)
        return replace(finding, evidence=(*finding.evidence, *(step.evidence for step in steps)))
    return finding


def _mask_finding(finding: RuleFinding, mask: Mask) -> RuleFinding:
    """Return the finding without the secrets that the audit has seen so far."""
    sentence = mask(finding.sentence, SENTENCE_LENGTH)
    evidence = tuple(Evidence(mask(item.action), mask(item.observation)) for item in finding.evidence)
    return replace(finding, sentence=sentence, evidence=evidence)


def function_of(rule: Rule) -> Callable[[Subject], Judgment]:
    """Return the function that judges by a rule: for ``config.fails-fast`` it is `rules.config.fails_fast`."""
    guideline, _, name = rule.id.partition(".")
    module = importlib.import_module(f"container_audit.rules.{guideline}")
    function: Callable[[Subject], Judgment] = getattr(module, name.replace("-", "_"))
    return function
