"""Who teaches: timetable, pages to print, desk and live room, seats, grading. A learner's commands import none of it."""
