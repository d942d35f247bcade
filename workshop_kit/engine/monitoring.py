"""The stack's monitoring: start it, give the running Prometheus scrape jobs and rules, check files with promtool.

It is a profile of compose.yaml: ``Stack.up`` leaves it out, `start` adds it, ``down`` removes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from workshop_kit.engine import containers, recipes
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.host import MIB
from workshop_kit.patience import patient
from workshop_kit.reporting import Report, silent

SERVICES = ("blackbox", "mysqld-exporter", "redis-exporter", "alert-receiver", "alertmanager", "prometheus")
KINDS = {"scrape_configs": "scrape", "groups": "rules"}
"""The first key of a file for Prometheus, and the folder below /tmp from which prometheus.yml includes it."""
RELOAD_SECONDS = 10.0
PROMTOOL_SECONDS = 60.0
LOAD = """
set -e
candidate=/tmp/candidate
rm -rf $candidate
mkdir -p /tmp/scrape /tmp/rules $candidate
cp -r /tmp/scrape /tmp/rules $candidate
printf %s "$1" > "$candidate/$2/$0"
sed "s#/tmp/#$candidate/#" /etc/workshop/prometheus.yml > $candidate/prometheus.yml
promtool check config $candidate/prometheus.yml
mv "$candidate/$2/$0" "/tmp/$2/$0"
"""
"""Checks the configuration with a new file ($0 name, $1 text, $2 folder), then moves the file into place."""

PROMTOOL_FOLDER = "/data"
"""The folder in promtool's container that has the files."""
_MESSAGES = (
    re.compile(r"line (\d+): (.*)"),
    re.compile(r": (\d+):\d+: (.*)"),
    re.compile(r"FAILED:\s+\S.*?\.ya?ml\"?: ()(.*)"),
)
"""Patterns of promtool's messages on YAML, on a rule, and on a whole file: line (for a whole file ""), then reason."""
_LONGEST_REASON = 200


@dataclass(frozen=True)
class Monitoring:
    """The running monitoring of a stack. Its methods raise WorkshopError while a container is not up."""

    stack: Stack

    def prometheus_url(self) -> str:
        """Return the address of Prometheus."""
        return self.stack.url("prometheus", 9090)

    def load(self, file: str | Path) -> None:
        """Give Prometheus a file of scrape jobs or of rules, which it keeps until its container is removed.

        A file of the same name is replaced. promtool checks the whole configuration first: if that fails, the former
        configuration stays in use, and a WorkshopError names the line.
        """
        name = Path(file).name
        text = Path(file).read_text()
        folder = _folder_of(name, text)

        result = self.stack.container("prometheus").exec_run(["sh", "-c", LOAD, name, text, folder])
        output = result.output.decode(errors="replace")
        if result.exit_code:
            raise WorkshopError(promtool_sentence(output, name), "Correct it and load it again.", output=output)

        url = f"{self.prometheus_url()}/-/reload"
        try:
            httpx.post(url, timeout=patient(RELOAD_SECONDS), trust_env=False).raise_for_status()
        except httpx.HTTPError as error:
            raise WorkshopError(f"Prometheus did not reload with {name}: {error}.", "Read its log.") from error


def start(stack: Stack, report: Report = silent) -> Monitoring:
    """Start the monitoring of a stack, and what it watches, if it is not running; wait until all of it is healthy."""
    stack.up(*SERVICES, report=report)
    return Monitoring(stack)


def _folder_of(name: str, text: str) -> str:
    """Return the folder that a file belongs in: ``scrape`` or ``rules``. Raises WrongUsage for a wrong name or text."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}\.ya?ml", name):
        raise WrongUsage(f"{name!r} is no name of a file for Prometheus.", "Call it like alerts.yml.")

    for key, folder in KINDS.items():
        if re.search(rf"^{key}:", text, re.MULTILINE):
            return folder
    raise WrongUsage(f"{name} has neither scrape_configs: nor groups:.", "Scrape jobs or rules can be loaded.")


def promtool(stack: Stack, files: Mapping[str, str]) -> Running:
    """Run a container with promtool, without a network, with these files (text by name) in `PROMTOOL_FOLDER`."""
    spec = Spec(
        image=recipes.tags(stack.root)["prometheus"],
        entrypoint=("sleep", f"{patient(PROMTOOL_SECONDS):.0f}"),
        network="none",
        volumes=(PROMTOOL_FOLDER,),
        files={f"{PROMTOOL_FOLDER}/{name}": text for name, text in files.items()},
        environment={"GOMAXPROCS": "1"},
        memory_bytes=128 * MIB,
    )
    return containers.run(stack.session, spec)


def promtool_sentence(output: str, name: str) -> str:
    """Return promtool's output on the file ``name`` as one sentence, with the number of the line if promtool names it.

    >>> promtool_sentence('FAILED:\\n/d/a.yml: 5:15: group "mine", rule 1: parse error', "a.yml")
    'a.yml, line 5: group "mine", rule 1: parse error.'
    >>> promtool_sentence("FAILED:\\n/d/a.yml: yaml: unmarshal errors:\\n  line 9: field forr not found", "a.yml")
    'a.yml, line 9: field forr not found.'
    >>> promtool_sentence('FAILED:\\n/d/a.yml: not a valid duration string: "often"', "a.yml")
    'a.yml: not a valid duration string: "often".'
    """
    line, reason = _line_and_reason(output)
    reason = reason.strip()[:_LONGEST_REASON].rstrip(".")
    return f"{name}, line {line}: {reason}." if line else f"{name}: {reason}."


def _line_and_reason(output: str) -> tuple[str, str]:
    """Return the number of the line that promtool names, or "", and promtool's reason, or else its last line."""
    for message in _MESSAGES:
        if match := message.search(output):
            return match[1], match[2]

    last_line = output.strip().rpartition("\n")[2]
    return "", last_line
