"""The programs of a container are counted by command: starters, workers, copies and health checks are none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from container_audit.clone_run import CloneRun, CloneStart
from container_audit.findings import RuleVerdict
from container_audit.processes import tree_of
from container_audit.rules import build

HOLDS = RuleVerdict.HOLDS
FAILS = RuleVerdict.FAILS

# Rows of ``ps -o pid,ppid,args``: the engine's own parent process, 50, is not listed.
TWO_PYTHONS = [
    ["100", "50", "sh -c python3 -m http.server 8080 & python3 -m http.server 8081"],
    ["101", "100", "python3 -m http.server 8080"],
    ["102", "100", "python3 -m http.server 8081"],
]
LAST_REPLACES_THE_SHELL = [
    ["100", "50", "python3 -m http.server 8081"],
    ["101", "100", "python3 -m http.server 8080"],
]
TWO_SCRIPTS = [
    ["100", "50", "sh -c /srv/a.sh & /srv/b.sh"],
    ["101", "100", "/bin/sh /srv/a.sh"],
    ["102", "100", "/bin/sh /srv/b.sh"],
]
NGINX = [
    ["100", "50", "nginx: master process nginx -g daemon off;"],
    ["101", "100", "nginx: worker process"],
    ["102", "100", "nginx: worker process"],
]
UVICORN = [
    ["100", "50", "/sbin/docker-init -- python -m uvicorn app:app --workers 2"],
    ["101", "100", "python -m uvicorn app:app --workers 2"],
    ["102", "101", "/usr/local/bin/python3.13 -c from multiprocessing.resource_tracker import main;main(5)"],
    ["103", "101", "/usr/local/bin/python3.13 -c from multiprocessing.spawn import spawn_main; spawn_main()"],
]
NPM = [
    ["100", "50", "npm start"],
    ["101", "100", "sh -c node server.js"],
    ["102", "101", "node server.js"],
    ["103", "102", "/usr/local/bin/node /app/server.js"],
]
CHECKED = [
    ["100", "50", "/prometheus --config.file=/etc/prometheus.yml"],
    ["101", "50", "/bin/sh -c curl -s localhost:9090"],
    ["102", "101", "curl -s localhost:9090"],
    ["103", "100", "[prometheus] <defunct>"],
]
RABBITMQ = [
    ["100", "50", "/bin/sh /opt/rabbitmq/sbin/rabbitmq-server"],
    ["101", "100", "/usr/local/lib/erlang/erts-15.2/bin/beam.smp -W w -MBas ageffcbf"],
    ["102", "101", "erl_child_setup 1048576"],
    ["103", "102", "inet_gethost 4"],
    ["104", "100", "/usr/local/lib/erlang/erts-15.2/bin/epmd -daemon"],
]
S6 = [
    ["100", "50", "/package/admin/s6/command/s6-svscan -d4 -- /run/service"],
    ["101", "100", "s6-supervise nginx"],
    ["102", "101", "nginx: master process /usr/sbin/nginx"],
    ["103", "100", "s6-supervise php"],
    ["104", "103", "php-fpm: master process (/etc/php/php-fpm.conf)"],
    ["105", "104", "php-fpm: pool www"],
]


def recorded(rows: list[list[str]], first_pid: str = "100") -> Any:
    """A target whose clone had these processes once it was ready."""
    processes = tuple(tree_of(rows, first_pid).values())
    run = CloneRun(CloneStart(True, 1.0, "port 8080"), processes=processes)
    return SimpleNamespace(require_ready_run=lambda: run)


@pytest.mark.parametrize(
    ("rows", "verdict", "sentence"),
    [
        (TWO_PYTHONS, FAILS, "2 programs run in it: python3 -m http.server, python3 -m http.server."),
        (LAST_REPLACES_THE_SHELL, FAILS, "2 programs run in it: python3 -m http.server, python3 -m http.server."),
        (TWO_SCRIPTS, FAILS, "2 programs run in it: sh, sh."),
        (NGINX, HOLDS, "nginx runs in it."),
        (UVICORN, HOLDS, "python -m uvicorn runs in it."),
        (NPM, HOLDS, "node server.js runs in it."),
        (CHECKED, HOLDS, "prometheus runs in it."),
        (RABBITMQ, HOLDS, "beam.smp runs in it."),
        (S6, FAILS, "2 programs run in it: nginx, php-fpm."),
        ([], RuleVerdict.CANNOT_TELL, "It had ended before its processes could be seen."),
    ],
)
def test_programs_are_counted_by_command(rows: list[list[str]], verdict: RuleVerdict, sentence: str) -> None:
    """Two programs behind a shell or a supervisor are two, whatever their names; workers are the program itself."""
    judged = build.single_concern(recorded(rows))
    assert (judged.verdict, judged.sentence) == (verdict, sentence)


def test_processes_are_read_from_any_list() -> None:
    """Podman splits the columns elsewhere, and may show ids inside the container; BusyBox adds names."""
    split = [[pid, parent, *command.split()] for pid, parent, command in NGINX]
    assert build.single_concern(recorded(split)).sentence == "nginx runs in it."
    busybox = [["100", "50", "{loop.sh} /bin/sh /srv/loop.sh"], ["101", "100", "/usr/sbin/apache2"]]
    assert build.single_concern(recorded(busybox)).sentence == "apache2 runs in it."
    inside = [["1", "0", "sleep 600"], ["7", "0", "sh -c true"]]
    assert build.single_concern(recorded(inside, "4711")).sentence == "sleep runs in it."


def test_evidence_has_no_arguments() -> None:
    """They may be secrets: of a command its program and its script are shown."""
    judged = build.single_concern(recorded([["100", "50", "redis-server --requirepass correct-horse"]]))
    assert [evidence.observation for evidence in judged.evidence] == ["redis-server"]
