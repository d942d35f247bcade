"""A live container, looked at: what it has written lately, what it answers, which programs run in it. Nothing is run.

It is asked what its platform asks anyway (GET on the usual paths of probes and ``/metrics``), and nothing else.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from workshop_kit.audit.running import Clone, Started
from workshop_kit.audit.runs import PROBE_PATHS, SETTLE_SECONDS, Run, ask, variables
from workshop_kit.audit.targets import Target
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.logs import read_container

MOST_MINUTES = 15
"""So much of its log is read: one that has run for a year may have gigabytes."""


@dataclass
class Looked:
    """The container itself, as the rules that only look need it."""

    session: Session
    target: Target

    @cached_property
    def normal(self) -> Run:
        """What can be seen of it now; what a stop or another start would show is not known."""
        assert self.target.container is not None  # noqa: S101 - an image does not live
        container = self.session.engine.client.containers.get(self.target.container["Id"])
        since = datetime.now(UTC) - timedelta(minutes=MOST_MINUTES)
        clone = Clone(Running(self.session, container), self.target.config, variables(self.target.config))
        state = clone.running.inspect()["State"]
        if not state["Running"] or state["Paused"]:
            return Run(Started(False, 0.0, f"is {state['Status']}"), read_container(container, since=since))
        clone.find()
        first = clone.processes()
        time.sleep(SETTLE_SECONDS)
        programs = tuple(name for pid, name in clone.processes().items() if first.get(pid) == name)
        started = Started(True, 0.0, "it runs", clone.open_ports())
        answers = ask(clone, (*PROBE_PATHS, "/metrics"))
        files, written = clone.log_sizes(), tuple(clone.written())
        log = read_container(container, since=since)  # after it was asked: the lines on that are among them
        return Run(started, log, answers, programs, files, written, reached=bool(clone.address))

    def ready_run(self) -> Run:
        """The same. Raises WorkshopError if it does not run."""
        if not self.normal.is_ready:
            raise WorkshopError(f"It {self.normal.started.by}.", "Start it, or leave --live out.")
        return self.normal

    def asked_run(self) -> Run:
        """The same, asked. Raises WorkshopError if it does not run, or is not in reach."""
        run = self.ready_run()
        if not run.reached:
            raise WorkshopError("Its network cannot be reached from here.", "Run the audit where the engine runs.")
        return run
