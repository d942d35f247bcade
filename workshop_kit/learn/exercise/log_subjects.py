"""What the exercises on logs are about: an incident on the stack, and a container that writes lines of every kind."""

from __future__ import annotations

from random import Random

import pandas as pd
from docker.errors import NotFound

from workshop_kit.engine.containers import Running
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.learn.exercise import incidents
from workshop_kit.learn.exercise.incidents import Incident
from workshop_kit.show.working import NotebookReport

Made = tuple[dict[str, str], Running]
"""The names by which a check finds it, and the container that it is about."""


def new_incident(stack: Stack, random: Random) -> Made:
    """An incident that has just happened: half a minute of customers, with a fault in the middle."""
    return _made(stack, incidents.inject(stack, random, NotebookReport()))


def latest_incident(stack: Stack, random: Random) -> Made:
    """The latest incident of this workspace, if its log is still there; else a new one."""
    service = stack.container("service").id
    for incident in reversed(incidents.all_kept(stack.session)):
        if incident.container == service:
            return _made(stack, incident)
    return new_incident(stack, random)


def incident_log(stack: Stack, identifier: str) -> pd.DataFrame:
    """The service's lines while an incident lasted (see `incidents.log_of`). Raises WorkshopError if it is gone."""
    incident = incidents.find(stack.session, identifier)
    try:
        if incident is not None:
            return incidents.log_of(stack.session.engine.client.containers.get(incident.container), incident)
    except NotFound:
        pass
    raise WorkshopError("The log of this incident is gone.", "Run the cell with the exercise's panel again.")


def _made(stack: Stack, incident: Incident) -> Made:
    return {"incident": incident.id}, Running(stack.session, stack.container("service"))
