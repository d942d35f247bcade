"""A finding shows the line of the Dockerfile that it comes from, or what the image's history says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from container_audit.build_steps import last_stage, read_steps, steps_of_finding
from container_audit.findings import Evidence, RuleFinding, RuleVerdict
from container_audit.targets import Target
from tests.container_audit.test_report import rule_of

DOCKERFILE = """
ARG BASE
FROM ${BASE} AS build
USER root
FROM ${BASE}
ARG VERSION=dev
# The database's password, for the tests.
ENV DB_PASSWORD=correct-horse MODE="two words"
COPY --chmod=0644 main.py \\
     secret.key /srv/
RUN <<END
USER nobody
END
USER root
HEALTHCHECK CMD ["python3", "probe.py"]
CMD python3 main.py
"""
# Recorded with BuildKit 0.12; the first two are the base's.
HISTORY = [
    'CMD ["bash"]',
    "USER 65534",
    "ARG VERSION=1.2",
    "ENV DB_PASSWORD=correct-horse MODE=two words",
    "COPY --chmod=0644 main.py secret.key /srv/ # buildkit",
    "RUN |1 VERSION=1.2 /bin/sh -c echo a\n # buildkit",
    "USER root",
    'HEALTHCHECK &{["CMD" "python3" "probe.py"] "0s" "0s" "0s" "0s" \'\\x00\'}',
    'CMD ["/bin/sh" "-c" "python3 main.py"]',
]
CONFIG = {"User": "root", "Cmd": ["/bin/sh", "-c", "python3 main.py"], "Env": ["DB_PASSWORD=correct-horse"]}
FILE = Evidence("docker image save, every layer: layer 2 COPY --chmod=0644 main.py secret.key /srv/", "/srv/secret.key")


def origin(
    folder: Path, rule: str, sentence: str, *evidence: Evidence, container: dict[str, Any] | None = None
) -> list[tuple[str, str]]:
    """Where a finding comes from, and what stands there."""
    steps = read_steps([{"CreatedBy": created_by} for created_by in HISTORY], folder)
    target = Target("shop:1", {"Config": CONFIG}, {"Config": {**CONFIG, **container}} if container else None)
    finding = RuleFinding(rule_of(rule), RuleVerdict.FAILS, sentence, evidence, 0.0)
    return [(step.place, step.text) for step in steps_of_finding(steps, finding, target)]


ROOT = ("confinement.non-root", "It runs as root.")
SECRET = ("config.no-secrets-in-environment", "It shows DB_PASSWORD.")
OTHER = ("config.no-secrets-in-environment", "It shows OTHER_PASSWORD.")
STOP = ("lifecycle.stops", "Process 1, sh, has no handler of SIGTERM.")
LAYER = ("config.no-secret-files", "There is a file of secrets: /srv/secret.key.", FILE)


@pytest.mark.parametrize(
    ("finding", "line", "text"),
    [
        (ROOT, 14, "USER root"),
        (SECRET, 8, 'ENV DB_PASSWORD=correct-horse MODE="two words"'),
        (STOP, 16, "CMD python3 main.py"),
        (LAYER, 9, "COPY --chmod=0644 main.py secret.key /srv/"),
    ],
)
def test_a_known_dockerfile_has_the_line(tmp_path: Path, finding: tuple[Any, ...], line: int, text: str) -> None:
    """It lies in the current folder, or in one below it: comments, continued lines and here-documents are counted."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "Dockerfile").write_text(DOCKERFILE)
    assert origin(tmp_path, *finding) == [(f"shop/Dockerfile, line {line}", text)]
    assert origin(tmp_path / "shop", *finding) == [(f"Dockerfile, line {line}", text)]


@pytest.mark.parametrize(
    ("former", "latter"),
    [("USER root", "USER 10001"), ("HEALTHCHECK", "# HEALTHCHECK"), ("main.py", "app.py"), (DOCKERFILE, "\\")],
)
def test_a_dockerfile_of_another_image_does_not_count(tmp_path: Path, former: str, latter: str) -> None:
    """The history says what was built; a file by its layer is in the evidence already."""
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.replace(former, latter))
    assert origin(tmp_path, *ROOT) == [("docker history", "USER root")]
    assert origin(tmp_path, *STOP) == [("docker history", 'CMD ["/bin/sh" "-c" "python3 main.py"]')]
    assert origin(tmp_path, *LAYER) == []


def test_what_was_given_at_the_start_comes_from_no_dockerfile(tmp_path: Path) -> None:
    """Nor does a variable that no instruction sets."""
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    assert origin(tmp_path, *OTHER) == []
    assert origin(tmp_path, *ROOT, container={"User": "0"}) == []
    assert len(origin(tmp_path, *ROOT, container={"Cmd": ["sh"]})) == 1


def test_a_file_that_cannot_be_read_stops_no_audit(tmp_path: Path) -> None:
    """Neither bytes that are no text, nor a folder of that name."""
    (tmp_path / "Dockerfile").write_bytes(b"\xff\x00FROM")
    (tmp_path / "shop" / "Dockerfile").mkdir(parents=True)
    assert origin(tmp_path, *ROOT) == [("docker history", "USER root")]


def test_instructions_of_the_last_stage_have_their_lines() -> None:
    """What looks like a here-document is none."""
    text = "FROM a\r\nFROM b\r\nRUN echo $((1<<X)) <<<word\r\nCOPY <<A <<-'B' /srv\r\nUSER 0\r\nA\r\n\tB\r\nUSER 1\r\n"
    assert [(one.word, one.line) for one in last_stage(text)] == [("RUN", 3), ("COPY", 4), ("USER", 8)]
    assert last_stage("") == []
