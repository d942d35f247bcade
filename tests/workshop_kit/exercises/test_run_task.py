"""The participant's run_task: called in a process with a reader's credentials, judged by what appears."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.checks import check_of
from workshop_kit.engine import parameter_store
from workshop_kit.engine.stack import Stack
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import task_process
from workshop_kit.trials.check_context import Context
from workshop_kit.trials.result import Result, Verdict
from workshop_kit.workspace import exercise_list

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

ALL_AT_ONCE = """
import os, boto3
def run_task(definition, client):
    names = {secret["valueFrom"]: secret["name"] for secret in definition["secrets"]}
    ssm = boto3.session.Session().client("ssm")
    answer = ssm.get_parameters(Names=list(names), WithDecryption=True)
    variables = {names[one["Name"]]: one["Value"] for one in answer["Parameters"]}
    variables |= {one["name"]: one["value"] for one in definition["environment"]}
    container = client.containers.create(definition["image"], environment=variables, ports={"8080/tcp": None})
    container.start()
"""
NOTHING = "def run_task(definition, client): pass"
TWICE = """
def run_task(definition, client):
    for _ in range(2):
        client.containers.run(definition["image"], detach=True)
"""
SLEEPS = "import time\ndef run_task(definition, client): time.sleep(600)"
ENDS = "import os\ndef run_task(definition, client): os._exit(7)"


def judge(stack: Stack, folder: Path, tools: str) -> Result:
    """Run the check of config.store, solved, with a participant's tools.py."""
    (folder / "tools.py").write_text(tools)
    exercise = exercise_list.find(exercise_list.load(CHECKOUT), "config.store")
    text = check_runner.solved_text("config.store", "tasks.yaml")
    with check_runner.quick_control():
        return check_of("config.store")(Context(exercise, stack, 7, text, tools=folder / "tools.py"))


@pytest.mark.long
def test_another_way_to_write_it_passes(participant: Stack, tmp_path: Path) -> None:
    """All parameters by one call, the container created and then started, without a name."""
    result = judge(participant, tmp_path, ALL_AT_ONCE)
    assert result.verdict is Verdict.PASSED, result


@pytest.mark.long
@pytest.mark.parametrize(
    ("tools", "words"),
    [
        (NOTHING, "started 0 containers"),
        (TWICE, "started 2 containers"),
        (SLEEPS, "did not return within"),
        (ENDS, "exit code 7"),
    ],
)
def test_a_function_that_starts_no_single_container_is_named(
    participant: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tools: str, words: str
) -> None:
    """Also one that never returns, and one that ends its process; what it started is removed."""
    monkeypatch.setattr(task_process, "SECONDS", 5.0)
    result = judge(participant, tmp_path, tools)
    assert result.verdict is Verdict.DID_NOT_START
    assert words in result.summary
    assert participant.session.engine.client.containers.list(all=True, filters={"label": task_process.TASK}) == []


def test_without_the_function_nothing_is_judged(participant: Stack, tmp_path: Path) -> None:
    """The cell that brings it was not run yet."""
    result = judge(participant, tmp_path, "x = 1")
    assert result.verdict is Verdict.NOT_STARTED
    assert "has no run_task" in result.summary


def test_the_process_has_the_readers_credentials_alone(
    participant: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the participant's own settings of AWS nor the administrator's key are in its environment."""
    monkeypatch.setenv("AWS_PROFILE", "work")
    tools = "import os\ndef run_task(*_): raise ValueError(sorted(k for k in os.environ if k.startswith('AWS_')))"
    result = judge(participant, tmp_path, tools)
    assert "AWS_ACCESS_KEY_ID" in result.summary
    assert "AWS_PROFILE" not in result.summary
    tools = "import os\ndef run_task(*_): raise ValueError(os.environ['AWS_ACCESS_KEY_ID'])"
    assert parameter_store.ADMINISTRATOR not in judge(participant, tmp_path, tools).summary
