"""The check of lesson 04 on an alert rule: promtool reads it, and plays it several quarters of an hour of a service."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.spec import Spec
from workshop_kit.errors import WorkshopError
from workshop_kit.learn.exercise.checks.yaml_fragment import plain_yaml
from workshop_kit.learn.exercise.judging import Context, Judged, check, found
from workshop_kit.learn.exercise.result import Finding, Verdict
from workshop_kit.progress import Step

ALERT = "OrdersFail"
RULES = "/data/alert.yml"
STEP_SECONDS = 5
PHASE_STEPS = 60
PHASE_SECONDS = PHASE_STEPS * STEP_SECONDS
MINUTE_STEPS = 60 // STEP_SECONDS
JUST_OVER = 0.052
LIMIT_BYTES = 64 * 1024
PLAY = """
for n in {numbers}; do
    promtool test rules /data/$n.yml > /tmp/said 2>&1
    echo "$? $(grep -om 1 ', err: .*' /tmp/said)"
done
"""


@dataclass(frozen=True)
class Scene:
    """What a service goes through for five minutes: the share of customers that fails (``only_steps``: then none)."""

    failing: float
    only_steps: int = PHASE_STEPS
    restarted: bool = False
    probes_fail: bool = False


@dataclass(frozen=True)
class Question:
    """Does it fire, so many seconds after the beginning of a play?"""

    play: tuple[Scene, ...]
    at_seconds: int
    fires: bool
    about: str
    means: str
    look: str


def questions(seed: int) -> tuple[Question, ...]:
    """What the rule is asked: 5 % is the limit, and each participant has other shares below and above it."""
    chance = random.Random(f"monitoring.alert {seed}")  # noqa: S311  # no secret
    few, many = chance.choice((0.02, 0.03, 0.035)), chance.choice((0.07, 0.08, 0.1, 0.12))
    well, bad = Scene(0.0), Scene(many)
    moment = Scene(JUST_OVER, only_steps=MINUTE_STEPS)  # over the limit only when all of the minute is in it
    over = 2 * PHASE_SECONDS + 150
    return (
        Question(
            (well, Scene(few)),
            PHASE_SECONDS + 200,
            False,
            f"while {few:.1%} of the customers fail, as they always do",
            "Somebody is called for every single error. By the third night nobody gets up any more.",
            "How many of how many? An alert is about the share that fails.",
        ),
        Question(
            (well, Scene(0.0, probes_fail=True)),
            PHASE_SECONDS + 200,
            False,
            "while probes get a 503, and no customer does",
            "Somebody is called because a probe was told “not ready”. No customer met an error.",
            "Whose requests does the expression count?",
        ),
        Question(
            (Scene(few), well, moment),
            2 * PHASE_SECONDS + (MINUTE_STEPS - 1) * STEP_SECONDS,
            False,
            f"when the last minute has had {JUST_OVER:.1%} for one moment",
            "It calls at the first moment over the limit. Most such moments are over before anybody is awake.",
            "For how long has it to be so? (for:)",
        ),
        Question(
            (well, bad),
            PHASE_SECONDS + 100,
            True,
            f"when {many:.0%} of the customers have failed for 100 s",
            "Customers fail in numbers, and nobody is called.",
            "Over how long does it look, and how long does it wait (for:)?",
        ),
        Question(
            (well, bad, well),
            over,
            False,
            "150 s after that was over",
            "It was over for minutes, and the alert still fires: nobody believes it the next time.",
            "A counter never goes back. What has it gained lately?",
        ),
        Question(
            (bad, Scene(many, restarted=True)),
            PHASE_SECONDS + 100,
            True,
            f"100 s after a restart, when {many:.0%} fail as before",
            "The service was restarted, and the alert forgot what was going on.",
            "rate() knows restarts.",
        ),
    )


@check("monitoring.alert")
def alert(context: Context) -> Judged:
    """Let promtool read the rule, then ask it in plays whether it fires."""
    try:
        rule = rule_in(context.text)
    except WorkshopError as error:
        finding = Finding(False, "Read alert.yml", error.what, f"a rule {ALERT}", error.what, error.next_step)
        return Judged(error.what, (finding,), Verdict.NOT_READABLE)
    asked = questions(context.seed)
    files = {f"/data/{number}.yml": test_of(one) for number, one in enumerate(asked)}
    context.report(Step("Check", None, "promtool plays it a quarter of an hour"))
    with containers.run(context.stack.session, _spec(context, {RULES: context.text, **files})) as promtool:
        if problem := _accepted(promtool):
            return problem
        fired = _fired(promtool, len(asked))
        if isinstance(fired, str):
            return _not_computed(fired)
    findings = (*(_finding(one, did) for one, did in zip(asked, fired, strict=True)), _says(rule))
    if all(finding.passed for finding in findings):
        return Judged(
            "It calls when customers fail, says why, is silent otherwise, and stops when it is over.", findings
        )
    summary = next(finding.means for finding in findings if not finding.passed)
    return Judged(summary, findings, Verdict.LUCKY if len(set(fired)) == 1 and not _counts(rule) else None)


def rule_in(text: str) -> dict[str, Any]:
    """The rule called OrdersFail. Raises WrongUsage or WorkshopError with one sentence."""
    if len(text.encode()) > LIMIT_BYTES:
        raise WorkshopError("alert.yml is longer than 64 KiB.", "Reset the exercise.")
    match plain_yaml(text):
        case {"groups": [{"rules": [{"alert": "OrdersFail", "expr": str() | int() | float(), **more} as rule]}]}:
            return {**more, **rule}
    raise WorkshopError(
        f"alert.yml should hold one group with one rule, alert: {ALERT}, and its expr.",
        "Mend it, or reset the exercise.",
    )


def _counts(rule: dict[str, Any]) -> bool:
    """Whether the expression asks for anything that was measured."""
    return "http_requests_total" in str(rule["expr"])


def test_of(question: Question) -> str:
    """A test for promtool that passes only if the alert does not fire. (JSON is YAML.)"""
    test = {
        "interval": f"{STEP_SECONDS}s",
        "input_series": [{"series": name, "values": values} for name, values in series(question.play).items()],
        "alert_rule_test": [{"eval_time": f"{question.at_seconds}s", "alertname": ALERT, "exp_alerts": []}],
    }
    return json.dumps({"rule_files": [RULES], "evaluation_interval": f"{STEP_SECONDS}s", "tests": [test]})


def series(play: tuple[Scene, ...]) -> dict[str, str]:
    """The counters of a service in a play, as promtool writes series: a number a step, ``_`` where there is none."""
    counts: dict[tuple[str, str], int] = {}
    values: dict[tuple[str, str], list[str]] = {}
    for step in range(len(play) * PHASE_STEPS):
        scene = play[step // PHASE_STEPS]
        if scene.restarted and step % PHASE_STEPS == 0:
            counts = {}
        for labels, more in _requests(scene, step).items():
            if more or labels in counts:
                counts[labels] = counts.get(labels, 0) + more
                values.setdefault(labels, ["_"] * step)
        for labels, so_far in values.items():
            so_far.append(str(counts[labels]) if labels in counts else "_")
    names = 'http_requests_total{{job="service",instance="service:8080",route="{}",status="{}"}}'
    return {names.format(*labels): " ".join(so_far) for labels, so_far in values.items()}


def _requests(scene: Scene, step: int) -> dict[tuple[str, str], int]:
    """How many requests came in five seconds; customers make a thousand, so that shares are whole numbers."""
    failed = round(1000 * scene.failing)
    return {
        ("/orders", "201"): 400 - failed // 2,
        ("/orders", "503"): failed // 2,
        ("/orders/{order_id}", "200"): 550 - (failed - failed // 2),
        ("/orders/{order_id}", "404"): 50,
        ("/orders/{order_id}", "500"): failed - failed // 2,
        ("/livez", "200"): 5,
        ("/readyz", "503"): 400 if scene.probes_fail else 0,
        ("/readyz", "200"): 0 if scene.probes_fail else 5,
        ("/health", "503"): 400 if scene.probes_fail else int(step % PHASE_STEPS == 0),
        ("/metrics", "200"): 2,
    }


def _spec(context: Context, files: dict[str, str]) -> Spec:
    return Spec(
        image=images.tags(context.stack.root)["prometheus"],
        entrypoint=("sleep", "60"),
        network="none",
        volumes=("/data",),
        files=files,
        environment={"GOMAXPROCS": "1"},
        memory_bytes=128 * 1024 * 1024,
    )


def _accepted(promtool: Running) -> Judged | None:
    said = promtool.exec("promtool", "check", "rules", RULES)
    if said.exit_code == 0:
        return None
    reason = said.output.strip().splitlines()[-1].strip()[:300] if said.output.strip() else "no reason given"
    finding = Finding(False, "promtool check rules alert.yml", reason, "SUCCESS", reason, "Look at what it points to.")
    summary = "promtool does not accept the rule, and Prometheus would not, either."
    return Judged(summary, (finding,), output=said.output[-2000:])


def _fired(promtool: Running, count: int) -> list[bool] | str:
    """Whether the alert fired in each test: promtool's exit code is 1 for an alert that was not expected.

    It is 1, too, for a rule that is well written and cannot be computed: then promtool's reason comes instead.
    """
    said = promtool.exec("sh", "-c", PLAY.format(numbers=" ".join(map(str, range(count))))).output.splitlines()
    codes, reasons = zip(*(line.split(" ", 1) for line in said), strict=True)
    return next((reason.removeprefix(", err: ") for reason in reasons if reason), [code != "0" for code in codes])


def _not_computed(reason: str) -> Judged:
    look = "One side of a division has labels that the other one has not: sum() takes them away."
    finding = Finding(False, f"Compute {ALERT} while the service runs", reason[:300], "a number", reason[:300], look)
    return Judged("promtool accepts the rule, and cannot compute it: Prometheus would never fire it.", (finding,))


def _finding(question: Question, fired: bool) -> Finding:
    words = {True: "it fires", False: "it is silent"}
    return found(
        fired == question.fires,
        f"Look at {ALERT} {question.about}",
        words[fired],
        words[question.fires],
        question.means,
        question.look,
    )


def _says(rule: dict[str, Any]) -> Finding:
    severity, summary = _text(rule, "labels", "severity"), _text(rule, "annotations", "summary")
    return found(
        bool(severity) and bool(summary),
        "Read what reaches whoever is called",
        f"severity: {severity or 'none'}; summary: {summary or 'none'}",
        "a label severity, and an annotation summary",
        "Whoever is called at three in the morning reads a name, and has to guess the rest.",
        "labels: { severity: critical }, and annotations: with a summary; {{ $value }} is the number.",
    )


def _text(rule: dict[str, Any], group: str, key: str) -> str:
    """One text of a rule; empty if it is not there."""
    found_there = rule.get(group)
    return str(found_there.get(key) or "") if isinstance(found_there, dict) else ""
