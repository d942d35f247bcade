// The day on the presenter's page: which part of the track's timetable it is now. presenter.js stands before this.
"use strict";

function timeOfDay(minutes) {
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

function minutesOfDay() {
  const now = new Date();
  return 60 * now.getHours() + now.getMinutes();
}

function partText(part) {
  return part.lesson ? `${part.lesson}: ${part.title}` : part.title;
}

// Return the part of a day that runs now, when it ends, and what comes next.
function dayText(day, now) {
  const place = day.findIndex((part) => part.start <= now && now < part.end);
  if (now < day[0].start) return `It begins at ${timeOfDay(day[0].start)}.`;
  if (place < 0) return `It ended at ${timeOfDay(day.at(-1).end)}.`;
  const next = day[place + 1];
  const then = next ? ` Then ${partText(next)}.` : "";
  return `${partText(day[place])}, until ${timeOfDay(day[place].end)}.${then}`;
}

// On a track of two days the desk does not know which day it is: the text has both.
function planText(parts, now) {
  const days = [...new Set(parts.map((part) => part.day))];
  const texts = days.map((number) => dayText(parts.filter((part) => part.day === number), now));
  return texts.length > 1 ? texts.map((text, place) => `Day ${days[place]}: ${text}`).join(" ") : texts[0];
}

async function beginDay() {
  const { day, track } = await ask("/presenter/choices");
  write("track", `Track ${track}`);
  if (!day.length) return;
  const draw = () => {
    const now = minutesOfDay();
    write("clock", timeOfDay(now));
    write("plan", planText(day, now));
  };
  draw();
  setInterval(draw, 1000);
}

beginDay().catch((error) => { at("wrong").textContent = error.message; });
