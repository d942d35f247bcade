"""The exercise that lesson 04 has in the notebook itself; its region is one cell."""

from IPython.display import display

from workshop_kit.learn.exercise.metric_subjects import usage_of
from workshop_kit.learn.lesson import lesson
from workshop_kit.show import over_time

w = lesson("04_monitoring")
task = w.exercise("monitoring.throttled")
usage = usage_of(task.given["usage"])
chart = usage.pivot_table(index="time", columns="container", values="cpu_percent").ffill()
display(over_time.lines("What three containers used", chart, "% of a core"))
# region monitoring.throttled
#: only the starter
#| # The one that uses most CPU: it must be that.
#| used = usage.groupby("container").cpu_percent.mean()
#| task.hand_in({"container": used.idxmax(), "percent": used.max()})
#: only the solution
held_back = usage.groupby("container").throttled_percent.mean()
task.hand_in({"container": held_back.idxmax(), "percent": held_back.max()})
# endregion monitoring.throttled
