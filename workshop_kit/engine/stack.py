"""The participant's stack: the services of compose.yaml, the files and variables that compose.yaml asks for.

Plain ``docker compose`` works on the same stack: setup writes the same variables to ``.env``.
"""

from __future__ import annotations

import operator
import os
import re
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop_kit.engine import containers as single
from workshop_kit.engine import images, markers, paused_containers, recipes, shell
from workshop_kit.engine.labels import COMPOSE_HASH, COMPOSE_PROJECT, COMPOSE_SERVICE
from workshop_kit.engine.paused_containers import PausedContainer
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.files import read_small_text, write_atomically
from workshop_kit.patience import configured_factor, patient, wait_for
from workshop_kit.reporting import Report, Step, silent

HEALTHY_TIMEOUT_SECONDS = 120
READY_TIMEOUT_SECONDS = 30
HEALTH_SECONDS = {"START": 30, "TIMEOUT": 3, "INTERVAL": 5}  # of the stack's health checks, as in compose.yaml
RECOVERY_SECONDS = 24  # three health checks, 5 s apart, of up to 3 s
FILE = "compose.yaml"
WITHOUT_START_INTERVAL = "compose.no-start-interval.yaml"
MARK = "# Written by ./workshop setup: change compose.yaml, not this file."
SECRETS = (
    "master_db_password",
    "redis_password",
    "replication_password",
    "monitoring_password",
    "parameter_store_key",
    "collector_key",
)


@dataclass(frozen=True)
class Stack:
    """The stack of one workspace. ``root`` is the checkout; ``folder`` is the workspace's, with the secrets in it."""

    session: Session
    root: Path
    folder: Path
    project: str

    @property
    def network(self) -> str:
        """The name of its network."""
        return f"{self.project}_default"

    @property
    def secrets_folder(self) -> Path:
        """The folder of the secret files that Compose mounts."""
        return self.folder / "secrets"

    def variables(self) -> dict[str, str]:
        """Return the variables of compose.yaml, by name: project, labels, folders, time limits, image tags."""
        engine = self.session.engine
        identity = self.session.identity
        info = engine.client.info()
        variables = {
            "COMPOSE_PROJECT_NAME": self.project,
            "WORKSHOP_SESSION": identity.workspace_id,
            "WORKSHOP_SECRETS_DIR": str(self.secrets_folder),
            "WORKSHOP_LOG_SOURCE": engine.dialect.log_source(info),
        }

        # Not the measured factor: Compose replaces running containers whose limits differ.
        factor = configured_factor() or 1.0
        for name, seconds in HEALTH_SECONDS.items():
            variables[f"WORKSHOP_HEALTH_{name}"] = f"{factor * seconds:g}s"

        if len(self.files) > 1:
            variables["COMPOSE_FILE"] = ":".join(self.files)
        for name, tag in recipes.tags(self.root).items():
            if name != "base":
                variables[f"WORKSHOP_{name.upper()}_IMAGE"] = tag
        return variables

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the compose files: one for all engines, one more for older ones."""
        if self.session.engine.dialect.knows_start_interval:
            return (FILE,)
        return (FILE, WITHOUT_START_INTERVAL)

    def up(self, *services: str, report: Report = silent) -> None:
        """Start the stack (or some services with what they depend on) and wait until all of it is healthy.

        Containers that run already are left as they are. Paused containers of the workspace are unpaused, unless a
        running process holds them. Raises WorkshopError with the last lines of the container that failed, or for one
        that is held paused.
        """
        missing_images = images.missing(self.session.engine, self.root)
        if missing_images:
            raise NotReady(f"Images are missing or out of date: {', '.join(missing_images)}.", "Run ./workshop setup.")

        self._end_pauses(services, report)
        try:
            if services or not self._is_up():
                self._run_up(*services, report=report)
        except WorkshopError as error:
            raise self._with_cause(error) from error

        if not services:
            self._wait_until_ready()
        report(Step("Stack", 1.0, done=True))

    def containers(self) -> dict[str, Any]:
        """Return the SDK's containers of this stack, by service name, running or not."""
        filters = {"label": f"{COMPOSE_PROJECT}={self.project}"}
        containers = self.session.engine.client.containers.list(all=True, filters=filters, ignore_removed=True)

        containers_by_service: dict[str, Any] = {}
        for container in containers:
            service = container.labels.get(COMPOSE_SERVICE)
            if service is not None:
                containers_by_service[service] = container
        return containers_by_service

    def container(self, service: str) -> Any:
        """Return the container of a service. Raises WorkshopError if it is not started, or no service of the stack."""
        containers = self.containers()
        if service not in containers:
            services = ", ".join(sorted(containers)) or "nothing is up"
            raise WorkshopError(f"The stack has no container {service!r} ({services}).", "Bring it up: stack.up()")
        return containers[service]

    def url(self, service: str = "service", port: int = 8080) -> str:
        """Return the address on this machine of a port of a service: ``http://127.0.0.1:PORT``."""
        return single.url_of(self.container(service).attrs, port)

    def _end_pauses(self, services: Collection[str], report: Report) -> None:
        """Unpause the workspace's containers, except those that are part of an experiment.

        Raises WorkshopError if a container of ``services`` (or, if these are empty, of the stack) is part of one.
        """
        for paused in paused_containers.find(self.session):
            is_of_services = not services or paused.service in services
            is_to_start = paused.project == self.project and is_of_services
            is_held = self._is_held(paused, is_to_start=is_to_start)

            if is_held and is_to_start:
                raise WorkshopError(f"The stack did not come up: {paused.sentence}", paused.next_step)
            if not is_held and paused_containers.unpause(self.session, paused):
                paused_containers.report_unpaused(paused.service, report)

    def _is_held(self, paused: PausedContainer, *, is_to_start: bool) -> bool:
        """Return whether a container stays paused for an experiment: another process's, a fault's, or a cell's.

        A container that a cell of this notebook has paused stays so while other containers are started, as by
        ``w.monitoring()``. If it is itself to be started, it is unpaused.
        """
        if any(markers.is_held(self.session, marker) for marker in paused.markers):
            return True
        is_own = any(self.session.made(marker.maker) for marker in paused.markers)
        return is_own and not is_to_start

    def _run_compose(self, *words: str, report: Report) -> str:
        """Run ``docker compose`` on this stack, report its lines, and return its output. Raises WorkshopError."""
        write_secrets(self.secrets_folder)
        # The variables come in the environment, and not from the checkout's .env, which may be another workspace's.
        command = ["docker", "compose", "--ansi", "never", "--env-file", os.devnull]
        command += ["--project-name", self.project, "--project-directory", str(self.root)]
        for name in self.files:
            command += ["--file", str(self.root / name)]

        def show(line: str) -> None:
            report(Step("Stack", None, line))

        return shell.run(
            [*command, *words],
            failure=f"The stack did not come up (docker compose {words[0]}).",
            next_step="Run ./workshop doctor; ./workshop down and a new start give you a fresh stack.",
            environment={**self.variables(), "COMPOSE_PROFILES": ""},
            on_line=show,
            error=WorkshopError,
        )

    def _run_up(self, *services: str, report: Report) -> None:
        """Run ``docker compose up --wait``; run it again if it failed and a container was unhealthy before.

        Compose fails at once because of such a container. But a replica, say, is unhealthy while its master is stopped,
        and gets healthy soon after the master is started.
        """
        timeout_seconds = round(patient(HEALTHY_TIMEOUT_SECONDS))
        words = ("up", "--detach", "--wait", "--wait-timeout", str(timeout_seconds), *services)
        was_unhealthy = self._is_unhealthy()
        try:
            self._run_compose(*words, report=report)
        except WorkshopError:
            if not was_unhealthy:
                raise

            wait_for(self._is_unhealthy, RECOVERY_SECONDS, until=operator.not_)
            self._run_compose(*words, report=report)

    def _is_up(self) -> bool:
        """Return whether all services are healthy and run as compose.yaml describes them.

        ``docker compose up`` finds that out, too, but takes a second longer.
        """
        healthy_hashes = set()
        for name, container in self.containers().items():
            if _is_healthy(container):
                healthy_hashes.add(f"{name} {container.labels.get(COMPOSE_HASH)}")
        if not healthy_hashes:
            return False

        described_hashes = self._run_compose("config", "--hash", "*", report=silent).splitlines()
        return healthy_hashes.issuperset(described_hashes)

    def _is_unhealthy(self) -> bool:
        return any(container.health == "unhealthy" for container in self.containers().values())

    def _wait_until_ready(self) -> None:
        """Wait until the service, if it runs, answers on /readyz: healthy means only that its process runs."""
        service = self.containers().get("service")
        if service is not None and service.status == "running":
            running = single.Running(self.session, service)
            running.wait_ready("/readyz", within_seconds=READY_TIMEOUT_SECONDS)

    def _with_cause(self, error: WorkshopError) -> WorkshopError:
        """Return an error on the first container with a problem, with its last lines; without one, the error given."""
        for service, container in self.containers().items():
            problem = _describe_problem(container.attrs["State"])
            if problem:
                sentence = f"The stack did not come up: {service} {problem}."
                log_tail = single.Running(self.session, container).log_tail()
                return WorkshopError(sentence, error.next_step, output=log_tail)
        return error


def _describe_problem(state: Mapping[str, Any]) -> str:
    """Return a predicate on what is wrong with a container, from its state in ``docker inspect``; "" if nothing is."""
    if state["Status"] == "paused":
        return "is paused"
    if state["Status"] in {"exited", "dead", "restarting"}:
        return f"exited with code {state['ExitCode']}"

    health = state.get("Health", {})
    return "is unhealthy" if health.get("Status") == "unhealthy" else ""


def _is_healthy(container: Any) -> bool:
    return bool(container.status == "running" and container.health == "healthy")


def write_secrets(folder: Path) -> None:
    """Write each secret that is absent or empty: 32 random characters in a file that containers can read.

    The files are readable by all, since a container's user has another id than their owner, and compose's file secrets
    keep their modes. The folder is closed to other users of the machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in SECRETS:
        path = folder / name
        if not path.exists() or not path.read_bytes().strip():
            path.unlink(missing_ok=True)
            path.write_text(secrets.token_urlsafe(24))
        path.chmod(0o444)


def write_variables(path: Path, variables: Mapping[str, str]) -> bool:
    """Write an env file for docker compose, if it differs. If the file is the user's own, leave it and return False."""
    lines = [f"{key}={_quote(value)}" for key, value in variables.items()]
    text = "\n".join([MARK, *lines]) + "\n"

    former_text = read_small_text(path) if path.exists() else MARK
    if not former_text.startswith(MARK):
        return False
    if former_text != text:
        write_atomically(path, text.encode())
    return True


def _quote(value: str) -> str:
    """Return a value as an env file of docker compose has it: plain if it needs no quotes, else quoted and escaped."""
    if re.fullmatch(r"[\w./:@-]*", value):
        return value
    escaped = re.sub(r'([\\"$])', r"\\\1", value)
    return f'"{escaped}"'
