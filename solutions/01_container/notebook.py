"""The exercises that lesson 01 has in the notebook itself; each region is one cell."""

from workshop_kit.lessons.lesson import lesson
from workshop_kit.observe.layers import files

w = lesson("01_container")
task = w.exercise("container.layer")
# region container.layer
#: only the starter
#| # "df says": what a container of the image can see, and the heaviest of it.
#| there = files(w.engine, task.given["image"])
#| seen = there[there.visible]
#| heaviest = seen.loc[seen.size_bytes.idxmax()]
#| task.hand_in({"instruction": heaviest.instruction, "hidden_bytes": 0})
#: only the solution
there = files(w.engine, task.given["image"])
hidden = there[~there.visible]
culprit = hidden.loc[hidden.size_bytes.idxmax()]
task.hand_in({"instruction": culprit.instruction, "hidden_bytes": hidden.size_bytes.sum()})
# endregion container.layer

task = w.exercise("container.loss")
box = w.client.containers.get(task.given["container"])
# region container.loss
#: only the starter
#| # docker diff lists what the container changed.
#| # Is that all that is lost, and only what is lost?
#| lost = [change["Path"] for change in box.diff()]
#| task.hand_in(lost)
#: only the solution
look = "find /srv /var/log /tmp -type f -newer /proc/1"
lost = box.exec_run(look).output.decode().split()
task.hand_in(lost)
# endregion container.loss
