"""The proxy's image: settings that hold for any instances, and nothing but names in them."""

from __future__ import annotations

import runpy
from pathlib import Path

import httpx
import pytest

from workshop_kit.engine import containers
from workshop_kit.engine import fleet as fleets
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack


def test_a_name_is_not_a_setting(root: Path) -> None:
    """Each instance stands in both sections; what could be a setting of its own is refused."""
    settings = runpy.run_path(str(root / "images/proxy/run.py"))["settings"]
    common = (root / "images/proxy/haproxy.cfg").read_text()
    made = settings(common, ["one", "two-2.b"])
    assert made.count("    server one one:8080\n") == made.count("    server two-2.b two-2.b:8080\n") == 2
    for wrong in ("", "a b", "one\n    bind :1", "-f", "one:80"):
        with pytest.raises(ValueError, match="is not a name"):
            settings(common, [wrong])


@pytest.mark.engine
def test_without_an_instance_it_says_so(session: Session, images: dict[str, str]) -> None:
    """Exit code 1 and one sentence."""
    with containers.run(session, Spec(images["proxy"])) as proxy:
        assert proxy.wait_ended(within_seconds=60).code == 1
        assert proxy.log_tail().startswith("name the instances")


@pytest.mark.engine
@pytest.mark.long
def test_who_is_not_ready_is_not_asked_and_nobody_is_left_alone(stack: Stack) -> None:
    """One instance of two is stopped: the other serves all. None is ready: they are asked all the same."""
    with fleets.fleet(stack.session, stack.container("service")) as fleet:
        first, second = fleet.instances
        first.stop()
        fleet.proxy.wait_until(lambda: sorted(fleet.states().values()) == ["DOWN", "UP"], what="notice")
        with httpx.Client(base_url=fleet.proxy.url(), trust_env=False, timeout=20) as client:
            assert {client.get("/orders").status_code for _ in range(10)} == {200}
            stack.stop("redis")  # critical: the second is not ready any more, and reads orders all the same
            try:
                fleet.proxy.wait_until(lambda: set(fleet.states().values()) == {"DOWN"}, what="notice")
                assert client.get("/readyz").status_code == 503
                assert client.get("/orders").status_code == 200
            finally:
                stack.start("redis")
        first.container.start()
        fleet.wait_up()
        metrics = httpx.get(f"{fleet.proxy.url(fleets.STATISTICS_PORT)}/metrics", trust_env=False, timeout=20).text
        assert "haproxy_server_status" in metrics
        assert second.inspect()["RestartCount"] == 0
