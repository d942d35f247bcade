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
