"""The proxy's image: settings that hold for any instances, and nothing but names in them."""

from __future__ import annotations

import csv
import runpy
from pathlib import Path

import httpx
import pytest

from tests.conftest import like
from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack


def test_a_name_is_not_a_setting(root: Path) -> None:
    """A name that could be a setting is refused."""
    settings = runpy.run_path(str(root / "images/proxy/run.py"))["settings"]
    for wrong in ("", "a b", "one\n    bind :1", "-f", "one:80"):
        with pytest.raises(ValueError, match="is not a name"):
            settings("", [wrong])


def states(proxy: Running) -> list[str]:
    """The proxy's states of its instances, in the order of the command line; empty while it does not answer."""
    try:
        text = httpx.get(f"{proxy.url(8404)}/stats;csv", trust_env=False, timeout=20).text
    except httpx.TransportError:
        return []
    rows = csv.DictReader(text.removeprefix("# ").splitlines())
    return [row["status"] for row in rows if row["pxname"] == "service" and row["svname"] != "BACKEND"]


@pytest.mark.engine
@pytest.mark.long
def test_an_instance_that_is_not_ready_gets_no_requests(stack: Stack, images: dict[str, str]) -> None:
    """With one of two stopped the other serves all. If none is ready, all get requests."""
    spec = like(stack.container("service"))
    with containers.run(stack.session, spec) as first, containers.run(stack.session, spec) as second:
        names = (first.id[:12], second.id[:12])
        before = Spec(images["proxy"], command=names, network=spec.network, ports=(8080, 8404))
        with containers.run(stack.session, before) as proxy:
            proxy.wait_until(lambda: states(proxy) == ["UP", "UP"], what="see both")
            first.container.stop()
            proxy.wait_until(lambda: states(proxy) == ["DOWN", "UP"], what="notice")
            with httpx.Client(base_url=proxy.url(), trust_env=False, timeout=20) as client:
                assert {client.get("/orders").status_code for _ in range(10)} == {200}
                stack.container(
                    "redis"
                ).stop()  # critical: the second is not ready any more, and reads orders all the same
                try:
                    proxy.wait_until(lambda: states(proxy) == ["DOWN", "DOWN"], what="notice")
                    assert client.get("/readyz").status_code == 503
                    assert client.get("/orders").status_code == 200
                finally:
                    stack.up("redis")
            first.container.start()
            proxy.wait_until(lambda: states(proxy) == ["UP", "UP"], what="see both again")
            metrics = httpx.get(f"{proxy.url(8404)}/metrics", trust_env=False, timeout=20).text
            assert "haproxy_server_status" in metrics
