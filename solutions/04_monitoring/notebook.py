"""The exercise that lesson 04 has in a notebook; its region is one cell."""

import json

import pandas as pd

from workshop_kit.lessons.lesson import lesson

w = lesson("04b_monitoring_more")
task = w.exercise("monitoring.throttled")
usage = pd.DataFrame(json.loads(task.given["usage"]))
# region monitoring.throttled
#: only the starter
#| # The one that uses most CPU: it must be that.
#| used = usage.groupby("container").cpu_percent.mean()
#| task.hand_in({"container": used.idxmax(), "percent": used.max()})
#: only the solution
held_back = usage.groupby("container").throttled_percent.mean()
task.hand_in({"container": held_back.idxmax(), "percent": held_back.max()})
# endregion monitoring.throttled
