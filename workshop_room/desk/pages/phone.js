// The room's page on a phone: the open question as buttons, and help. It sends its whole state, as laptops do.
"use strict";
const token = document.body.dataset.token;
const at = (id) => document.getElementById(id);
const KEY = `room ${token}`;
let mine = JSON.parse(localStorage.getItem(KEY) || "null");
const SUMMARY = "The presenter keeps a summary of this session: counts and minutes, without names.";
const DOUBLE_CLICK_MS = 400; // the second click of a double one is no answer to the next question
let pollId = "";
let answeredAt = -DOUBLE_CLICK_MS;
let timer = 0;

// crypto.randomUUID is not there on a page without TLS.
function begin() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const participant = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  change({ participant, sequence: 0, name: "", lesson: "", guesses: {}, passed: {}, help: "none", help_clicks: 0, repairs: {} });
}

function change(changes) {
  mine = { ...mine, ...changes };
  mine.sequence += 1;
  localStorage.setItem(KEY, JSON.stringify(mine));
  send();
}

async function post(path, body) {
  const headers = { Authorization: `token ${token}`, "Content-Type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.error);
  return data;
}

async function send() {
  clearTimeout(timer);
  draw();
  try {
    const room = await post("/phone/snapshot", mine);
    if (!mine) return; // left meanwhile
    at("state").textContent = `Connected as table ${room.number}.`;
    at("notice").hidden = !room.notice;
    at("notice").textContent = room.notice?.text ?? "";
    at("summary").textContent = room.keeps_summary ? SUMMARY : "";
    ask(room.poll);
    if (mine.help !== "none" && room.helped >= mine.help_clicks) { change({ help: "none" }); return; }
  } catch (error) {
    at("state").textContent = error instanceof TypeError ? "No connection: it is tried again." : error.message;
  }
  clearTimeout(timer);
  timer = setTimeout(send, 1500 + 1000 * Math.random());
}

function ask(poll) {
  if (pollId === (poll?.id ?? "")) return;
  pollId = poll?.id ?? "";
  at("question").textContent = poll ? poll.question : "No question is open.";
  at("options").replaceChildren(...Object.entries(poll?.options ?? {}).map(([key, text]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.dataset.key = key;
    button.addEventListener("click", () => answer(key));
    return button;
  }));
  draw();
}

function answer(choice) {
  const isDouble = performance.now() - answeredAt < DOUBLE_CLICK_MS;
  if (mine.guesses[pollId] || isDouble) return;
  answeredAt = performance.now();
  change({ guesses: { ...mine.guesses, [pollId]: { choice, outcome: "" } } });
}

function draw() {
  at("before").hidden = Boolean(mine);
  at("joined").hidden = !mine;
  const guess = mine?.guesses[pollId]?.choice;
  for (const button of at("options").children) {
    button.setAttribute("aria-pressed", String(button.dataset.key === guess));
    button.setAttribute("aria-disabled", String(Boolean(guess)));
  }
  for (const button of document.querySelectorAll("[data-help]")) button.setAttribute("aria-pressed", String(button.dataset.help === mine?.help));
}

for (const button of document.querySelectorAll("[data-help]")) {
  button.addEventListener("click", () => change({ help: mine.help === button.dataset.help ? "none" : button.dataset.help, help_clicks: mine.help_clicks + 1 }));
}
at("join").addEventListener("click", begin);
at("leave").addEventListener("click", () => {
  const { participant } = mine;
  mine = null;
  clearTimeout(timer);
  localStorage.removeItem(KEY);
  draw();
  post("/leave", { participant }).catch(() => { /* the room forgets everybody when it closes */ });
});
if (mine) send(); else draw();
