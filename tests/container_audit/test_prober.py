"""The container that asks clones."""

from __future__ import annotations

from typing import Any

import pytest
from docker.models.networks import Network

from container_audit import prober
from container_audit.clone_spec import private_network
from workshop_kit.engine.containers import url_of
from workshop_kit.engine.session import Session
from workshop_kit.observe import http

pytestmark = pytest.mark.engine


@pytest.mark.usefixtures("images")
def test_it_takes_questions_before_it_joins_the_network_of_the_clones(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine writes /etc/hosts anew for a second network: who looks for an own address meanwhile finds none."""
    connect = Network.connect
    statuses: list[int | None] = []

    def record(network: Network, container: str, **options: Any) -> None:
        attributes = session.engine.client.api.inspect_container(container)
        statuses.append(http.get(url_of(attributes, prober.PORT)).status)
        connect(network, container, **options)

    monkeypatch.setattr(Network, "connect", record)
    with private_network(session) as network, prober.on_network(session, network):
        pass
    assert statuses == [501]
