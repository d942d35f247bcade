"""The seeded incidents: their faults exist, and one on the live stack is over and known once it returns."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from tests.conftest import LiveStack
from workshop_kit.engine.labels import SESSION
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises import fixtures, incidents
from workshop_kit.exercises.incidents import TROUBLES
from workshop_kit.faults import catalog
from workshop_kit.faults.journal import Journal
from workshop_kit.progress import Step


def test_every_trouble_is_a_fault_of_the_catalog_and_its_hiccup_is_elsewhere() -> None:
    """A misspelled parameter would show only to the participant whose seed draws it."""
    for trouble in TROUBLES:
        catalog.named(trouble.fault).complete(trouble.parameters)
        assert trouble.decoys
        assert trouble.target not in trouble.decoys


@pytest.mark.long
@pytest.mark.engine
@pytest.mark.timeout(180)
def test_an_incident_is_over_when_it_returns(
    participant: Stack, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No fault stays in force, no load runs any more, and a check in another process finds the incident."""
    for name, seconds in {"LOAD_SECONDS": 8, "QUIET_SECONDS": 1.0, "TROUBLE_SECONDS": 2.0}.items():
        monkeypatch.setattr(incidents, name, seconds)
    live, steps = LiveStack(participant), list[Step]()
    live.restore()
    incident = incidents.inject(participant, Random(1), steps.append, TROUBLES[0])
    assert Journal(participant.session).entries() == []
    assert participant.container("redis").status == "running"
    mine = {"ancestor": images["load"], "label": f"{SESSION}={participant.session.identity.session}"}
    assert participant.session.engine.client.containers.list(filters=mine, ignore_removed=True) == []
    assert incident.began < incident.injecting < incident.injected < incident.ended
    assert incident.ended - incident.injected >= timedelta(seconds=incidents.TROUBLE_SECONDS)
    assert steps[-1].done
    assert incidents.find(participant.session, incident.id) == incident
    assert fixtures.logging_percentiles(participant, Random(1)).names == {"incident": incident.id}
    assert set(incidents.FIELDS) <= set(incidents.incident_log(participant, incident.id).columns)
    live.restore()
