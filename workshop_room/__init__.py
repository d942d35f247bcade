"""Who teaches: timetable, pages to print, desk and live room, seats, grading. A learner imports none of it."""
