"""The checks, a file for each exercise. Importing this package registers all of them in `check_api.CHECKS`.

`config`, `logging_service` and `monitoring_health` hold what the checks of one module of the service share, `stops`
what the checks share that stop a container.

Files that end in ``_inside`` run in containers and are not imported.
"""

from __future__ import annotations

import importlib
import pkgutil

from workshop_kit.trials.check_api import CHECKS, TASK_NUMBERS

__all__ = ["CHECKS", "TASK_NUMBERS"]

for _module in pkgutil.iter_modules(__path__):
    if not _module.name.endswith("_inside"):
        importlib.import_module(f"{__name__}.{_module.name}")
