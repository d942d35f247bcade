"""Watch containers: what is asked of them, how they feel, what they use and what happens to them, once a second.

``Watcher`` gathers, in threads of its own, until it is stopped; ``Tables`` is what it has gathered. A container is
followed by its service's name: one that restarts gets another port, one that is made anew another id, and the rows go
on under the same name. What is not known is missing in the tables, never zero.
"""

from workshop_kit.observe.watch.subjects import Subject
from workshop_kit.observe.watch.tables import Tables
from workshop_kit.observe.watch.watcher import Watcher

__all__ = ["Subject", "Tables", "Watcher"]
