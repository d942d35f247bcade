"""The exercises of lesson 05, all of them in the notebook itself; each region is one cell."""

from workshop_kit import game
from workshop_kit.learn.lesson import lesson

w = lesson("05_game_day")
monday = game.start(w, "monday")
task = w.exercise("gameday.monday")
# region gameday.monday
#: only the starter
#| # Turn it off and on again.
#| monday.restart("production")
#| monday.debrief(what="", since="", how="", considered="")
#| task.hand_in(monday.told())
#: only the solution
lines, releases = monday.logs(), monday.releases()
first = lines[lines.error.str.contains("denied|invalid username", na=False)].ts.min()
guilty = releases[releases.time <= first].iloc[-1]
monday.deploy("production", release=int(guilty.release) - 1)
monday.debrief(
    what=f"Release {guilty.release} brought a {guilty.changed} that the other side does not know.",
    since=f"{first:%H:%M:%S}, some seconds after that release",
    how="The log says who refused us since then, and only that release had touched it.",
    considered="The releases before and after: no line speaks of what they changed.",
)
task.hand_in(monday.told())
# endregion gameday.monday

tuesday = game.start(w, "tuesday")
task = w.exercise("gameday.tuesday")
# region gameday.tuesday
#: only the starter
#| # More memory never hurts.
#| tuesday.deploy("production", memory_mib=256)
#| tuesday.debrief(what="", since="", how="", considered="")
#| task.hand_in(tuesday.told())
#: only the solution
usage, releases = tuesday.watch.frames.resources, tuesday.releases()
held_back = usage[usage.throttled_percent > 50].time.min()
guilty = releases[releases.changed == "cpus"].iloc[0]
tuesday.deploy("production", cpus=1.0)
tuesday.debrief(
    what=f"Since release {guilty.release} it may use a few hundredths of a core.",
    since=f"{held_back:%H:%M:%S}",
    how="From then on it was held back in most periods, while the databases answered as fast as ever.",
    considered="A slow database, too little memory: neither shows on the charts.",
)
task.hand_in(tuesday.told())
# endregion gameday.tuesday

wednesday = game.start(w, "wednesday")
task = w.exercise("gameday.wednesday")
# region gameday.wednesday
#: only the starter
#| # It must have been the last release.
#| wednesday.deploy("production", release=int(wednesday.releases().release.iloc[-2]))
#| wednesday.debrief(what="", since="", how="", considered="")
#| task.hand_in(wednesday.told())
#: only the solution
health = wednesday.watch.frames.health
fails = health[(health.state == "fail") & ~health.what.str.startswith("/")]
culprit = fails.what.mode()[0]
wednesday.restart(culprit)
wednesday.debrief(
    what=f"The gateway to {culprit} took connections, and never answered.",
    since=f"{fails.time.min():%H:%M:%S}",
    how="Its pings ended with no answer in time instead of a refusal; no release came just before.",
    considered="A wrong password would be refused at once, and a release would have changed something.",
)
task.hand_in(wednesday.told())
# endregion gameday.wednesday

thursday = game.start(w, "thursday")
task = w.exercise("gameday.thursday")
# region gameday.thursday
#: only the starter
#| # It is killed for want of memory, so it needs more of it.
#| thursday.deploy("production", memory_mib=512)
#| thursday.debrief(what="", since="", how="", considered="")
#| task.hand_in(thursday.told())
#: only the solution
releases, events = thursday.releases(), thursday.watch.frames.events
guilty = releases[releases.changed.str.contains("code")].iloc[0]
killed = (events.what == "oom").sum()
thursday.deploy("production", release=int(guilty.release) - 1)
thursday.debrief(
    what=f"The code of release {guilty.release} keeps what it should forget, and the kernel kills it for that.",
    since=f"{guilty.time:%H:%M:%S}",
    how=f"Memory climbs in a straight line from that release on, to the limit; {killed} times it was killed there.",
    considered="A limit that is too small: then it would climb to somewhere, and stay there.",
)
task.hand_in(thursday.told())
# endregion gameday.thursday

friday = game.start(w, "friday")
task = w.exercise("gameday.friday")
# region gameday.friday
#: only the starter
#| # The replica is away: it must be that.
#| friday.restart("replica-db")
#| friday.debrief(what="", since="", how="", considered="")
#| task.hand_in(friday.told())
#: only the solution
health, settings = friday.watch.frames.health, friday.settings()
critical = settings.set_index("setting").loc["HEALTH_CRITICAL"]
suffers = critical[critical.str.contains("replica-db")].index[0].split()[0]
fails = health[(health.container == suffers) & (health.what == "/readyz") & (health.state == "fail")]
differs = settings.setting[settings.drop(columns="setting").nunique(axis=1) > 1].to_list()
friday.deploy(suffers, HEALTH_CRITICAL="master-db,redis")
friday.debrief(
    what=f"HEALTH_CRITICAL of {suffers} names replica-db, which is away for maintenance.",
    since=f"{fails.time.min():%H:%M:%S}, when the maintenance began; the setting is older",
    how=f"All three miss the replica, one minds. Of what differs ({', '.join(differs)}) only this is about it.",
    considered="The maintenance: it is an occasion, not the cause; the two others work through it.",
)
task.hand_in(friday.told())
# endregion gameday.friday
