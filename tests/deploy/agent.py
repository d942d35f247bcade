"""What the metrics agent showed on an engine."""

from __future__ import annotations


def judge_agent(output: str) -> None:
    """Check that `engines/agent.sh` has shown the numbers of a service, or one sentence that names stats()."""
    if "container_memory_working_set_bytes " not in output:
        assert "use stats() instead" in output, output
        assert "Traceback" not in output, output
