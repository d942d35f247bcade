"""jq in a container is the real program, bounded in time and output.

A filter that reads any line: tests/lessons/test_facts.py.
"""

from __future__ import annotations

import io

import pytest

from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.jq import jq

pytestmark = pytest.mark.engine


def test_a_program_without_end_is_stopped(session: Session, images: dict[str, str]) -> None:
    """No container stays."""
    image = images["collector"]
    with pytest.raises(WorkshopError, match="took more than 1 s"):
        jq(session, image, "last(range(1e12))", b"1", timeout_seconds=1)
    left = session.engine.client.containers.list(all=True, filters={"ancestor": image}, ignore_removed=True)
    assert [one for one in left if one.labels.get("workshop.session") == session.identity.session] == []


def test_jq_takes_programs_like_options_and_large_input(session: Session, images: dict[str, str]) -> None:
    """Large output is cut."""
    image = images["collector"]
    assert jq(session, image, "-1", b"null").output == "-1\n"
    numbers = io.BytesIO()
    numbers.writelines(b"%d\n" % n for n in range(300_000))
    assert jq(session, image, "add", numbers.getvalue(), "-s").output == "44999850000\n"
    answer = jq(session, image, "range(1e9)", b"1", max_bytes=10_000)
    assert (len(answer.output), answer.cut) == (10_000, True)
