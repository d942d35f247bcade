"""The dashboard: requests, latency, resources and health of a container on one time axis, live.

`view` is the data, `renderer` draws it over `axes`, `dashboard` shows it on the page.
"""

from workshop_kit.display.dashboard.dashboard import Dashboard
from workshop_kit.display.dashboard.view import FaultBand

__all__ = ["Dashboard", "FaultBand"]
