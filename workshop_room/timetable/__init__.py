"""When what comes: the plan of a track, the minutes of its cells, and what to cut when it is late."""
