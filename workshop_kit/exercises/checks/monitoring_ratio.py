"""The check of monitoring.ratio: promtool reads the alert's rule, and tests it on simulated minutes of traffic."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from workshop_kit.engine import monitoring
from workshop_kit.engine.containers import Running
from workshop_kit.exercises.check_api import Context, check
from workshop_kit.exercises.result import Finding, Result, conclude, equals

ALERT, FILE = "OrdersFail", "alerts.yml"
JOB, OTHER_JOB = "my-service", "service"
PHASE_SECONDS = 60
WINDOW_SECONDS = 10
FIRES_SECONDS, ENDS_SECONDS = 20, 20
FEW, JUST_OVER, MANY = 0.03, 0.052, 0.08
"""Shares of the customers who fail; the limit is 5 %."""
PLAY = f"""
for n in {{numbers}}; do
    promtool test rules {monitoring.PROMTOOL_FOLDER}/$n.yml > /tmp/said 2>&1
    echo "$? $(grep -om 1 ', err: .*' /tmp/said)"
done
"""


@dataclass(frozen=True)
class Scene:
    """A minute of both services; ``failing`` is the share of customers who meet a 5xx."""

    failing: float = 0.0
    probes_fail: bool = False
    other_fails: bool = False


@dataclass(frozen=True)
class AlertCase:
    """Whether the alert should fire so many seconds after the beginning of a play, and what it means if not."""

    play: tuple[Scene, ...]
    about: str
    means: str
    look: str
    at_seconds: int = PHASE_SECONDS + 40
    fires: bool = False


WELL, BAD = Scene(), Scene(MANY)
CASES = (
    AlertCase(
        (WELL, WELL),
        "while customers ask for orders that do not exist",
        "It calls because customers mistype: a 404 is no failure of the service.",
        'status=~"5.." has the failures of the service, and no others.',
    ),
    AlertCase(
        (WELL, Scene(FEW)),
        f"while {FEW:.0%} of the customers fail, as they always do",
        "It calls for a single error. By the third night the person on call ignores it.",
        "How many of how many? An alert is about the share that fails.",
    ),
    AlertCase(
        (WELL, Scene(probes_fail=True)),
        "while probes get a 503, and no customer does",
        "It calls because a probe was told “not ready”. No customer met an error.",
        "Whose requests does the expression count?",
    ),
    AlertCase(
        (WELL, Scene(other_fails=True)),
        f'while every request to the other service, job="{OTHER_JOB}", fails',
        "It calls because the other service fails; yours is well.",
        f'Which label says whose a series is? On both sides job="{JOB}".',
    ),
    AlertCase(
        (Scene(FEW), WELL, Scene(JUST_OVER)),
        f"when the last {WINDOW_SECONDS} s have had {JUST_OVER:.1%} for one second",
        "It calls at the first moment over the limit. Most such moments are over before a person is awake.",
        "For how long has it to be so? (for:)",
        2 * PHASE_SECONDS + WINDOW_SECONDS - 1,  # over the limit for a second, with all of the window in it
    ),
    AlertCase(
        (WELL, BAD),
        f"when {MANY:.0%} of the customers have failed for {FIRES_SECONDS} s",
        "Customers fail in numbers, and nobody is called.",
        "Over how long does it look, what does it compare with, and how long does it wait (for:)?",
        PHASE_SECONDS + FIRES_SECONDS,
        fires=True,
    ),
    AlertCase(
        (WELL, BAD, WELL),
        f"{ENDS_SECONDS} s after that was over",
        "For a while it was over, and the alert still fires: the next time it is not believed.",
        "A counter never goes back. What has it gained lately?",
        2 * PHASE_SECONDS + ENDS_SECONDS,
    ),
)


@check("monitoring.ratio")
def ratio(context: Context) -> Result:
    """Let promtool check the file, then test in plays whether the alert fires."""
    text = (context.folder / FILE).read_text()
    files = {f"{number}.yml": promtool_test(one) for number, one in enumerate(CASES)}
    context.report_step("promtool plays it several minutes")
    with monitoring.promtool(context.stack, {FILE: text, **files}) as running:
        said = running.exec("promtool", "check", "rules", f"{monitoring.PROMTOOL_FOLDER}/{FILE}")
        if said.exit_code:
            why = f"Prometheus would not load this: {monitoring.promtool_sentence(said.output, FILE)}"
            look = "Read that line and the one before it: quotes, brackets, indentation."
            finding = Finding(False, f"promtool check rules {FILE}", why, "SUCCESS", why, look)
            return conclude("", [finding], said.output[-2000:])
        return conclude("It calls when customers fail, and is silent otherwise.", _plays(running))


def _plays(running: Running) -> list[Finding]:
    """Find whether the alert fired in each play where it should; or that promtool cannot compute the rule."""
    said = running.read("sh", "-c", PLAY.format(numbers=" ".join(map(str, range(len(CASES)))))).splitlines()
    codes, reasons = zip(*(line.split(" ", 1) for line in said), strict=True)  # the code is 1 for both failures
    if reason := next(filter(None, reasons), "").removeprefix(", err: ")[:300]:
        means = "promtool accepts the rule, and cannot compute it: Prometheus would never fire it."
        look = "One side of a division has labels that the other one has not: sum() takes them away."
        return [Finding(False, f"Compute {ALERT} while the service runs", reason, "a number", means, look)]
    words = {True: "it fires", False: "it is silent"}
    return [
        equals(f"Look at {ALERT} {one.about}", words[code != "0"], words[one.fires], one.means, one.look)
        for one, code in zip(CASES, codes, strict=True)
    ]


def promtool_test(question: AlertCase) -> str:
    """Return a test for promtool that passes only if the alert does not fire. (JSON is YAML.)"""
    test = {
        "interval": "1s",
        "input_series": [{"series": name, "values": values} for name, values in series(question.play).items()],
        "alert_rule_test": [{"eval_time": f"{question.at_seconds}s", "alertname": ALERT, "exp_alerts": []}],
    }
    files = [f"{monitoring.PROMTOOL_FOLDER}/{FILE}"]
    return json.dumps({"rule_files": files, "evaluation_interval": "1s", "tests": [test]})


Labels = tuple[str, str, str, str]


def series(play: tuple[Scene, ...]) -> dict[str, str]:
    """Return the counters of both services in a play, in promtool's notation: a number a second, ``_`` for none."""
    values: dict[Labels, list[str]] = {}
    counts: Counter[Labels] = Counter()
    for second in range(len(play) * PHASE_SECONDS):
        for labels, more in _requests(play[second // PHASE_SECONDS]).items():
            counts[labels] += more
            values.setdefault(labels, []).append(str(counts[labels]) if counts[labels] else "_")
    names = 'http_requests_total{{job="{0}",instance="{0}:8080",method="{1}",route="{2}",status="{3}"}}'
    return {names.format(*labels): " ".join(so_far) for labels, so_far in values.items() if counts[labels]}


def _requests(scene: Scene) -> dict[Labels, int]:
    """Return the requests in a second of a scene; customers make a thousand, so that shares are whole numbers."""
    failed = round(1000 * scene.failing)
    ready, refused = (0, 400) if scene.probes_fail else (5, 0)
    fine, broken = (0, 100) if scene.other_fails else (100, 0)
    return {
        (JOB, "POST", "/orders", "201"): 400 - failed // 2,
        (JOB, "POST", "/orders", "503"): failed // 2,
        (JOB, "GET", "/orders/{order_id}", "200"): 520 - (failed - failed // 2),
        (JOB, "GET", "/orders/{order_id}", "404"): 80,
        (JOB, "GET", "/orders/{order_id}", "500"): failed - failed // 2,
        (JOB, "GET", "/livez", "200"): 5,
        (JOB, "GET", "/readyz", "200"): ready,
        (JOB, "GET", "/readyz", "503"): refused,
        (JOB, "GET", "/health", "503"): refused,
        (OTHER_JOB, "POST", "/orders", "201"): fine,
        (OTHER_JOB, "POST", "/orders", "503"): broken,
    }
