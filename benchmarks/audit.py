"""The time of an audit: static rules on an image and a container, all rules on a container with clones."""

from __future__ import annotations

from benchmarks._rows import Row, median_seconds, show
from benchmarks._workspace import own_stack
from workshop_kit.audit import catalog
from workshop_kit.audit.runner import run_audit
from workshop_kit.engine.session import Session

RUNS = 3


def audit(session: Session, work: str, word: str, only: tuple[str, ...], aim: str) -> Row:
    """Audit a target with some rules; each of them must give a finding."""

    def look() -> None:
        (report,) = run_audit(session, word, only=only).targets
        assert len(report.findings) == len(catalog.chosen(only))

    return Row(work, median_seconds(look, RUNS), RUNS, aim)


def main() -> None:
    """Audit the service of a stack of its own."""
    with own_stack() as (_, stack):
        service = stack.container("service")
        image, container = f"image:{service.attrs['Image']}", f"container:{service.id}"
        show(
            [
                audit(stack.session, "static audit of the service's image", image, ("static",), "≤ 3 s"),
                audit(stack.session, "static audit of the service", container, ("static",), "≤ 3 s"),
                audit(stack.session, "full audit of the service", container, (), "≤ 30 s"),
            ]
        )


if __name__ == "__main__":
    main()
