"""How long one waits for an audit: of an image at which it only looks, of a container of which it runs clones."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks._rows import Row, median_seconds, show
from workshop_kit.audit import catalog
from workshop_kit.audit.runner import run_audit
from workshop_kit.engine import cleanup, reach
from workshop_kit.engine.session import Session
from workshop_kit.workspace import provision
from workshop_kit.workspace.folder import Workspace

RUNS = 3


def of_words(session: Session, work: str, word: str, only: tuple[str, ...], aim: str) -> Row:
    """The audit of a target with some rules, each of which has to come to a finding."""

    def look() -> None:
        (audited,) = run_audit(session, word, only=only).targets
        assert len(audited.findings) == len(catalog.chosen(only))

    return Row(work, median_seconds(look, RUNS), RUNS, aim)


def main() -> None:
    """Audit our own service, in a workspace of its own, and leave nothing behind."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder) / "workspace")
        session = provision.session_of(workspace, reach.connect())
        try:
            stack = provision.stack_of(workspace, session)
            stack.up()
            service = stack.container("service")
            image = f"image:{service.attrs['Image']}"
            container = f"container:{service.id}"
            show(
                [
                    of_words(session, "static audit of our service's image", image, ("static",), "≤ 3 s"),
                    of_words(session, "static audit of our service", container, ("static",), "≤ 3 s"),
                    of_words(session, "full audit of our service", container, (), "≤ 30 s"),
                ]
            )
        finally:
            cleanup.remove(session, {"kernel", "workspace"})


if __name__ == "__main__":
    main()
