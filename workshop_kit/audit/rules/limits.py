"""Does it get ready with less: on a read-only root, without capabilities."""

from __future__ import annotations

from workshop_kit.audit.data import Evidence, Judged, fails, holds
from workshop_kit.audit.subject import Subject


def read_only_capable(subject: Subject) -> Judged:
    """A read-only root, with tmpfs on /tmp and /run."""
    runs = subject.need_runs()
    if subject.target.host.get("ReadonlyRootfs"):
        run = runs.ready_run()
    else:
        run = runs.confined(read_only=True, no_capabilities=True)
        run = run if run.is_ready else runs.confined(read_only=True, no_capabilities=False)
    seen = Evidence("docker run --read-only --tmpfs /tmp --tmpfs /run", f"it {run.summary}; {run.lines()}")
    return holds(f"It {run.summary}.", seen) if run.is_ready else fails(f"On a read-only root it {run.summary}.", seen)


def needs_no_capabilities(subject: Subject) -> Judged:
    """All capabilities dropped."""
    runs = subject.need_runs()
    if "ALL" in (subject.target.host.get("CapDrop") or ()) and not subject.target.host.get("CapAdd"):
        run = runs.ready_run()
    else:
        run = runs.confined(read_only=True, no_capabilities=True)
        run = run if run.is_ready else runs.confined(read_only=False, no_capabilities=True)
    seen = Evidence("docker run --cap-drop ALL", f"it {run.summary}; {run.lines()}")
    return holds(f"It {run.summary}.", seen) if run.is_ready else fails(f"Without capabilities it {run.summary}.", seen)
