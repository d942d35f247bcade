"""Two instances behind a proxy are restarted under load, and no customer notices."""

from __future__ import annotations

import time

import pytest

from workshop_kit.disturb.inside import inside
from workshop_kit.disturb.load import load
from workshop_kit.engine import containers
from workshop_kit.engine import fleet as fleets
from workshop_kit.engine.containers import Running
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack

pytestmark = pytest.mark.engine

RATE_PER_SECOND = 30
SECONDS = 20


def test_no_request_fails_while_instances_restart(stack: Stack) -> None:
    """SIGTERM, drain, a new start, one after the other: every order list arrives, every process ends with 0."""
    with fleets.fleet(stack.session, stack.container("service")) as fleet:
        with load(fleet.proxy, rate_per_second=RATE_PER_SECOND, seconds=SECONDS, timeout_seconds=10) as sent:
            codes = fleet.roll()
        answers = sent.requests["status"].value_counts(dropna=False).to_dict()
        assert answers == {200: RATE_PER_SECOND * SECONDS}, sent.requests["error"].unique()
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


def test_a_killed_instance_is_noticed_by_customers(stack: Stack) -> None:
    """The measurement can fail: who waited for a killed instance gets no answer; of a stopped one, all do."""
    twin = stack.container("service")
    environment = dict(pair.split("=", 1) for pair in twin.attrs["Config"]["Env"]) | {"HTTP_FAULTS": "true"}
    with fleets.fleet(stack.session, twin, environment=environment) as fleet:
        stopped, killed = fleet.instances
        with inside("latency", stopped, ms=700), inside("latency", killed, ms=700):
            for end, all_good in ((stopped.stop, True), (killed.container.kill, False)):
                fleet.wait_up()
                with load(fleet.proxy, rate_per_second=RATE_PER_SECOND, seconds=5, timeout_seconds=10) as sent:
                    sent.running.wait_until(lambda: '"due"' in sent.running.log_tail(), what="send a request")
                    time.sleep(1)
                    end()
                assert (sent.requests["status"] == 200).all() == all_good
                stopped.container.start()
