"""The checks of lesson 01 on recorded observations: each mistake gets its own finding, and its first hint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from tests.workshop_kit.engine.recorded_engines import COLIMA, GOOD, ROOTLESS, Recorded
from tests.workshop_kit.exercises import check_runner
from workshop_kit.engine import features
from workshop_kit.engine.features import Feature
from workshop_kit.engine.records import RecordFile
from workshop_kit.engine.spec import MIB
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises import registry, service_trial, start_failure
from workshop_kit.exercises.check_api import Context
from workshop_kit.exercises.checks import container_dockerfile, container_limits
from workshop_kit.exercises.checks.container import Stop, Written, judge_layer, judge_loss, judge_stop
from workshop_kit.exercises.checks.container_limits import LimitObservation
from workshop_kit.exercises.result import Finding, Result, Verdict
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.paths import CHECKOUT

LIMITS = {"memory_bytes": 96 * MIB, "cpus": 0.5, "pids": 40}
SERVICE = "/venv/bin/python3 /venv/bin/uvicorn app:app"

TAKEN, FAILED = Answer(201, 0.1), Answer(500, 0.1)
CUT_OFF, REFUSED = Answer(None, 0.1, error=http.CLOSED), Answer(None, 0.1, error=http.REFUSED)
STOPS = {
    "Process 1 is a shell": Stop("sh start.sh", TAKEN, TAKEN, None, 6.0),
    "one client that never sends the rest": Stop(SERVICE, TAKEN, REFUSED, None, 6.0),
    "ended without an answer": Stop("sh start.sh", CUT_OFF, REFUSED, 0, 0.2),
    "gave up the order": Stop(SERVICE, FAILED, REFUSED, 0, 0.3),
    "does not hear SIGTERM and goes on": Stop("python -c import subprocess", TAKEN, TAKEN, None, 6.0),
}


def test_each_wrong_stop_is_named() -> None:
    """An end in time without an answer to the order is luck; a shell that passes the signal on and waits is right."""
    check_runner.assert_named("container.graceful", [(says, judge_stop(stop).findings) for says, stop in STOPS.items()])
    _, killed = judge_stop(Stop("sh start.sh", CUT_OFF, REFUSED, 143, 0.2)).findings
    assert "SIGTERM ended process 1 itself" in killed.means
    for stop in STOPS.values():
        assert judge_stop(stop).verdict is (Verdict.LUCKY if stop.code == 0 else Verdict.WRONG)
    assert judge_stop(Stop("sh start.sh", TAKEN, REFUSED, 0, 3.3)).verdict is Verdict.PASSED


def files(*rows: tuple[int, str, str, bool]) -> pd.DataFrame:
    """What the layers of an image hold, as `layers.files` lists it."""
    found = [(layer, instruction, path, 10, visible) for layer, instruction, path, visible in rows]
    return pd.DataFrame(found, columns=["layer", "instruction", "path", "size_bytes", "visible"])


PIP = (2, "RUN pip install -r requirements.txt", "venv/site-packages/h11-0.16.0.dist-info/METADATA", True)
BEFORE = ["base", "code", "pip"]


def test_each_fault_of_an_image_is_named() -> None:
    """By process 1, its end, and the layers."""
    cached, leaks, stops = container_dockerfile.cached, container_dockerfile.leaks, container_dockerfile.stops
    with_env = leaks(files(PIP, (3, "COPY . .", "app/.env", True)))
    check_runner.assert_named(
        "container.dockerfile",
        [
            ("docker build: ", [start_failure.build_finding(recorded("typing error"))]),
            ("Which user is process 1?", [container_dockerfile.not_root(0)]),
            ("docker stop", [stops("/bin/sh -c uvicorn app:app", None, 2.0)]),
            ("It does not hear SIGTERM", [stops(SERVICE, None, 2.0)]),
            ("exit code 143", [stops("/venv/bin/python3 mine.py", 143, 2.0)]),
            ("docker build again", [cached(files(PIP), BEFORE, ("base", "new code", "pip again"))]),
            ("docker save", [with_env]),
            ("a newer release", [container_dockerfile.pins("click==8.5.1.post999\nh11==0.16.0")]),
        ],
    )
    assert (with_env.got, "never gets to see" in with_env.look) == (".env came with `COPY . .`", True)
    hidden = leaks(files(PIP, (3, "COPY . .", "app/.git/config", False)))
    assert (hidden.got, "the layer below still holds it" in hidden.look) == (".git came with `COPY . .`", True)
    passing = (
        container_dockerfile.not_root(10001),
        stops(SERVICE, 0, 0.4),
        cached(files(PIP), BEFORE, tuple(BEFORE)),
        leaks(files(PIP, (3, "COPY . .", "app/environment.env", True))),
        container_dockerfile.pins("click==8.5.1\nh11==0.16.0"),
    )
    assert all(finding.passed for finding in passing)


def recorded(name: str) -> str:
    """A recorded output of the builder."""
    return (Path(__file__).parent / "recorded" / f"{name.replace(' ', '_')}.txt").read_text()


PIP_STEP = "RUN pip install -r requirements.txt"


@pytest.mark.parametrize(
    ("name", "called", "says"),
    [
        ("registry", "line 2: FROM python:3.13", "build on workshop/python:3.13"),
        ("typing error", f"line 5: {PIP_STEP.replace('RUN', 'RUNN')}", "RUNN is no instruction of a Dockerfile"),
        ("version that is not there", f"step 3 of 5, line 5: {PIP_STEP}", "ask for that version"),
        ("no such file", "step 2 of 5, line 4: COPY requirments.txt .", "COPY names requirments.txt"),
        ("requirements not copied", f"step 3 of 4, line 4: {PIP_STEP}", "pip finds no requirements.txt in the image"),
        ("user before pip", f"step 4 of 5, line 6: {PIP_STEP}", "The user of this step may not write"),
        ("no FROM", "line 2: WORKDIR /app", "No FROM stands before this instruction"),
        ("empty Dockerfile", "before the first step", "The Dockerfile has no instruction"),
        (
            "no such tool",
            f"step 4 of 5, line 5: {PIP_STEP.replace('RUN', 'RUN sudo')}",
            "The image has no program sudo",
        ),
    ],
)
def test_a_broken_dockerfile_is_named(name: str, called: str, says: str) -> None:
    """From the builder's recorded output: step, line, instruction, its last lines, and what it means."""
    finding = start_failure.build_finding(recorded(name))
    assert finding.called == f"docker build: {called}"
    assert says in finding.means
    assert 0 < len(finding.got.splitlines()) <= start_failure.LAST_LINES


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('ERROR:    Error loading ASGI app. Could not import module "main".', "uvicorn finds no module main"),
        ('ERROR:    Error loading ASGI app. Attribute "service" not found in module "app".', "names has no service"),
        ("INFO:     Uvicorn running on http://0.0.0.0:8000 (Press CTRL+C to quit)", "listens on http://0.0.0.0:8000"),
        ("/bin/sh: 1: [uvicorn,: not found", "CMD is no JSON list"),
        ("INFO:     Uvicorn running on http://0.0.0.0:8080 (Press CTRL+C to quit)", "it ended."),
    ],
)
def test_the_log_of_a_service_that_takes_no_order_names_the_cause(line: str, says: str) -> None:
    """Where the log does not say, the finding stays as it was."""
    seen = Finding(False, "Start it, and GET /orders for up to 6 s", "nobody", "200", "it ended.", "Look for it.")
    ended = Result(Verdict.DID_NOT_START, "It did not start: it ended.", (seen,), line)
    result = service_trial.takes_no_order(ended)
    assert result.findings[0].called == "Start it, and POST /orders for up to 6 s"
    assert says in result.summary


def test_an_account_that_does_not_exist_is_named() -> None:
    """In the participant's words, not in the engine's."""
    refused = WorkshopError("The engine refused to start a container: unable to find user app: no matching entries.")
    summary = service_trial.not_started("Start it", refused, "What?").summary
    assert "USER names app, and the image has no account" in summary


@pytest.mark.parametrize(
    ("service", "limits"),
    [
        ({}, {}),
        ({"mem_limit": "100663296", "cpus": 0.5, "pids_limit": 40}, LIMITS),
        ({"deploy": {"resources": {"limits": {"memory": "100663296", "cpus": 0.5, "pids": 40}}}}, LIMITS),
        ({"pids_limit": -1, "read_only": True, "tmpfs": ["/tmp"]}, {"read_only": True, "tmpfs": {"/tmp": ""}}),
    ],
)
def test_limits_are_read_from_the_output_of_compose(service: dict[str, object], limits: dict[str, object]) -> None:
    """The limits of a deploy count; a single service may have another name."""
    read = container_limits.limits_in({"services": {"shop": service}})
    assert {name: value for name, value in read.items() if value and name != "host"} == limits
    with pytest.raises(WrongUsage, match="no service my-service"):
        container_limits.limits_in({"services": {"one": service, "other": {}}})


MOST = {"memory_mib": 96, "cores": 0.5, "processes": 40}
RIGHT = LimitObservation(killed=True, started=38, busy_cores=0.5, read_only=True)


def limits_findings(tried: LimitObservation = RIGHT, swap_bytes: int = 0, **wanted: float | None) -> Sequence[Finding]:
    """What the check finds with these limits, and with this seen inside."""
    return container_limits.findings_in(tried, MOST, {**LIMITS, "host": {"MemorySwap": swap_bytes}, **wanted})


def test_each_missing_limit_is_named() -> None:
    """None at all, or too much: one finding each, and all others pass."""
    assert all(finding.passed for finding in limits_findings())
    assert all(finding.passed for finding in limits_findings(swap_bytes=96 * MIB))
    eaten, started, writable = replace(RIGHT, killed=False), replace(RIGHT, started=41), replace(RIGHT, read_only=False)
    cases = [
        ("no limit stopped it: other containers", limits_findings(eaten, memory_bytes=None)),
        ("may use 200 MiB", limits_findings(eaten, memory_bytes=200 * MIB)),
        ("it goes on in swap", limits_findings(swap_bytes=200 * MIB)),
        ("without end", limits_findings(swap_bytes=-1)),
        ("processes inside", limits_findings(started, pids=None)),
        ("fork bomb", limits_findings(started, pids=None)),
        ("loops busy", limits_findings(cpus=None)),
        ("may use 2 cores", limits_findings(cpus=2.0)),
        ("root file system", limits_findings(writable)),
    ]
    check_runner.assert_named("container.limits", cases, without=["docker compose config"])
    assert all(sum(not finding.passed for finding in findings) == 1 for _, findings in cases)


ALIVE = Finding(True, "POST /orders, after all that", "201", "201")
IGNORED = replace(RIGHT, killed=False, started=41)


@pytest.mark.parametrize(
    ("engine", "tried", "pids", "verdict"),
    [
        (ROOTLESS, IGNORED, 40, Verdict.CANNOT_JUDGE),
        (ROOTLESS, replace(IGNORED, read_only=False), 40, Verdict.WRONG),
        (ROOTLESS, IGNORED, None, Verdict.WRONG),
        (ROOTLESS, RIGHT, 40, Verdict.PASSED),
        (COLIMA, IGNORED, 40, Verdict.WRONG),
    ],
)
def test_limits_that_the_engine_ignores_cannot_be_judged(
    engine: Recorded, tried: LimitObservation, pids: int | None, verdict: Verdict, tmp_path: Path
) -> None:
    """Right limits without effect are a mistake only where the engine's limits are known to hold."""
    session = engine.session(tmp_path)
    answers = {**GOOD, **engine.answers}
    found = [one.feature(session, answers[one.name]) for one in features.feature_trials()]
    RecordFile(tmp_path / features.FILE, Feature, "feature").write(found)
    stack: Any = SimpleNamespace(session=session, root=CHECKOUT, folder=tmp_path)
    context = Context(registry.find(registry.load(CHECKOUT), "container.limits"), stack, check_runner.SEED)
    wanted: dict[str, Any] = {**LIMITS, "pids": pids, "host": {}}
    tried = replace(tried, without_effect=container_limits._without_effect(context, tried, MOST, wanted))
    result = container_limits.judge(tried, MOST, wanted, ALIVE)
    assert result.verdict is verdict
    judged_here = "on this rootless engine: container.limits cannot be judged here." not in result.summary
    assert judged_here == (verdict is not Verdict.CANNOT_JUDGE)


FILES = pd.DataFrame(
    [
        (0, "COPY base /", "usr/bin/service", 2_000_000, True),
        (1, "COPY stock.dump /srv/import/", "srv/import/stock.dump", 7_000_000, False),
        (2, "RUN import /srv/import/stock.dump", "srv/data/stock.db", 1_000_000, True),
    ],
    columns=["layer", "instruction", "path", "size_bytes", "visible"],
)
COPY = "COPY stock.dump /srv/import/"
WRITTEN = Written({"/srv/stock.csv", "/var/log/orders.log"}, {"/tmp/reports.cache"}, {"/data/invoices.db"})
LOST = [*WRITTEN.layer, *WRITTEN.tmpfs]


def test_each_wrong_answer_about_layers_is_named() -> None:
    """One finding names the mistake, the other passes; numbers may be off by less than a kilobyte."""
    cases = {
        "A container can see what `COPY base /` brought": ("COPY base /", 7_000_000),
        "brought no file": ("RUN rm /srv/import/stock.dump", 7_000_000),
        "all files in all layers": (COPY, 10_000_000),
        "what a container can see": (COPY, 3_000_000),
        "have another size": (COPY, 7_340_032),
    }
    answers = {says: {"instruction": one, "hidden_bytes": size} for says, (one, size) in cases.items()}
    results = {says: judge_layer(FILES, answer).findings for says, answer in answers.items()}
    check_runner.assert_named("container.layer", results.items())
    assert all(sum(not finding.passed for finding in findings) == 1 for findings in results.values())
    assert judge_layer(FILES, {"instruction": COPY, "hidden_bytes": 7_000_400}).verdict is Verdict.PASSED


def test_each_wrong_answer_about_a_removal_is_named() -> None:
    """One finding names the mistake, all others pass."""
    cases = {
        "files in a tmpfs": [*WRITTEN.layer],
        "writable layer is removed": [*WRITTEN.tmpfs],
        "a volume keeps": [*LOST, *WRITTEN.volume],
        "A folder, or a file of the image": [*LOST, "/srv"],
    }
    results = {says: judge_loss(WRITTEN, answer).findings for says, answer in cases.items()}
    check_runner.assert_named("container.loss", results.items())
    assert all(sum(not finding.passed for finding in findings) == 1 for findings in results.values())
    assert judge_loss(WRITTEN, LOST).verdict is Verdict.PASSED


@pytest.mark.parametrize("answer", [None, "x", {"hidden_bytes": "many"}, [None, {}]])
def test_any_answer_gets_a_verdict(answer: Any) -> None:
    """Any value that a cell hands in gets findings; none raises in the check."""
    for result in (judge_layer(FILES, answer), judge_loss(WRITTEN, answer)):
        assert result.verdict is Verdict.WRONG
        assert all(finding.expected for finding in result.findings)
