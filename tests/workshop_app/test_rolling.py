"""Two instances behind a proxy are restarted under load, and no customer notices."""

from __future__ import annotations

import pytest

from workshop_kit.disturb.load import load
from workshop_kit.engine import containers
from workshop_kit.engine import fleet as fleets
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack

pytestmark = [pytest.mark.engine, pytest.mark.long]

RATE_PER_SECOND = 10


def test_no_request_fails_while_instances_restart(stack: Stack) -> None:
    """SIGTERM, drain, a new start, one after the other: every order list arrives, every process ends with 0.

    Customers come until the last instance is back, however long that takes; on a busy machine they wait.
    """
    with fleets.fleet(stack.session, stack.container("service")) as fleet:
        with load(fleet.proxy, rate_per_second=RATE_PER_SECOND, seconds=300, timeout_seconds=20) as sent:
            sent.running.wait_until(
                lambda: '"due"' in sent.running.log_tail(), within_seconds=60, what="send a request"
            )
            codes = fleet.roll()
            sent.end()
        answers = sent.requests["status"].value_counts(dropna=False).to_dict()
        assert answers.keys() == {200}, sent.requests["error"].unique()
        assert codes == [0, 0]
        fleet.wait_up()


def test_the_instances_serve_before_the_proxy_is_there(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until its first look the proxy takes everybody to be up: its word is not enough to give a fleet away."""
    made: list[Running] = []
    ready: list[bool] = []
    run = containers.run

    def seen(session: Session, spec: Spec) -> Running:
        if len(made) == 2:
            ready.extend(containers.answers(f"{one.url()}/readyz") for one in made)
        made.append(run(session, spec))
        return made[-1]

    monkeypatch.setattr(containers, "run", seen)
    with fleets.fleet(stack.session, stack.container("service")):
        assert ready == [True, True]
