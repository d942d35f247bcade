"""Wrong answers to lessons 01 and 02 on real containers: each gets the verdict and the finding for its mistake.

Answers that only please a check stand in solutions/, and are judged in tests/lessons/test_two_sides.py.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.exercises.check_runner import SEED, changed, failed_meanings
from workshop_kit.checks import container_compose, container_limits
from workshop_kit.engine import control, recipes
from workshop_kit.engine.control import Control
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.expect import collected
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace import regions, solutions
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]  # on a busy machine limits are longer

FIRST_LESSON = solutions.files_at(CHECKOUT, "01b")
QUICK = Control(0.4)
WRONG = Verdict.WRONG
NOT_UP = Verdict.DID_NOT_START


@pytest.fixture(autouse=True)
def quick_control(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a slow machine is told is the matter of test_hanging.py."""
    monkeypatch.setattr(control, "measure", lambda _session: QUICK)


def limits(*lines: str) -> str:
    """The region of compose.yaml with these lines."""
    return "".join(f"    {line}\n" for line in lines)


DOCKERFILE = FIRST_LESSON["Dockerfile"]
PIP = "RUN pip install -r requirements.txt\n"
UVICORN = "uvicorn app:app --host 0.0.0.0 --port 8080"
CMD = 'CMD ["uvicorn", "app:app", "--host", "0.0.0.0", "--port", "8080"]'
WRAPPER = f"""import signal, subprocess, sys
subprocess.Popen({UVICORN.split()})
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
signal.pause()"""
NO_USER = {"Dockerfile": changed(DOCKERFILE, "USER 10001:10001\n", "")}
CODE_FIRST = changed(DOCKERFILE, f"COPY requirements.txt .\n{PIP}COPY . .\n", f"COPY . .\n{PIP}")
APP = FIRST_LESSON["app.py"]


def dockerfile(old: str, new: str) -> dict[str, str]:
    """The solution's Dockerfile with a change."""
    return {"Dockerfile": changed(DOCKERFILE, old, new)}


def command(instructions: str) -> dict[str, str]:
    """The solution's Dockerfile with other instructions in place of CMD."""
    return dockerfile(CMD, instructions)


IMAGES = [
    ({"Dockerfile": CODE_FIRST}, "installs all packages again"),
    ({".dockerignore": ".git\n"}, "history and passwords travel with it"),
    (command(f"CMD {json.dumps(['python3', '-c', WRAPPER])}"), "the service is another process"),
    ({"app.py": changed(APP, '"/orders"', '"/order"')}, "The service answers 404 to an order."),
]


@pytest.mark.long
@pytest.mark.parametrize(("files", "key"), IMAGES)
def test_each_wrong_image_is_named(stack: Stack, files: dict[str, str], key: str) -> None:
    """The folder is built and run, and there is one finding for one mistake."""
    result = check_runner.judge_files(stack, "container.dockerfile", files)
    assert not result.passed
    [name] = failed_meanings(result.findings)
    assert key in name, result


def test_an_entry_point_of_the_image_does_not_join_start_sh(stack: Stack) -> None:
    """It is a right answer to container.dockerfile, so start.sh is run in place of it."""
    image = command('ENTRYPOINT ["uvicorn", "app:app"]\nCMD ["--host", "0.0.0.0", "--port", "8080"]')
    result = check_runner.judge_files(stack, "container.graceful", {**image, "start.sh": FIRST_LESSON["start.sh"]})
    assert result.passed, result


MOST = container_limits.task_numbers(SEED)
MEMORY = f"mem_limit: {MOST['memory_mib']}m"
CORES = f"cpus: {MOST['cores']}"
PROCESSES = f"pids_limit: {MOST['processes']}"
READ_ONLY = ("read_only: true", "tmpfs: /tmp")
FILES = [
    (f"    {MEMORY}\n     {CORES}\n", "the indentation is wrong", "compose.yaml, line 7: "),
    ("    readonly: true\n", "Compose refuses compose.yaml", "property readonly is not allowed"),
]


@pytest.mark.parametrize(("body", "key", "words"), FILES, ids=[key for _, key, _ in FILES])
def test_a_file_that_compose_refuses_is_one_sentence(tmp_path: Path, body: str, key: str, words: str) -> None:
    """With the line and what is wrong there; else in Compose's own words, without this machine's paths."""
    (tmp_path / "compose.yaml").write_text(regions.replace(FIRST_LESSON["compose.yaml"], "container.limits", body))
    with collected() as findings:
        container_compose.read(tmp_path)
    [failed] = failed_meanings(findings)
    assert key in failed
    assert words in failed
    assert str(tmp_path) not in failed


def images_of(stack: Stack) -> set[str]:
    """The images of this workspace, by name; those without one by id."""
    label = {"label": f"{SESSION}={stack.session.identity.workspace_id}"}
    images = stack.session.engine.client.api.images(filters=label)
    return {next(iter(image["RepoTags"] or ()), image["Id"]) for image in images}


def test_a_check_leaves_no_image(stack: Stack) -> None:
    """No image stays but the base with newer wheels, and no container."""
    before = images_of(stack)
    with check_runner.leaving_nothing(stack):
        result = check_runner.judge_files(stack, "container.dockerfile", NO_USER)
    assert [finding.passed for finding in result.findings] == [False, True, True, True, True]
    assert result.summary.startswith("The service is root")
    newer = f"{recipes.tags(stack.root)['python']}-newer-{stack.session.identity.workspace_id}"
    assert images_of(stack) - before <= {newer}


def test_a_newer_check_ends_the_running_one(stack: Stack, tmp_path: Path) -> None:
    """The older one ends without a result in the middle of its build, and leaves nothing."""
    exercise_service = ExerciseService.of(Workspace.open(tmp_path / "mine"), lambda: stack)
    path = exercise_service.workspace.my_service / "Dockerfile"
    path.write_text("FROM localhost/workshop/python:3.13\nRUN sleep 600\n")  # longer than the test may take
    building = threading.Event()
    with check_runner.leaving_nothing(stack), ThreadPoolExecutor(1) as pool:
        older = pool.submit(exercise_service.check, "container.dockerfile", lambda _: building.set())
        assert building.wait(60)
        checkpoint.solve(exercise_service, "container.dockerfile")
        assert exercise_service.check("container.dockerfile").passed
        with pytest.raises(Superseded):
            older.result()


KILLS = f'{UVICORN} &\ntrap "kill $!" TERM\nwait'

REGIONS = [
    ("container.graceful", f"exec {UVICORN}", WRONG, ["One client that never sends the rest"]),
    ("container.graceful", KILLS, WRONG, ["That order is lost", "SIGTERM ended process 1 itself"]),
    ("container.limits", limits("cpus: 0.001", MEMORY), NOT_UP, ["The engine refuses to start the container"]),
    ("container.limits", limits(MEMORY, CORES, "pids_limit: 1", *READ_ONLY), WRONG, ["there is no room to try them"]),
]


@pytest.mark.long
@pytest.mark.parametrize(
    ("identifier", "body", "verdict", "keys"), REGIONS, ids=[f"{name}, {keys[-1]}" for name, _, _, keys in REGIONS]
)
def test_each_wrong_region_is_named(
    participant: Stack, identifier: str, body: str, verdict: Verdict, keys: list[str]
) -> None:
    """The service is built with the region and run; a hostile module yields findings, and never an exception."""
    result = check_runner.judge_region(participant, identifier, body)
    assert result.verdict is verdict, result
    names = failed_meanings(result.findings)
    assert len(names) == len(keys), result
    assert all(key in name for key, name in zip(keys, names, strict=True)), result


HOSTILE = {
    "prints for ever": ("import sys\nwhile True:\n    sys.stdout.write('x' * 65536)\n", "does not listen"),
    "memory bomb": ("taken = []\nwhile True:\n    taken.append(bytearray(1024 * 1024))\n", "MiB of memory"),
}


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_module_is_named_in_time(participant: Stack, name: str) -> None:
    """The check ends, names the fault with a short tail of the log, and leaves nothing."""
    module, words = HOSTILE[name]
    with check_runner.leaving_nothing(participant):
        result = check_runner.judge(participant, "config.env", module)
    assert result.verdict is Verdict.DID_NOT_START
    assert words in result.summary
    assert all(finding.means and finding.look for finding in result.findings)
    assert len(result.output.encode()) <= 4096


def tasks(**entries: object) -> str:
    """tasks.yaml as solved, with other entries."""
    solution = yaml.safe_load(regions.solved(check_runner.marked(CHECKOUT, "tasks.yaml", "02_configuration")))
    return yaml.safe_dump({**solution, **entries})


PASSWORDS = {
    name: f"/workshop/desk/{group}/password"
    for name, group in (
        ("MASTER_DB_PASSWORD", "master_db"),
        ("REPLICA_DB_PASSWORD", "replica_db"),
        ("REDIS_PASSWORD", "redis"),
    )
}


def desk(**passwords: str) -> dict[str, object]:
    """A definition of the desk's service with these passwords, as paths in the store or as texts."""
    values = {**PASSWORDS, **passwords}
    secrets = [{"name": name, "valueFrom": text} for name, text in values.items() if text.startswith("/")]
    environment = [{"name": name, "value": text} for name, text in values.items() if not text.startswith("/")]
    return {"image": "${IMAGE}", "environment": environment, "secrets": secrets}


UNKNOWN = desk(REDIS_PASSWORD="/workshop/desk/redis/pasword")
SWAPPED = desk(MASTER_DB_PASSWORD="/workshop/desk/redis/password")
STAGING = yaml.safe_load(tasks())["staging"]["secrets"]
NO_HOST = {"image": "${IMAGE}", "environment": [{"name": "MASTER_DB_HOST", "value": "nowhere"}], "secrets": STAGING}
DEFINITIONS = [
    ("config.environments", tasks(qa={"image": "${IMAGE}", "secrets": [{"name": "A"}]}), "qa does not start"),
    ("config.environments", tasks(staging=NO_HOST), "staging was started, but it is not ready"),
    ("config.store", tasks(desk=UNKNOWN), "It does not start"),
    ("config.store", tasks(desk=SWAPPED), "The service has others"),
]


@pytest.mark.long
@pytest.mark.parametrize(("identifier", "text", "words"), DEFINITIONS, ids=[words for *_, words in DEFINITIONS])
def test_each_wrong_definition_is_named(participant: Stack, identifier: str, text: str, words: str) -> None:
    """One mistake, one finding."""
    result = check_runner.judge(participant, identifier, text)
    [failed] = failed_meanings(result.findings)
    assert words in failed, result
