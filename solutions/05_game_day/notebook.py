"""The exercises of lesson 05, all of them in the notebook itself; each region is one cell."""

from workshop_kit import gameday
from workshop_kit.lessons.lesson import lesson

w = lesson("05_game_day")
image, _ = w.client.images.build(path=str(w.folder), tag="my-service:5")
monday = gameday.start(w, image, "monday")
task = w.exercise("gameday.monday")
# region gameday.monday
#: only the starter
#| # Turn it off and on again.
#| monday.restart("production")
#| task.hand_in(monday.debrief(what="", since="", how="", considered=""))
#: only the solution
lines = monday.logs()
refused = lines[lines["error"].str.contains("denied|Authentication", na=False)]
secret = "REDIS" if refused["dependency"].iloc[0] == "redis" else "MASTER_DB"
changed = monday.compare(*monday.releases()["release"]).loc[f"{secret}_PASSWORD_FILE"]
guilty = changed.index[changed != changed.iloc[0]][0]
monday.deploy(release=guilty - 1)
task.hand_in(
    monday.debrief(
        what=f"Release {guilty} brought a {secret}_PASSWORD_FILE that the other side does not know.",
        since=f"{refused.ts.min():%H:%M:%S}, when that release started",
        how="The log says who refuses us since then, and only that release had touched its secret.",
        considered="The other secret that was released: nobody refuses it.",
    )
)
# endregion gameday.monday

wednesday = gameday.start(w, image, "wednesday")
task = w.exercise("gameday.wednesday")
# region gameday.wednesday
#: only the starter
#| # Turn it off and on again: it has helped before.
#| wednesday.restart("production")
#| task.hand_in(wednesday.debrief(what="", since="", how="", considered=""))
#: only the solution
health = wednesday.health()
fails = health[(health["state"] == "fail") & ~health["what"].str.startswith("/")]
culprit = fails["what"].mode()[0]
wednesday.restart(culprit)
task.hand_in(
    wednesday.debrief(
        what=f"The gateway to {culprit} took connections, and never answered.",
        since=f"{fails.time.min():%H:%M:%S}",
        how="Its pings ended with no answer in time instead of a refusal; no release had touched it.",
        considered="The time limit that was released: it is about stopping, not about answers.",
    )
)
# endregion gameday.wednesday

thursday = gameday.start(w, image, "thursday")
task = w.exercise("gameday.thursday")
# region gameday.thursday
#: only the starter
#| # A fresh start, and it is as good as new.
#| thursday.restart("production")
#| task.hand_in(thursday.debrief(what="", since="", how="", considered=""))
#: only the solution
code = thursday.compare(*thursday.releases()["release"]).loc["code"]
suspects = code.index[code != code.shift()][1:]
memory = thursday.metrics().set_index("time")["memory_percent"]
thursday.deploy(release=suspects[0] - 1)
task.hand_in(
    thursday.debrief(
        what=f"New code, in release {suspects[0]} or later, keeps what it should forget, and is killed for that.",
        since=f"{memory[memory > 60].index[0]:%H:%M:%S}",
        how="Memory climbs in a straight line from then on, to the limit; the engine reports an OOM kill.",
        considered="A limit that is too small: then it would climb to somewhere, and stay there.",
    )
)
# endregion gameday.thursday
