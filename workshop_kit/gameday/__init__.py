"""Game day: something breaks in a shop of your own; configuration, logs and metrics together show what.

monday = game.start(w, image, "monday")
monday.dashboard()
monday.metrics(); monday.logs(); monday.releases(); monday.compare(40, 41)
monday.restart("production"); monday.deploy("production", release=41)
monday.debrief(what="…", since="…", how="…", considered="…")
monday.card()
"""

from workshop_kit.gameday.causes import CAUSES
from workshop_kit.gameday.incident import Incident, start
from workshop_kit.gameday.signals import after_restart

__all__ = ["CAUSES", "Incident", "after_restart", "start"]
