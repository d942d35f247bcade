"""A trial: its confinement, its answers and its log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.workshop_kit.exercises import check_runner
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.observe import http
from workshop_kit.observe.http import Answer
from workshop_kit.paths import CHECKOUT
from workshop_kit.trials import service_image, service_trial
from workshop_kit.trials.check_context import CheckEnded, Context
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.trial import Trial
from workshop_kit.workspace import exercise_list, steps
from workshop_kit.workspace.course import MY_SERVICE

PRINTS = "from pathlib import Path\nfor path in Path('/run/secrets').iterdir():\n    print(path.read_text(), '!')\n"


@pytest.fixture(scope="module")
def context(participant: Stack) -> Iterator[Context]:
    """The context of a check whose folder is solved."""
    texts = {path: file.text for path, file in steps.files_after(steps.load(CHECKOUT)).items()}
    with check_runner.folder_with(texts) as folder:
        exercise = exercise_list.find(exercise_list.load(CHECKOUT), "config.env")
        yield Context(exercise, participant, 1, folder=folder / MY_SERVICE)


@pytest.fixture(scope="module")
def image(context: Context) -> Iterator[str]:
    """The image of that folder."""
    with service_image.build(context) as image:
        yield image


def test_it_is_confined_bounded_and_serves_a_customer(context: Context, image: str) -> None:
    """No bind mounts, not even for the passwords; limits on memory, processes and log; no rights, no writable root.

    The stack's own database takes the order.
    """
    with service_trial.run_with_stack(context, image) as trial:
        assert trial.wait_answer("/readyz", within_seconds=60), trial.log_tail()
        attributes = trial.running.inspect()
        host = attributes["HostConfig"]
        assert not host["Binds"]
        assert [(mount["Type"], mount["Destination"]) for mount in attributes["Mounts"]] == [("volume", "/run/secrets")]
        assert host["Memory"] == host["MemorySwap"] == Spec.memory_bytes
        assert host["PidsLimit"] == Spec.pids
        assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
        assert attributes["Config"]["Healthcheck"]["Test"] == ["NONE"]
        assert list(attributes["NetworkSettings"]["Networks"]) == [f"{context.stack.project}_default"]
        assert trial.get("/livez", headers={"X-Request-ID": "mine"}).headers["x-request-id"] == "mine"
        order = trial.post("/orders", {"item": "one trial", "quantity": 2})
        assert (order.status, order.json()["quantity"]) == (201, 2)
        assert trial.exit_code() is None
        trial.signal("SIGTERM")
        assert trial.wait_ended(10) == 0
        assert str(trial.get("/livez")) == "connection refused"


def test_a_service_is_asked_behind_proxies_and_with_a_database_of_its_own(context: Context) -> None:
    """What a check sees has the request, what went on meanwhile, and no password; the image is built once."""
    with Service(context) as service, service.database() as database:
        environment = {**database.settings, "MASTER_DB_PASSWORD": database.password}
        with service.run(("redis",), environment, without=["MASTER_DB_PASSWORD_FILE"]) as running:
            image = service.build()
            order = running.post("/orders", {"item": "tea", "quantity": 2})
            assert (order.status, order.called) == (201, "POST /orders")
            assert order.json()["id"] >= database.first_id
            assert running.packets_for("/livez", 2).number < 2  # one may be of the request before

            running.hang("redis")
            health = running.eventually("/health", 503)
            assert health.called == "GET /health while redis hangs"
            printed = running.execute("sh", "-c", 'echo "$MASTER_DB_PASSWORD"; exit 3')
            assert (printed.code, printed.got) == (3, "exit code 3\n(secret)")

            running.signal("SIGTERM")
            end = running.wait_end(10)
            assert (end.code, end.called) == (0, "Wait for its end after SIGTERM")
            gone = running.get("/livez")
            assert gone.got == "connection refused: it had ended with exit code 0"
    assert not context.stack.session.engine.client.images.list(image)


def test_a_check_whose_time_is_up_ends_with_a_finding(context: Context, image: str) -> None:
    """It is no answer's fault that the next one would not come in time."""
    with service_trial.run(context, image, command=("sleep", "60")) as trial:
        running = RunningService(trial.running, deadline_seconds=0.0)
        with pytest.raises(CheckEnded, match="waited too long for your service"):
            running.get("/livez")


WRAPPER = "/given/faulty_inside.py"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["python", "main.py"], ("python", WRAPPER, "main.py")),
        (
            ["tini", "--", "/opt/venv/bin/python", "-u", "/srv/main.py"],
            ("tini", "--", "/opt/venv/bin/python", "-u", WRAPPER, "/srv/main.py"),
        ),
        (["/bin/sh", "-c", "exec python main.py"], ("/bin/sh", "-c", f"exec python {WRAPPER} main.py")),
        (["/app/main.py"], ("python", WRAPPER, "/app/main.py")),
        (["sh", "start.sh"], ("python", WRAPPER, "main.py")),
        ([], ("python", WRAPPER, "main.py")),
    ],
)
def test_a_wrapper_comes_before_the_program(command: list[str], expected: tuple[str, ...]) -> None:
    """The participant's interpreter, init and options stay."""
    assert service_trial.wrap_command(command, WRAPPER) == expected


def test_secrets_are_read_in_the_stacks_folder(tmp_path: Path) -> None:
    """Docker Desktop tells sources in a machine of its own, which are no paths here."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "redis_password").write_text("a password")
    place = "/run/host_mount/home/ann/workshop/workspace/.workshop/secrets/redis_password"
    mounts = [
        {"Type": "bind", "Source": place, "Destination": "/run/secrets/redis_password"},
        {"Type": "volume", "Source": "/var/lib/docker/volumes/orders/_data", "Destination": "/run/secrets"},
    ]
    service = SimpleNamespace(attrs={"Mounts": mounts})
    stack: Any = SimpleNamespace(secrets_folder=tmp_path / "secrets", container=lambda _name: service)
    assert service_trial.secrets_of(stack) == {"/run/secrets/redis_password": "a password"}


def test_log_lines_mask_the_passwords(context: Context, image: str) -> None:
    """The tail of a log is shown on a projector."""
    with service_trial.run_with_stack(context, image, command=("python", "-c", PRINTS)) as trial:
        assert trial.wait_ended(20) == 0
        lines = trial.log_tail()
        log_text = trial.running.log_tail()
    secrets = [path.read_text() for path in (context.stack.folder / "secrets").iterdir()]
    assert any(secret in log_text for secret in secrets)
    assert not any(secret in lines for secret in secrets)
    assert "(secret) !" in lines


def test_an_error_that_is_expected_is_no_wait_in_vain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that refuses after its limit does what it should; any other slow error is noted."""
    monkeypatch.setattr(http, "request", lambda *_, **__: Answer(503, 1.5))
    unpublished: Any = SimpleNamespace(
        inspect=lambda: {"NetworkSettings": {"Ports": {}}, "State": {"Status": "running", "ExitCode": 1}}
    )
    trial = Trial(unpublished)
    trial.post("/orders", {}, expected=503)
    assert trial.waits.longest is None
    trial.post("/orders", {}, expected=201)
    assert trial.waits.longest is not None
