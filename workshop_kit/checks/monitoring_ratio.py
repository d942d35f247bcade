"""The check of monitoring.ratio: promtool reads the alert's rule, and tests it on simulated minutes of traffic."""

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

SAYS = findings("monitoring.ratio")
ALERT = "OrdersFail"
FILE = "alerts.yml"
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
"""A second, so that shares are whole numbers."""
POSTS = 0.4
MISTYPED = 0.08
MANY_MISTYPED = 0.3
"""Shares of the customers who place an order, and who ask for one that does not exist."""
CROWD = 3
"""How many times as many customers come on a busy day."""
NIGHT = 0.1
"""And which part of them at night."""
BURST_SECONDS = 5
LATE_SECONDS = 290
OF_A_SERIES = {"method", "route", "status", "instance"}
"""Labels that an alert on all customers has not."""
PLAY = f"""
for n in {{names}}; do
    promtool test rules {monitoring.PROMTOOL_FOLDER}/$n.yml > /tmp/said 2>&1
    printf '%s\\t%s\\t%s\\n' "$?" "$(grep -om 1 ', err: .*' /tmp/said)" "$(grep -om 1 'Labels:{{{{.*' /tmp/said)"
done
"""
MOST_OUTPUT = 2000
MOST_REASON = 300
RULE = re.compile(r"^ *- +(?=(?:alert|record):)")
KEY = re.compile(r"^ *(?:expr|for|keep_firing_for|labels|annotations):")
LABEL = re.compile(r"(\w+)=")


@dataclass(frozen=True)
class Scene:
    """Some time of both services; ``failing`` is the share of customers who meet a 5xx.

    ``customers`` come, as a multiple of `CUSTOMERS`. ``of_posts`` is the part of the failures that are placed orders.
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
    """Whether the alert should fire so many seconds after the beginning of a play.

    ``needs`` are the cases that have to be right before this one shows anything. ``key`` is that of its finding, if it
    is not the name of the case.
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
"""The plays, by name, in the order of their findings."""
LATE = "late"
LATE_CASE = AlertCase((WELL, Scene(MANY, seconds=LATE_SECONDS)), PHASE_SECONDS + LATE_SECONDS, fires=True)
"""It has no finding: it tells an alert that comes late from one that never comes."""
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
"""The values of the texts."""


@check("monitoring.ratio")
def ratio(context: Context) -> Result:
    """Let promtool check the file, then test in plays whether the alert fires."""
    text = (context.folder / FILE).read_text()
    files = {f"{name}.yml": promtool_test(case) for name, case in PLAYS.items()}
    context.report_step("promtool plays it several minutes")
    with monitoring.promtool(context.stack, {FILE: text, **files}) as running:
        answer = running.exec("promtool", "check", "rules", f"{monitoring.PROMTOOL_FOLDER}/{FILE}")
        if answer.exit_code:
            return conclude("", [_refusal(text, answer.output)], answer.output[-MOST_OUTPUT:])
        return conclude(SAYS.shown, _plays(running))


def _refusal(text: str, output: str) -> Finding:
    """Return the finding on a file that promtool refuses; a line in the wrong column is named first."""
    sentence = monitoring.promtool_sentence(output, FILE)
    line = misplaced_line(text)
    way = "indentation" if line else "refused"
    return SAYS.failed(f"loads.{way}", sentence, file=FILE, line=line, why=sentence)


def misplaced_line(text: str) -> int | None:
    """Return the number of the first line of a rule that begins in the wrong column; None if there is none.

    The keys of a rule stand below each other, and a text that goes on stands further to the right.
    """
    column = None
    for number, line in enumerate(text.split("\n"), 1):
        words = line.lstrip()
        if not words or words.startswith("#"):
            continue

        indent = line[: len(line) - len(words)]
        if "\t" in indent:
            return number

        rule = RULE.match(line)
        if words.startswith("- "):
            column = len(rule[0]) if rule else None
        elif column is not None and not _is_in_place(line, len(indent), column):
            return number
    return None


def _is_in_place(line: str, indent: int, column: int) -> bool:
    """Return whether a line of a rule whose keys stand in ``column`` begins where it may."""
    return indent == column if KEY.match(line) else indent > column


def _plays(running: Running) -> list[Finding]:
    """Find whether the alert fired in each play where it should; or that promtool cannot compute the rule."""
    lines = running.read("sh", "-c", PLAY.format(names=" ".join(PLAYS))).splitlines()
    fired: dict[str, set[str]] = {}
    for name, line in zip(PLAYS, lines, strict=True):
        code, reason, labels = line.split("\t")  # the code is 1 for both failures
        if reason:
            return [SAYS.failed("computes", reason.removeprefix(", err: ")[:MOST_REASON], **NUMBERS)]
        if code != "0":
            fired[name] = set(LABEL.findall(labels))
    return play_findings(fired)


def play_findings(fired: Mapping[str, Collection[str]]) -> list[Finding]:
    """Return the findings on the plays, without those that show nothing.

    ``fired`` has the names of the alert's labels for each play in which it fired. An alert that fires while all is well
    fires in every play.
    """
    finding_by_key: dict[str, Finding] = {}
    for name, case in CASES.items():
        if not all(_is_right(needed_name, fired) for needed_name in case.needs):
            continue

        got = "it fires" if name in fired else "it is silent"
        finding = SAYS.found(_is_right(name, fired), _key(name, fired), got, **NUMBERS)
        if finding.key not in finding_by_key or not finding.passed:
            finding_by_key[finding.key] = finding
        if name == ALL_WELL and name in fired:
            break
    return [*finding_by_key.values()]


def _is_right(name: str, fired: Mapping[str, Collection[str]]) -> bool:
    return (name in fired) == CASES[name].fires


def _key(name: str, fired: Mapping[str, Collection[str]]) -> str:
    """Return the key of the finding on a play: a failure has the cause that the other plays show."""
    if name == "many":
        return "many.late" if LATE in fired else "many.silent"

    is_of_a_series = bool(OF_A_SERIES & set(fired.get(name, ())))
    if name == "few" and is_of_a_series and "ends" not in fired:
        return "apart"
    return CASES[name].key or name


def promtool_test(case: AlertCase) -> str:
    """Return a test for promtool that passes only if the alert does not fire. (JSON is YAML.)"""
    test = {
        "interval": "1s",
        "input_series": [{"series": name, "values": values} for name, values in series(case.play).items()],
        "alert_rule_test": [{"eval_time": f"{case.at_seconds}s", "alertname": ALERT, "exp_alerts": []}],
    }
    files = [f"{monitoring.PROMTOOL_FOLDER}/{FILE}"]
    return json.dumps({"rule_files": files, "evaluation_interval": "1s", "tests": [test]})


Labels = tuple[str, str, str, str]


def series(play: tuple[Scene, ...]) -> dict[str, str]:
    """Return the counters of both services in a play, in promtool's notation: a number a second, ``_`` for none."""
    values: dict[Labels, list[str]] = {}
    counts: Counter[Labels] = Counter()
    for scene in play:
        requests = _requests(scene)
        for _ in range(scene.seconds):
            for labels, count in requests.items():
                counts[labels] += count
                value = str(counts[labels]) if counts[labels] else "_"
                values.setdefault(labels, []).append(value)

    template = 'http_requests_total{{job="{0}",instance="{0}:8080",method="{1}",route="{2}",status="{3}"}}'
    return {template.format(*labels): " ".join(texts) for labels, texts in values.items() if counts[labels]}


def _requests(scene: Scene) -> dict[Labels, int]:
    """Return the requests in a second of a scene."""
    customers = round(CUSTOMERS * scene.customers)
    failed = round(customers * scene.failing)
    failed_posts = round(failed * scene.of_posts)
    failed_gets = failed - failed_posts
    posts = round(customers * POSTS)
    mistyped = round(customers * scene.mistyped)

    ready, refused = (0, 400) if scene.probes_fail else (5, 0)
    fine, broken = (0, 100) if scene.other_fails else (100, 0)

    return {
        (JOB, "POST", "/orders", "201"): posts - failed_posts,
        (JOB, "POST", "/orders", "503"): failed_posts,
        (JOB, "GET", "/orders/{order_id}", "200"): customers - posts - mistyped - failed_gets,
        (JOB, "GET", "/orders/{order_id}", "404"): mistyped,
        (JOB, "GET", "/orders/{order_id}", "500"): failed_gets,
        (JOB, "GET", "/livez", "200"): 5,
        (JOB, "GET", "/readyz", "200"): ready,
        (JOB, "GET", "/readyz", "503"): refused,
        (JOB, "GET", "/health", "503"): refused,
        (OTHER_JOB, "POST", "/orders", "201"): fine,
        (OTHER_JOB, "POST", "/orders", "503"): broken,
    }
