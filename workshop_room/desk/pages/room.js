// The live room on the presenter's page: the code, who is stuck, the poll, the notice, the class. presenter.js stands before this.
"use strict";

function roomTable(head, rows) {
  return make("table", {}, make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))), make("tbody", {}, ...rows.map(([first, ...rest]) => make("tr", {}, make("th", { scope: "row" }, first), ...rest.map((text) => make("td", {}, String(text)))))));
}

function stuckItem(participant) {
  const button = make("button", { type: "button", "aria-label": `${participant.name} was helped` }, "Helped");
  on(button, "click", () => act("helped", { number: participant.number }, "Taken off the list.").then(drawRoom));
  return make("li", {}, make("b", {}, participant.name), ` ${participant.lesson} `, make("small", {}, `${participant.minutes} min`), " ", button);
}

function stuck(queue) {
  return [make("h3", {}, queue.length ? `Stuck: ${queue.length}` : "Nobody is stuck."), make("ol", {}, ...queue.map(stuckItem))];
}

function unansweredItem(row) {
  const button = make("button", { type: "button", "aria-label": `Remove ${row.count} of ${row.address}` }, "Remove them");
  on(button, "click", () => act("remove-unanswered", { address: row.address }, "Removed; laptops among them come back by themselves.").then(drawRoom));
  return make("p", {}, `${row.count} joined from ${row.address} and have not answered. `, button);
}

function classTables(board) {
  const lessons = board.lessons.map((lesson) => [lesson.name, lesson.people]);
  const exercises = board.lessons.flatMap((lesson) => lesson.exercises.filter((exercise) => exercise.passed || lesson.people).map((exercise) => [exercise.id, exercise.passed, exercise.minutes ?? "–"]));
  const incidents = board.incidents.map((incident) => [incident.name, incident.repaired, incident.seconds, signs(incident)]);
  return [
    roomTable(["Lesson", "In it"], lessons),
    make("details", {}, make("summary", {}, `Exercises (${exercises.length})`), roomTable(["Exercise", "Passed", "Minutes"], exercises)),
    ...(incidents.length ? [roomTable(["Game day", "Repaired", "Seconds", "Sign believed"], incidents)] : []),
  ];
}

function signs(incident) {
  return Object.entries(incident.signs).map(([name, count]) => `${name} ${count}`).join(", ");
}

async function drawRoom() {
  const state = await ask("/presenter/room");
  const { board } = state;
  put("room-code", state.code, (code) => code);
  put("room-now", [board.devices, board.done, state.poll, state.notice], () => [
    `${board.devices} · ${board.done} done `,
    on(make("button", { type: "button" }, "Clear"), "click", () => act("clear-done", {}, "Nobody is done.").then(drawRoom)),
    make("br"), state.poll ? `Poll: ${state.poll}` : "No poll is open.",
    make("br"), state.notice || "No notice.",
  ]);
  put("room-stuck", state.queue, stuck);
  drawQuestions(state.questions);
  put("room-unanswered", state.unanswered, (all) => all.map(unansweredItem));
  const open = at("room-class").querySelector("details")?.open ?? false;
  put("room-class", board, classTables);
  at("room-class").querySelector("details").open = open;
}

async function beginRoom() {
  const room = await ask("/presenter/room/choices");
  if (!room) return;
  const { track } = await ask("/presenter/choices");
  at("live-room").hidden = false;
  at("room-poll").hidden = false;
  for (const button of at("shows").children) button.hidden = false;
  const newest = make("option", { value: "" }, "the newest guesses");
  const poll = ({ name, question }) => make("option", { value: name, title: question }, `${name}: ${question}`);
  at("room-poll").prediction.replaceChildren(newest, ...optionsOf(track, room.predictions, poll));
  const { lesson, cell } = at("room-notice");
  const heading = (entry) => make("option", { value: entry.cell }, entry.text);
  const fill = () => cell.replaceChildren(...optionsOf(track, room.headings[lesson.value], heading));
  const lessons = Object.entries(room.headings).map(([name, all]) => ({ name, on_track: all.some((entry) => entry.on_track) }));
  lesson.replaceChildren(...optionsOf(track, lessons, (entry) => make("option", {}, entry.name)));
  lesson.addEventListener("change", fill);
  fill();
  on(at("room-poll"), "submit", (form) => act("poll", { prediction: form.prediction.value }, "The poll is open.").then(drawRoom));
  on(at("room-poll-end"), "click", () => act("poll-end", {}, "The poll is closed.").then(drawRoom));
  on(at("room-notice"), "submit", () => act("notice", { lesson: lesson.value, cell: cell.value }, "The notice is sent.").then(drawRoom));
  on(at("room-notice-end"), "click", () => act("notice-end", {}, "The notice is taken back.").then(drawRoom));
  const look = async () => { // the page itself shows that the desk does not answer
    await drawRoom().catch(() => {});
    setTimeout(look, 1000);
  };
  look();
}

beginRoom().catch((error) => { at("wrong").textContent = error.message; });
