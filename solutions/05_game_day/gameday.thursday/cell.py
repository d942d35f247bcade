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
