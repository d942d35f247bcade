"""The check of monitoring.ratio: promtool reads the alert's rule, and tests it on minutes of made-up traffic."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from workshop_kit.engine import monitoring
from workshop_kit.engine.containers import Running
from workshop_kit.trials.check_api import Context, check
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.yaml_problem import yaml_finding

FINDINGS = findings("monitoring.ratio")
ALERT = "OrdersFail"
FILE = "alerts.yml"
PARENTS = dict.fromkeys(("expr", "for", "keep_firing_for", "labels", "annotations"), frozenset({"rules"}))
"""The keys of a rule, each with the keys under which it may stand."""
JOB = "my-service"
OTHER_JOB = "service"
PHASE_SECONDS = 60
WINDOW_SECONDS = 10
FIRES_SECONDS = 20
ENDS_SECONDS = 20
FEW = 0.03
NEARLY = 0.049
JUST_OVER = 0.052
MANY = 0.08
BURST = 0.09
"""Shares of the customers who fail; the limit is 5 %."""
CUSTOMERS = 1000
"""How many customers come in a second; with so many, shares of them are whole numbers."""
POSTS = 0.4
MISTYPED = 0.08
MANY_MISTYPED = 0.3
"""Shares of the customers who place an order, and who ask for one that does not exist."""
CROWD = 3
"""How many times as many customers come on a busy day."""
NIGHT = 0.1
"""The share of the customers that come at night."""
BURST_SECONDS = 5
LATE_SECONDS = 290
OF_A_SERIES = {"method", "route", "status", "instance"}
"""Labels that an alert on the share of all customers does not have."""
PLAY = f"""
for n in {{names}}; do
    promtool test rules {monitoring.PROMTOOL_FOLDER}/$n.yml > /tmp/said 2>&1
    printf '%s\\t%s\\t%s\\n' "$?" "$(grep -om 1 ', err: .*' /tmp/said)" "$(grep -om 1 'Labels:{{{{.*' /tmp/said)"
done
"""
MOST_OUTPUT = 2000
MOST_REASON = 300
LABEL = re.compile(r"(\w+)=")


@dataclass(frozen=True)
class Scene:
    """Some seconds of traffic at both services.

    ``failing`` is the share of the customers who get a 5xx, ``of_posts`` the share of these failures that are orders
    being placed, ``mistyped`` the share of the customers who get a 404. ``customers`` is a multiple of `CUSTOMERS`.
    ``probes_fail``: the probes of this service get a 503. ``other_fails``: all customers of the other service do.
    """

    failing: float = 0.0
    probes_fail: bool = False
    other_fails: bool = False
    customers: float = 1.0
    of_posts: float = 0.5
    mistyped: float = MISTYPED
    seconds: int = PHASE_SECONDS


@dataclass(frozen=True)
class AlertCase:
    """Whether the alert should fire ``at_seconds`` after the beginning of a play, which is a series of scenes.

    ``needs`` are the cases that have to be right before this one shows anything. ``key`` is the key of its finding; ""
    stands for the name of the case.
    """

    play: tuple[Scene, ...]
    at_seconds: int = PHASE_SECONDS + 40
    fires: bool = False
    needs: tuple[str, ...] = ()
    key: str = ""


WELL = Scene()
BAD = Scene(MANY)
ALL_WELL = "mistyped"
FEW_OF_ALL = ("few", "reads", "orders")
SHARE = (*FEW_OF_ALL, "apart", "all")
CASES = {
    ALL_WELL: AlertCase((WELL, WELL)),
    "few": AlertCase((WELL, Scene(FEW))),
    "crowd": AlertCase((WELL, Scene(FEW, customers=CROWD)), needs=("few",)),
    "probes": AlertCase((WELL, Scene(probes_fail=True))),
    "other": AlertCase((WELL, Scene(other_fails=True))),
    "many": AlertCase((WELL, BAD), PHASE_SECONDS + FIRES_SECONDS, fires=True),
    "reads": AlertCase(
        (WELL, Scene(MANY, of_posts=0.0)), PHASE_SECONDS + FIRES_SECONDS, fires=True, needs=("many",), key="part"
    ),
    "orders": AlertCase(
        (WELL, Scene(MANY, of_posts=1.0)), PHASE_SECONDS + FIRES_SECONDS, fires=True, needs=("many",), key="part"
    ),
    "apart": AlertCase((WELL, Scene(FEW, of_posts=1.0)), needs=FEW_OF_ALL),
    "all": AlertCase((WELL, Scene(NEARLY, mistyped=MANY_MISTYPED)), needs=(*FEW_OF_ALL, "apart")),
    "window": AlertCase(
        (Scene(0.002), Scene(BURST, seconds=BURST_SECONDS), WELL), PHASE_SECONDS + BURST_SECONDS - 1, needs=SHARE
    ),
    # Over the limit for a second, with all of the window in it.
    "moment": AlertCase(
        (Scene(FEW), WELL, Scene(JUST_OVER)), 2 * PHASE_SECONDS + WINDOW_SECONDS - 1, needs=(*SHARE, "window")
    ),
    "night": AlertCase(
        (WELL, Scene(MANY, customers=NIGHT)), PHASE_SECONDS + FIRES_SECONDS, fires=True, needs=("many", "other")
    ),
    "ends": AlertCase((WELL, BAD, WELL), 2 * PHASE_SECONDS + ENDS_SECONDS, needs=("many",)),
}
"""The cases by name, in the order of their findings."""
LATE = "late"
LATE_CASE = AlertCase((WELL, Scene(MANY, seconds=LATE_SECONDS)), PHASE_SECONDS + LATE_SECONDS, fires=True)
"""A case without a finding: it tells an alert that fires late from one that never fires."""
PLAYS = {**CASES, LATE: LATE_CASE}
NUMBERS = {
    "alert": ALERT,
    "job": JOB,
    "other_job": OTHER_JOB,
    "few": FEW,
    "nearly": NEARLY,
    "just_over": JUST_OVER,
    "many": MANY,
    "burst": BURST,
    "burst_seconds": BURST_SECONDS,
    "mistyped": MANY_MISTYPED,
    "crowd": CROWD,
    "night": NIGHT,
    "window": WINDOW_SECONDS,
    "fires": FIRES_SECONDS,
    "ends": ENDS_SECONDS,
}
"""The values for the texts of the findings."""


@check("monitoring.ratio")
def ratio(context: Context) -> Result:
    """Let promtool check the file, then test for each case whether the alert fires."""
    text = (context.folder / FILE).read_text()
    files = {f"{name}.yml": promtool_test(case) for name, case in PLAYS.items()}
    context.report_step("promtool plays it several minutes")
    with monitoring.promtool(context.stack, {FILE: text, **files}) as running:
        answer = running.exec("promtool", "check", "rules", f"{monitoring.PROMTOOL_FOLDER}/{FILE}")
        if answer.exit_code:
            return conclude("", [_refusal_finding(text, answer.output)], answer.output[-MOST_OUTPUT:])
        return conclude(FINDINGS.success_summary, _run_plays(running))


def _refusal_finding(text: str, output: str) -> Finding:
    """Return the finding on a file that promtool refuses: on a mistake in its YAML, or else promtool's reason."""
    sentence = monitoring.promtool_sentence(output, FILE)
    finding = yaml_finding(FILE, text, sentence, PARENTS)
    if finding is None:
        finding = FINDINGS.failed("loads", sentence, file=FILE, why=sentence)
    return finding


def _run_plays(running: Running) -> list[Finding]:
    """Let promtool run all tests; return the findings on the cases, or the one that it cannot compute the rule."""
    lines = running.read("sh", "-c", PLAY.format(names=" ".join(PLAYS))).splitlines()
    fired: dict[str, set[str]] = {}
    for name, line in zip(PLAYS, lines, strict=True):
        code, reason, labels = line.split("\t")  # the exit code is 1 with a reason, and if the alert fired
        if reason:
            return [FINDINGS.failed("computes", reason.removeprefix(", err: ")[:MOST_REASON], **NUMBERS)]
        if code != "0":
            fired[name] = set(LABEL.findall(labels))
    return play_findings(fired)


def play_findings(fired: Mapping[str, Collection[str]]) -> list[Finding]:
    """Return the findings on the cases, without those that show nothing.

    ``fired`` has the names of the alert's labels, by the name of each case in which it fired. An alert that fires while
    all is well fires always, so nothing else is judged then. Two cases may share a finding, which fails if one does.
    """
    finding_by_key: dict[str, Finding] = {}
    for name, case in CASES.items():
        if not all(_is_right(needed_name, fired) for needed_name in case.needs):
            continue

        finding = _case_finding(name, fired)
        if finding.key not in finding_by_key or not finding.passed:
            finding_by_key[finding.key] = finding
        if name == ALL_WELL and name in fired:
            break
    return [*finding_by_key.values()]


def _case_finding(name: str, fired: Mapping[str, Collection[str]]) -> Finding:
    """Find whether the alert fired in a case where it should, or was silent where it should be."""
    observation = "it fires" if name in fired else "it is silent"
    return FINDINGS.found(_is_right(name, fired), _finding_key(name, fired), observation, **NUMBERS)


def _is_right(name: str, fired: Mapping[str, Collection[str]]) -> bool:
    """Return whether the alert fired in a case, or was silent, as it should."""
    has_fired = name in fired
    return has_fired == CASES[name].fires


def _finding_key(name: str, fired: Mapping[str, Collection[str]]) -> str:
    """Return the key of the finding on a case; for a failure, with the cause that other cases show."""
    if name == "many":
        return "many.late" if LATE in fired else "many.silent"

    if name == "few" and "ends" not in fired and OF_A_SERIES.intersection(fired.get(name, ())):
        return "apart"  # the alert has a series' labels: each series is compared for itself
    return CASES[name].key or name


def promtool_test(case: AlertCase) -> str:
    """Return a test file for promtool, as JSON, which is YAML, too. The test passes if the alert does not fire."""
    test = {
        "interval": "1s",
        "input_series": [{"series": name, "values": values} for name, values in series(case.play).items()],
        "alert_rule_test": [{"eval_time": f"{case.at_seconds}s", "alertname": ALERT, "exp_alerts": []}],
    }
    files = [f"{monitoring.PROMTOOL_FOLDER}/{FILE}"]
    return json.dumps({"rule_files": files, "evaluation_interval": "1s", "tests": [test]})


Labels = tuple[str, str, str, str]
"""The job, the method, the route and the status of a series."""
SERIES = 'http_requests_total{{job="{0}",instance="{0}:8080",method="{1}",route="{2}",status="{3}"}}'


def series(play: tuple[Scene, ...]) -> dict[str, str]:
    """Return the values of each counter during a play, by its series, in promtool's notation.

    There is one value for each second, and ``_`` while the counter does not exist.
    """
    values_by_labels: dict[Labels, list[str]] = {}
    counts: Counter[Labels] = Counter()
    for scene in play:
        requests = _requests_per_second(scene)
        for _ in range(scene.seconds):
            for labels, count in requests.items():
                counts[labels] += count
                value = str(counts[labels]) if counts[labels] else "_"
                values_by_labels.setdefault(labels, []).append(value)

    return {SERIES.format(*labels): " ".join(values) for labels, values in values_by_labels.items() if counts[labels]}


def _requests_per_second(scene: Scene) -> dict[Labels, int]:
    """Return the number of requests in each second of a scene, by labels."""
    customers = round(CUSTOMERS * scene.customers)
    failed = round(customers * scene.failing)
    failed_posts = round(failed * scene.of_posts)
    failed_gets = failed - failed_posts
    posts = round(customers * POSTS)
    mistyped = round(customers * scene.mistyped)

    good_probes = 5
    failed_probes = 0
    if scene.probes_fail:
        good_probes = 0
        failed_probes = 400

    other_placed = 100
    other_failed = 0
    if scene.other_fails:
        other_placed = 0
        other_failed = 100

    return {
        (JOB, "POST", "/orders", "201"): posts - failed_posts,
        (JOB, "POST", "/orders", "503"): failed_posts,
        (JOB, "GET", "/orders/{order_id}", "200"): customers - posts - mistyped - failed_gets,
        (JOB, "GET", "/orders/{order_id}", "404"): mistyped,
        (JOB, "GET", "/orders/{order_id}", "500"): failed_gets,
        (JOB, "GET", "/livez", "200"): 5,
        (JOB, "GET", "/readyz", "200"): good_probes,
        (JOB, "GET", "/readyz", "503"): failed_probes,
        (JOB, "GET", "/health", "503"): failed_probes,
        (OTHER_JOB, "POST", "/orders", "201"): other_placed,
        (OTHER_JOB, "POST", "/orders", "503"): other_failed,
    }
