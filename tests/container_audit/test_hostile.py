"""Hostile targets: the audit ends, reports what happened, and leaves nothing."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from container_audit import clone_spec, prober, prober_inside
from container_audit.clone_spec import private_network
from container_audit.findings import AuditReport, RuleVerdict
from container_audit.prober import ContainerProber
from container_audit.report import as_card, as_json, as_text
from container_audit.runner import run_audit
from tests.container_audit import bad_images
from tests.workshop_kit.engine.kernels import things
from workshop_kit.engine.session import Session
from workshop_kit.observe import http

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

FILES = """
import itertools
for number in itertools.count():
    open(f"/srv/{number}", "w").close()
"""
GARBAGE = r"""
import os, socket
print('<img src=x onerror=alert(1)>\x1b[2J\u202e', flush=True)
print('{"ts": 1, "level": {"a": [1e999, NaN]}}', flush=True)
s = socket.create_server(('0.0.0.0', 8080))
while True:
    c = s.accept()[0]
    try:
        c.send(b'HTTP/9 \xff\x00 <script>' + os.urandom(100_000))
        c.close()
    except OSError:
        pass
"""
SECRET = "correct-horse-battery-staple"
TELLS = "import time\nprint('connecting with', open('/run/secrets/db').read(), flush=True)\ntime.sleep(100)\n"


def audit(session: Session, image: str, code: str, only: str = "dynamic", **settings: Any) -> AuditReport:
    """Audit a container that runs a program; nothing of the audit is left afterwards."""
    quick_stop = {"stop_signal": "SIGKILL"}  # these programs ignore SIGTERM
    settings = {"entrypoint": ["python3", "-c", code], "ports": {"8080/tcp": None}, **quick_stop, **settings}
    with bad_images.created(session, image, **settings) as word:
        before = things(session.engine, session.identity.workspace_id)
        report = run_audit(session, word, only=[only])
        assert {*things(session.engine, session.identity.workspace_id)} <= {*before}
    return report


def test_a_logged_file_secret_is_found_and_shown_nowhere(
    session: Session, images: dict[str, str], open_path: Path
) -> None:
    """The rule names the file; text, JSON and card have the line without the secret."""
    file = open_path / "db"
    file.write_text(SECRET + "\n")
    file.chmod(0o644)
    volumes = [f"{file}:/run/secrets/db:ro"]
    report = audit(session, images["base"], TELLS, "logs.no-secrets,logs.structured", volumes=volumes, ports={})
    (finding,) = (finding for finding in report.failing() if finding.rule.id == "logs.no-secrets")
    assert "/run/secrets/db" in finding.sentence
    forms = [as_text(report), json.dumps(as_json(report)), as_card(report).html]
    assert any("[masked, 28 characters]" in form for form in forms)
    assert not any(SECRET[start : start + 6] in form for form in forms for start in range(len(SECRET) - 5))


def test_what_a_clone_writes_is_bounded(
    session: Session, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone that fills the disk is killed, the finding says so, and no other clone starts."""
    monkeypatch.setattr(clone_spec, "WRITTEN_FILES", 500)
    never_ready = {"test": ["CMD", "false"]}
    rules = "lifecycle.stops,lifecycle.survives-a-kill"
    report = audit(session, images["base"], FILES, rules, ports={}, healthcheck=never_ready)
    for finding in report.targets[0].findings:
        assert finding.verdict is RuleVerdict.CANNOT_TELL
        assert "it wrote more than 500 files" in finding.sentence


@pytest.mark.long
def test_bytes_that_attack_the_reader_are_shown_as_text(session: Session, images: dict[str, str]) -> None:
    """HTML, escape sequences, direction marks and huge numbers are text; an answer that is no HTTP is reported so."""
    report = audit(session, images["base"], GARBAGE, "logs,monitoring.probes-fast")
    findings = report.targets[0].findings
    verdicts = {finding.rule.id: finding.verdict for finding in findings}
    assert verdicts["monitoring.probes-fast"] is RuleVerdict.NOT_APPLICABLE
    texts = [evidence.observation for finding in findings for evidence in finding.evidence]
    assert any("<img" in text and "\\x1b[2J\\u202e" in text for text in texts)
    assert not any("\x1b" in text or "\u202e" in text for text in texts)


def test_clones_are_asked_from_a_container_on_their_network(
    session: Session, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine connects to loopback alone: with an engine in a virtual machine it reaches nothing else."""
    asked = []
    connect = socket.create_connection

    def connect_to_loopback(address: tuple[str, int], *arguments: Any, **options: Any) -> socket.socket:
        asked.append(address[0])
        if address[0] != "127.0.0.1":
            raise OSError("unreachable")
        return connect(address, *arguments, **options)

    monkeypatch.setattr(socket, "create_connection", connect_to_loopback)
    rules = "lifecycle.serves-a-port,monitoring.probes-fast,monitoring.metrics-valid"
    report = audit(session, images["base"], GARBAGE, rules)
    verdicts = {finding.rule.id: finding.verdict for finding in report.targets[0].findings}
    assert verdicts["lifecycle.serves-a-port"] is RuleVerdict.HOLDS, report
    assert set(asked) == {"127.0.0.1"}


def test_a_clone_cannot_use_the_prober(session: Session, images: dict[str, str]) -> None:
    """It does not listen on the network of the clones, and refuses a request without the audit's token."""
    with private_network(session) as network, prober.on_network(session, network) as own:
        assert isinstance(own, ContainerProber)
        running = own.running
        addresses = {
            name: network["IPAddress"] for name, network in running.inspect()["NetworkSettings"]["Networks"].items()
        }
        assert own.open_ports(addresses[network], [prober_inside.PORT]) == ()
        assert own.open_ports(addresses["bridge"], [prober_inside.PORT]) == (prober_inside.PORT,)
        question = {"url": "http://127.0.0.1/", "timeout_seconds": 1, "token": "guessed"}
        assert http.request("POST", own.url, json_body=question).status == 403
