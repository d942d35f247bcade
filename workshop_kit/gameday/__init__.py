"""Game day: something breaks in a shop of your own; configuration, logs and metrics together show what.

monday = game.start(w, image, "monday")
monday.watch()
monday.metrics(); monday.logs(); monday.releases(); monday.compare(40, 41)
monday.restart("production"); monday.deploy(release=41)
monday.debrief(what="…", since="…", how="…", considered="…")
monday.card()
"""

from __future__ import annotations

import secrets
from contextlib import ExitStack
from datetime import UTC, datetime
from random import Random
from threading import Event
from typing import Any

from workshop_kit.display.live import NotebookReport
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.control import explain_if_slow
from workshop_kit.errors import NotInTime, WrongUsage
from workshop_kit.gameday import customer_watch, service
from workshop_kit.gameday.causes import CAUSES
from workshop_kit.gameday.customers import Customers, ShopWatcher
from workshop_kit.gameday.incident import Incident
from workshop_kit.gameday.shop import DEPENDENCIES, PRODUCTION, Shop
from workshop_kit.lessons.lesson import Lesson
from workshop_kit.observe.watcher import Watcher, WatchTarget
from workshop_kit.reporting import Step
from workshop_kit.trials import dependency_proxies
from workshop_kit.trials.game_records import GameRecord

__all__ = ["CAUSES", "Incident", "start"]
NAME = "game"
"""The incident's name among the live outputs of a notebook: a new one ends the former."""


def start(lesson: Lesson, image: Any, name: str, *, seed: int | None = None) -> Incident:
    """Open a shop that runs ``image``, and start the incident once its customers are served; a former incident ends.

    ``image`` is what `client.images.build` returned for ``my_service``. ``name`` is one of CAUSES. The seed is the
    participant's unless it is given: the same seed, the same incident. Raises WrongUsage for another name, NotInTime if
    customers are not served before anything is changed, WorkshopError as the stack does, or if an exercise in the
    service is not solved.
    """
    if name not in CAUSES:
        raise WrongUsage(f"There is no incident {name!r}.", f"Choose from {', '.join(CAUSES)}.")

    seed = lesson.workspace.seed if seed is None else seed
    cause = CAUSES[name]
    title = name.capitalize()

    lesson.live_outputs.end(NAME)
    report = NotebookReport()
    report(Step(title, None, "opening the shop"))

    with explain_if_slow(lesson.stack.session), ExitStack() as block:
        shop = _open_shop(lesson, image, block)
        customers = Customers(shop)
        block.enter_context(customers.start())
        target = WatchTarget(PRODUCTION, service=PRODUCTION)
        workspace_id = lesson.stack.session.identity.workspace_id
        watcher = Watcher(lesson.engine, workspace_id, target).start()
        block.callback(watcher.stop)

        record = GameRecord(secrets.token_hex(6), name, seed, datetime.now(UTC))
        report(Step(title, None, "the first customers come"))
        wait_served(customers)

        incident = Incident(record, lesson, cause, shop, customers, ShopWatcher(watcher, customers), block.pop_all())

    lesson.live_outputs.replace(NAME, incident.stop)
    incident.begin(Random(f"gameday {name} {seed}"))  # noqa: S311 - the same for the same seed
    report(Step(title, 1.0, "The shop is open, and customers are coming.", done=True))
    return incident


def _open_shop(lesson: Lesson, image: Any, block: ExitStack) -> Shop:
    """Open the shop of an incident, with gateways to its dependencies; ``block`` closes what was started."""
    client = WorkspaceClient(lesson.stack.session)
    shop_service = service.prepare(lesson.exercise_service, client, image, lesson.folder)
    block.callback(shop_service.folder.cleanup)
    gateways = block.enter_context(dependency_proxies.start_proxies(lesson.stack, *DEPENDENCIES))
    gateways.set(dependency_proxies.OPEN)  # waits until they run

    shop = Shop(lesson.stack, shop_service, gateways)
    block.callback(shop.close)  # also if it does not open
    shop.open()
    return shop


def wait_served(customers: Customers) -> None:
    """Wait until customers are served in time, before anything is changed. Raises NotInTime if they are not."""
    unserved = customer_watch.wait_served(customers, Event())
    if unserved:
        raise NotInTime(
            f"Nothing was changed yet, and the shop does not serve its customers. {unserved}",
            "Run ./workshop goto 05, which keeps your my_service aside, then the cell again.",
        )
