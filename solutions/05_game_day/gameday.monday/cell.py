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
