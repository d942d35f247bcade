"""The time to start and fill the parameter store, and to start a task with its values beside plain values."""

from __future__ import annotations

import secrets

from pydantic import SecretStr

from benchmarks._rows import Row, median_pair, median_seconds, show
from benchmarks._workspace import ROOT, own_session
from workshop_kit.engine import containers, images
from workshop_kit.engine import store as stores
from workshop_kit.engine.aws import Access
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.store import ADMINISTRATOR, Store
from workshop_kit.engine.tasks.definition import TaskDefinition, parse
from workshop_kit.engine.tasks.run import Delivery, resolve, run

RUNS = 11
PARAMETERS = 18  # as many as the service has settings
NAMES = [f"group/setting_{number:02}" for number in range(PARAMETERS)]
VALUES: stores.Settings = {
    name: SecretStr(secrets.token_hex(16)) if number % 6 == 0 else "value" for number, name in enumerate(NAMES)
}
WAIT = ("sleep", "600")


def start_store(session: Session, image: str) -> tuple[Running, Access]:
    """Start a store and wait until it is healthy; return it and the administrator's access."""
    key, path = secrets.token_urlsafe(24), "/run/secrets/key"
    running = containers.run(
        session,
        Spec(
            image,
            environment={"PARAMETER_STORE_KEY_FILE": path},
            files={path: key},
            volumes=("/run/secrets",),
            ports=(8080,),
        ),
    )
    running.wait_until(lambda: running.inspect()["State"]["Health"]["Status"] == "healthy", within_seconds=60)
    return running, Access(running.url(), key_id=ADMINISTRATOR, secret_key=key)


def store_start(session: Session, image: str) -> Row:
    """From nothing to a store that is healthy."""

    def work() -> None:
        running, _ = start_store(session, image)
        running.remove()

    return Row("parameter store: start until healthy, and removal", median_seconds(work, RUNS), RUNS)


def rows(session: Session, tags: dict[str, str]) -> list[Row]:
    """Every row; the store is started once for those that only use it."""
    found = [store_start(session, tags["parameter_store"])]
    running, access = start_store(session, tags["parameter_store"])
    store = Store(access)
    with running:
        numbers = iter(range(1_000_000))
        seconds = median_seconds(lambda: stores.seed(store, {f"e{next(numbers)}": VALUES}), RUNS)
        found.append(Row(f"seed an environment of {PARAMETERS} parameters", seconds, RUNS))
        stores.seed(store, {"staging": VALUES})
        image = str(session.engine.client.images.get(tags["base"]).id)
        wanted = [{"name": f"S{number}", "valueFrom": f"/workshop/staging/{name}"} for number, name in enumerate(NAMES)]
        container = {"name": "one", "image": image, "command": list(WAIT), "secrets": wanted, "stopTimeout": 0}
        task = parse({"family": "bench", "containerDefinitions": [container]})
        found.append(Row(f"resolve {PARAMETERS} parameters", median_seconds(lambda: resolve(task, store), RUNS), RUNS))
        for delivery in ("environment", "files"):
            found.append(start_beside_plain(session, store, task, image, delivery))
    return found


def start_beside_plain(session: Session, store: Store, task: TaskDefinition, image: str, delivery: Delivery) -> Row:
    """Resolve, start and remove a task, beside the same container with its values given."""
    given = {f"S{number}": "value" for number in range(PARAMETERS)}

    def ours() -> None:
        with run(session, task, store, delivery=delivery):
            pass

    def theirs() -> None:
        containers.run(session, Spec(image, command=WAIT, environment=given)).remove()

    mine, plain = median_pair(ours, theirs, RUNS)
    return Row(f"task from the store, delivered as {delivery}", mine, RUNS, "", "a container with plain values", plain)


def main() -> None:
    """Measure in a session of its own."""
    with own_session() as (_, session):
        show(rows(session, images.tags(ROOT)))


if __name__ == "__main__":
    main()
