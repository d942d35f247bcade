"""Who teaches: timetable, pages to print, desk, seats. No learner's command imports it."""
