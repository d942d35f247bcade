"""The record of what was run on which engine: each test notes its own, and `./workshop build` makes a page of them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

from workshop_dev import generated
from workshop_kit.files import write_atomically
from workshop_kit.paths import CHECKOUT

VERSIONS = re.compile(r"^\S+ \w+ +(?:Engine version|docker command) +(.+?) *$", re.MULTILINE)
"""The lines of doctor with versions."""


AGENT_READS = "the metrics agent beside a service"
AGENT_SAYS = "the metrics agent, which says that it cannot read there"


def judge_agent(output: str) -> str:
    """Return what `engines/agent.sh` has shown: the numbers of a service, or one sentence that names stats()."""
    if "container_memory_working_set_bytes " in output:
        return AGENT_READS
    assert "use stats() instead" in output, output
    assert "Traceback" not in output, output
    return AGENT_SAYS


def note(engine: str, *, doctor: str, ran: str, not_shown: str) -> None:
    """Note a run that passed; ``doctor`` is what doctor printed there, ``not_shown`` what the run could not show."""
    versions = VERSIONS.findall(doctor)
    assert versions, doctor
    path = CHECKOUT / generated.ENGINE_RUNS
    runs = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    runs[engine] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": "; ".join(versions),
        "ran": ran,
        "not_shown": not_shown,
    }
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(runs, indent=1, ensure_ascii=False, sort_keys=True)
    write_atomically(path, f"{text}\n".encode())
