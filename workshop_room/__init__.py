"""Who teaches: timetable, pages to print, desk, seats, grading. No learner's command imports it."""
