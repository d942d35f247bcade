"""Watch containers once a second: their traffic, health, resources and events.

``Watcher`` gathers in threads until it is stopped; ``Tables`` holds the data. A container is followed by its service's
name, so that rows continue under that name after a restart (another port) and a replacement (another id). Unknown
values are missing in the tables, never zero.
"""

from workshop_kit.observe.watch.watcher import Tables, Watcher, WatchTarget

__all__ = ["Tables", "WatchTarget", "Watcher"]
