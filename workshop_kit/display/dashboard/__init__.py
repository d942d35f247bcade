"""The dashboard: requests, latency, resources and health of a container on one time axis, live.

`view` says what is shown, `sheet` draws it, `Dashboard` keeps it moving; `static` is what remains of it on a page.
"""

from workshop_kit.display.dashboard.dashboard import Dashboard
from workshop_kit.display.dashboard.view import Fault

__all__ = ["Dashboard", "Fault"]
