"""Who teaches: timetable, pages to print, desk and live room, seats, grading. No learner's command imports it."""
