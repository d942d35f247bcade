"""The participant's stack: what compose.yaml describes, brought up, looked at, stopped in part, and kept in the ledger.

Plain ``docker compose`` works on the same stack: setup writes the same variables to ``.env``.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from workshop_kit.engine import cgroups, images, reach, shell, stack_files
from workshop_kit.engine import containers as single
from workshop_kit.engine.labels import COMPOSE_PROJECT, COMPOSE_SERVICE, are_ours
from workshop_kit.engine.ledger import Entry
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session
from workshop_kit.errors import NotReady, WorkshopError
from workshop_kit.progress import Report, Step, silent

HEALTHY_TIMEOUT_SECONDS = 120
READY_TIMEOUT_SECONDS = 30
RECOVERY_SECONDS = 24  # three health checks, 5 s apart, of up to 3 s


@dataclass(frozen=True)
class Stack:
    """The stack of one workspace. ``root`` is the checkout; ``folder`` keeps the variables and the secrets."""

    session: Session
    root: Path
    folder: Path
    project: str

    def variables(self) -> dict[str, str]:
        """What compose.yaml asks for: the image tags of this checkout, labels, and where the secrets are."""
        tags = images.tags(self.root)
        return {
            "COMPOSE_PROJECT_NAME": self.project,
            "WORKSHOP_SESSION": self.session.who.session,
            "WORKSHOP_OWNER": self.session.who.owner,
            "WORKSHOP_SECRETS_DIR": str(self.folder / "secrets"),
            "WORKSHOP_LOG_SOURCE": log_source(self.session.engine),
            "WORKSHOP_SERVICE_PORT": os.environ.get("WORKSHOP_SERVICE_PORT", ""),
            **cgroups.variables(self._engine_info, self.session.who.session),
            **{f"WORKSHOP_{name.upper()}_IMAGE": tag for name, tag in tags.items() if name != "base"},
        }

    @cached_property
    def _engine_info(self) -> dict[str, Any]:
        info: dict[str, Any] = self.session.engine.client.info()
        return info

    def prepare(self) -> Path:
        """Make the secrets that are not there yet and write the variables; return the file of variables."""
        stack_files.write_secrets(self.folder / "secrets")
        path = self.folder / "compose.env"
        stack_files.write_variables(path, self.variables())
        return path

    def up(self, *services: str, report: Report = silent) -> None:
        """Start the stack (or some services with what they depend on) and wait until all of it is healthy.

        Does nothing to what runs already. Raises WorkshopError with the last lines of the container that failed.
        """
        if lacking := images.missing(self.session.engine, self.root):
            raise NotReady(f"Images are missing or out of date: {', '.join(lacking)}.", "Run ./workshop setup.")
        announced = Entry("project", self.project, self.project, "workspace")
        self.session.ledger.add(announced)
        try:
            self._let_recover(*services, report=report)
            self._compose(
                "up", "--detach", "--wait", "--wait-timeout", str(HEALTHY_TIMEOUT_SECONDS), *services, report=report
            )
        except WorkshopError as error:
            raise self._with_log_of_culprit(error) from error
        finally:
            self._write_down(announced)
        if not services:
            self._wait_until_ready()
        report(Step("Stack", 1.0, done=True))

    def containers(self) -> dict[str, Any]:
        """The SDK's containers of this stack, by service name, running or not."""
        found = self.session.engine.client.containers.list(
            all=True, filters={"label": f"{COMPOSE_PROJECT}={self.project}"}, ignore_removed=True
        )
        return {
            container.labels[COMPOSE_SERVICE]: container
            for container in found
            if COMPOSE_SERVICE in container.labels and are_ours(container.labels, self.session.who.session)
        }

    def container(self, service: str) -> Any:
        """One container of the stack. Raises WorkshopError if there is none: not started, or no such service."""
        found = self.containers()
        if service not in found:
            there = ", ".join(sorted(found)) or "nothing is up"
            raise WorkshopError(f"The stack has no container {service!r} ({there}).", "Bring it up: stack.up()")
        return found[service]

    def url(self, service: str = "service", port: int = 8080) -> str:
        """Where a service of the stack is reached from this machine."""
        return single.url_of(self.container(service).attrs, port)

    def stop(self, service: str) -> None:
        """Stop one service (SIGTERM, then SIGKILL); the rest of the stack stays as it is."""
        self.container(service).stop(timeout=10)

    def start(self, service: str, report: Report = silent) -> None:
        """Start one service again and wait until it is healthy."""
        self.up(service, report=report)

    def _compose(self, *words: str, report: Report) -> None:
        command = ["docker", "compose", "--ansi", "never", "--env-file", str(self.prepare())]
        command += ["--project-name", self.project, "--project-directory", str(self.root)]
        command += ["--file", str(self.root / "compose.yaml")]
        shell.run(
            [*command, *words],
            failed=f"The stack did not come up (docker compose {words[0]}).",
            next_step="Run ./workshop doctor; ./workshop down and a new start give you a fresh stack.",
            environment={**self.variables(), "COMPOSE_PROFILES": ""},
            on_line=lambda line: report(Step("Stack", None, line)),
            error=WorkshopError,
        )

    def _let_recover(self, *services: str, report: Report) -> None:
        """Give what was unhealthy time for another check: ``up --wait`` would give up on it at once.

        A replica, for one, is unhealthy while its master is stopped, and well again soon after that is started.
        """
        if not self._unhealthy(*services):
            return
        with contextlib.suppress(WorkshopError):  # it gives up on what is still ill; the next one will say so
            self._compose("up", "--detach", *services, report=report)
        deadline = time.monotonic() + RECOVERY_SECONDS
        while self._unhealthy(*services) and time.monotonic() < deadline:
            time.sleep(0.2)

    def _unhealthy(self, *services: str) -> bool:
        wanted = stack_files.with_what_they_need(self.root / "compose.yaml", services)
        found = self.containers().items()
        return any(one.health == "unhealthy" for name, one in found if not services or name in wanted)

    def _wait_until_ready(self) -> None:
        """Healthy says that the process lives; ready, that it has found its database. Wait for that, too."""
        service = self.containers().get("service")
        if service is not None and service.status == "running":
            running = single.Running(self.session, service)
            running.wait_ready("/readyz", within_seconds=READY_TIMEOUT_SECONDS)

    def _write_down(self, announced: Entry) -> None:
        """Put the ids of everything that compose made for us into the ledger."""
        client, ledger = self.session.engine.client, self.session.ledger
        ours = {"filters": {"label": f"{COMPOSE_PROJECT}={self.project}"}}
        entries = [
            Entry("container", container.id, container.name, "workspace")
            for container in client.containers.list(all=True, ignore_removed=True, **ours)
            if are_ours(container.labels, self.session.who.session)
        ]
        entries += [
            Entry("network", network.id, network.name, "workspace")
            for network in client.networks.list(**ours)
            if are_ours(network.attrs["Labels"], self.session.who.session)
        ]
        entries += [
            Entry("volume", volume_id(volume), volume.name, "workspace")
            for volume in client.volumes.list(**ours)
            if are_ours(volume.attrs["Labels"], self.session.who.session)
        ]
        ledger.add(*entries)
        ledger.strike(announced)

    def _with_log_of_culprit(self, error: WorkshopError) -> WorkshopError:
        if re.search("port is already allocated|address already in use", error.output):
            port = self.variables()["WORKSHOP_SERVICE_PORT"]
            advice = "Unset WORKSHOP_SERVICE_PORT (a free port is then chosen) or name another."
            return WorkshopError(f"Port {port} (WORKSHOP_SERVICE_PORT) is taken.", advice, output=error.output)
        for service, container in self.containers().items():
            if trouble := _trouble(container.attrs["State"]):
                sentence = f"The stack did not come up: {service} {trouble}."
                return WorkshopError(sentence, error.next_step, output=single.log_tail(container))
        return error


def log_source(engine: Engine) -> str:
    """What the collector gets to read the engine's logs from: its folder of containers, or its socket.

    The folder needs the real root of the machine that the engine runs on. Where that is not to be had (Docker Desktop,
    a rootless engine), the socket; the collector looks at what it was given. Both as the engine sees them.
    """
    said = engine.client.info()
    rootless = any("rootless" in option or "userns" in option for option in said.get("SecurityOptions") or ())
    if not rootless and "Docker Desktop" not in said.get("OperatingSystem", ""):
        return f"{said['DockerRootDir']}/containers"
    own = engine.endpoint.socket
    return str(own) if rootless and own is not None else reach.DEFAULT_SOCKET


def _trouble(state: Mapping[str, Any]) -> str:
    """What is wrong with a container, from the state that ``docker inspect`` gives; empty if nothing is."""
    if state["Status"] in {"exited", "dead", "restarting"}:
        return f"exited with code {state['ExitCode']}"
    return "is unhealthy" if state.get("Health", {}).get("Status") == "unhealthy" else ""


def volume_id(volume: Any) -> str:
    """A name for a volume that a later one of the same name does not have."""
    return f"{volume.name}@{volume.attrs['CreatedAt']}"
