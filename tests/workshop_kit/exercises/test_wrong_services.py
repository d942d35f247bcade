"""Wrong answers to lessons 01 and 02 on real containers: each gets the verdict and the finding for its mistake.

Answers that only please a check stand in solutions/, and are judged in tests/lessons/test_two_sides.py.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.workshop_kit.exercises import check_runner
from tests.workshop_kit.exercises.check_runner import changed, failed_meanings
from workshop_kit.checks import container_compose
from workshop_kit.engine import control, recipes
from workshop_kit.engine.control import Control
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import checkpoint
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials.expect import collected
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace import steps
from workshop_kit.workspace.folder import Workspace

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]  # on a busy machine limits are longer

FIRST_LESSON = {
    Path(path).name: file.text for path, file in steps.files_after(steps.before(steps.load(CHECKOUT), "01b")).items()
}
QUICK = Control(0.4)


@pytest.fixture(autouse=True)
def quick_control(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a slow machine is told is the matter of test_hanging.py."""
    monkeypatch.setattr(control, "measure", lambda _session: QUICK)


COMPOSE = "services:\n  my-service:\n    build: .\n"


DOCKERFILE = FIRST_LESSON["Dockerfile"]
NO_USER = {"Dockerfile": changed(DOCKERFILE, "USER 10001:10001\n", "")}


FILES = [
    ("    mem_limit: 96m\n     cpus: 0.5\n", "the indentation is wrong", "compose.yaml, line 5: "),
    ("    readonly: true\n", "Compose refuses compose.yaml", "property readonly is not allowed"),
]


@pytest.mark.parametrize(("body", "key", "words"), FILES, ids=[key for _, key, _ in FILES])
def test_a_file_that_compose_refuses_is_one_sentence(tmp_path: Path, body: str, key: str, words: str) -> None:
    """With the line and what is wrong there; else in Compose's own words, without this machine's paths."""
    (tmp_path / "compose.yaml").write_text(COMPOSE + body)
    with collected() as findings:
        container_compose.read(tmp_path)
    [failed] = failed_meanings(findings)
    assert key in failed
    assert words in failed
    assert str(tmp_path) not in failed


ENTRYPOINT = 'ENTRYPOINT ["uvicorn", "--factory", "app:create"]\nCMD ["--host", "0.0.0.0", "--port", "8080"]'


def test_an_entry_point_of_the_image_does_not_join_start_sh(stack: Stack) -> None:
    """It is a right answer to container.dockerfile, so start.sh is run in place of it."""
    image = changed(DOCKERFILE, 'CMD ["python", "main.py"]', ENTRYPOINT)
    result = check_runner.judge_files(stack, "container.graceful", {"Dockerfile": image})
    assert result.passed, result


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
    check_runner.arrive(exercise_service, exercise_service.find("container.dockerfile"))
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
