"""Game day: something breaks in a shop of your own, and configuration, logs and metrics together tell what.

monday = game.start(w, "monday")
monday.watch.dashboard()
monday.releases(); monday.settings(); monday.logs()
monday.restart("production"); monday.deploy("production", release=41)
monday.debrief(what="…", since="…", how="…", considered="…")
monday.card()
"""

from workshop_kit.game.causes import CAUSES
from workshop_kit.game.incident import Incident, start
from workshop_kit.game.jigsaw import jigsaw

__all__ = ["CAUSES", "Incident", "jigsaw", "start"]
