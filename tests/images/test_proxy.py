"""The load balancer's image: its settings come from the environment, and it fails open, or does not."""

from __future__ import annotations

import httpx
import pytest

from images.proxy import run
from tests.images.conftest import until
from workshop_kit.engine import containers
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running
from workshop_kit.engine.stack import Stack
from workshop_kit.paths import CHECKOUT

COMMON = (CHECKOUT / "images" / "proxy" / "haproxy.cfg").read_text()
NEVER_READY = """
import http.server


class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503)
        self.end_headers()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.end_headers()


http.server.ThreadingHTTPServer(("", 8080), Shop).serve_forever()
"""
"""A shop whose copies are never ready, and sell all the same."""


def test_the_settings_have_the_instances_and_the_values_of_the_environment() -> None:
    """What the file shows is what HAProxy does: no variable is left in it."""
    usual = run.settings(COMMON, ["shop-1", "shop-2"], {})
    assert usual.count("server shop-1 shop-1:8080") == usual.count("server shop-2 shop-2:8080") == 2
    assert "inter 250ms fall 2 " in usual
    assert "bool(1)" in usual
    assert "${" not in usual

    chosen = run.settings(
        COMMON, ["shop-1"], {"CHECK_INTERVAL": "1s", "CHECK_FALL": "3", "RETRIES": "0", "FAIL_OPEN": "0"}
    )
    assert "inter 1s fall 3 " in chosen
    assert "retries 0\n" in chosen
    assert "bool(0)" in chosen


@pytest.mark.parametrize(
    ("names", "environment"), [(["a b"], {}), (["shop"], {"CHECK_FALL": "2 rise 9"}), (["shop"], {"RETRIES": ""})]
)
def test_nothing_else_gets_into_the_settings(names: list[str], environment: dict[str, str]) -> None:
    """A name or a value that is none is refused."""
    with pytest.raises(ValueError, match="is no"):
        run.settings(COMMON, names, environment)


def is_down(balancer: Running) -> bool:
    """Return whether HAProxy thinks that no instance is ready."""
    try:
        lines = httpx.get(f"{balancer.url(8404)}/stats;csv", trust_env=False, timeout=10).text.splitlines()
    except httpx.TransportError:
        return False  # it has not started yet
    return any(line.startswith("service,BACKEND,") and ",DOWN," in line for line in lines)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("fail_open", "status"), [("1", 201), ("0", 503)])
def test_without_a_ready_instance_it_uses_all_or_none(
    stack: Stack, images: dict[str, str], fail_open: str, status: int
) -> None:
    """As an Application Load Balancer does, or as HAProxy does unless it is told otherwise."""
    network = f"{stack.project}_default"
    shop = Spec(images["base"], command=("python3", "-c", NEVER_READY), network=network)
    with containers.run(stack.session, shop) as instance:
        environment = {"FAIL_OPEN": fail_open}
        proxy = Spec(
            images["proxy"], command=(instance.name,), environment=environment, network=network, ports=(8080, 8404)
        )
        with containers.run(stack.session, proxy) as balancer:
            until(lambda: is_down(balancer), balancer.container)
            answer = httpx.post(f"{balancer.url(8080)}/orders", json={"item": "tea"}, trust_env=False, timeout=10)
            assert answer.status_code == status
