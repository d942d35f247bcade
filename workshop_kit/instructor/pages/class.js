// The live room on the audience's page: how to join, and the class without names. audience.js stands before this.
"use strict";
Object.assign(HEADINGS, { join: "Join the room", class: "The class" });
Object.assign(SECTIONS, { join: "join", class: "class" });
let drawnClass = "";

function row(tag, ...texts) {
  const made = document.createElement("tr");
  made.append(...texts.map((text) => { const cell = document.createElement(tag); cell.textContent = text; return cell; }));
  return made;
}

function table(head, rows) {
  const made = document.createElement("table");
  made.append(row("th", ...head), ...rows.map((texts) => row("td", ...texts)));
  return made;
}

function line(text) {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}

// The lessons, and the exercises of the one that most are in.
function drawClass({ joined, stuck, done, lessons, incidents }) {
  const main = lessons.reduce((most, one) => (one.people > (most?.people ?? -1) ? one : most), null);
  const parts = [line(`${joined} joined · ${done} done · ${stuck} stuck`), table(["Lesson", "In it"], lessons.filter((one) => one.people).map((one) => [one.name, one.people]))];
  if (main?.exercises.length) parts.push(table(["Exercise", "Passed", "Median minutes"], main.exercises.map((one) => [one.id, one.passed, one.minutes ?? "–"])));
  if (incidents.length) parts.push(table(["Game day", "Repaired", "Median seconds", "Sign believed"], incidents.map((one) => [one.name, one.repaired, one.seconds, Object.entries(one.signs).map(([name, count]) => `${name} ${count}`).join(", ")])));
  at("class").replaceChildren(...parts);
}

async function lookAtRoom() {
  try {
    const room = await (await ask("/audience/room")).json();
    if (!room) return;
    at("code").textContent = room.code;
    at("address").textContent = room.address;
    at("joined").textContent = `${room.board.joined} joined`;
    const picture = at("join").querySelector("img");
    if (!picture.src) picture.src = `/audience/room.svg?token=${token}`;
    const key = JSON.stringify(room.board);
    if (key !== drawnClass) drawClass(room.board);
    drawnClass = key;
  } catch { /* audience.js says that the desk does not answer */ }
  setTimeout(lookAtRoom, 1000);
}

lookAtRoom();
