"""The stack's monitoring: start it, find it, and try out rules in the running Prometheus.

It is a profile of compose.yaml: ``up`` leaves it out, this starts it beside the rest, ``down`` removes it as all else.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.progress import Report, silent

SERVICES = ("agent", "blackbox", "mysqld-exporter", "redis-exporter", "alert-receiver", "alertmanager", "prometheus")
RULES_FOLDER = "/tmp/rules"  # noqa: S108  # in the container
LARGEST_RULES_BYTES = 64 * 1024


@dataclass(frozen=True)
class Monitoring:
    """The running monitoring of a stack. Every property raises WorkshopError while its container is not up."""

    stack: Stack

    @property
    def prometheus_url(self) -> str:
        """Where Prometheus answers: queries, targets, alerts."""
        return self.stack.url("prometheus", 9090)

    @property
    def alertmanager_url(self) -> str:
        """Where Alertmanager answers: who was told what, and silences."""
        return self.stack.url("alertmanager", 9093)

    @property
    def agent_url(self) -> str:
        """Where the sidecar answers: ``/metrics``, as Prometheus reads it."""
        return self.stack.url("agent", 9101)

    @property
    def receiver(self) -> Any:
        """The container whose log holds one line of JSON for each alert that was delivered."""
        return self.stack.container("alert-receiver")

    def try_rules(self, text: str, name: str = "mine") -> None:
        """Let Prometheus use these rules (YAML, as in images/prometheus/rules) until it is restarted or they change.

        Raises WorkshopError with promtool's own words if it does not accept them; those before stay in use then.
        """
        prometheus, path = self.stack.container("prometheus"), _path_of(name)
        if len(text.encode()) > LARGEST_RULES_BYTES:
            raise WrongUsage("The rules are longer than 64 KiB.", "Try fewer at once.")
        # A folder for the candidate alone: what Prometheus reads at a restart is never half written, and never wrong.
        script = (
            f"mkdir -p {RULES_FOLDER} /tmp/candidate && cat > /tmp/candidate/{name}.yml"
            f" && promtool check rules /tmp/candidate/{name}.yml && mv /tmp/candidate/{name}.yml {path}"
        )
        code, said = _with_input(prometheus, script, text)
        if code:
            raise WorkshopError("promtool does not accept the rules.", "Correct them and try again.", output=said)
        prometheus.kill("HUP")

    def forget_rules(self, name: str = "mine") -> None:
        """Take rules that were tried out back; nothing happens if there are none."""
        prometheus = self.stack.container("prometheus")
        prometheus.exec_run(["rm", "-f", _path_of(name)])
        prometheus.kill("HUP")


def start(stack: Stack, report: Report = silent) -> Monitoring:
    """Start the monitoring of a stack, and what it watches, if it is not running; return once all of it is well."""
    stack.up(*SERVICES, report=report)
    return Monitoring(stack)


def stop(stack: Stack) -> None:
    """Remove the monitoring and all that it has measured; the rest of the stack stays as it is."""
    for name, container in stack.containers().items():
        if name in SERVICES:
            container.remove(force=True, v=True)


def _path_of(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]{1,40}", name):
        raise WrongUsage(f"{name!r} is no name for rules.", "Take up to 40 small letters, digits, - and _.")
    return f"{RULES_FOLDER}/{name}.yml"


def _with_input(container: Any, script: str, text: str) -> tuple[int, str]:
    """Run a shell script in a container with a text as its input; exit code, and what it said."""
    answer = container.exec_run(["sh", "-c", f"printf %s {shlex.quote(text)} | ({script})"])
    return int(answer.exit_code), answer.output.decode(errors="replace").strip()
