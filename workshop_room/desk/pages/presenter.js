// The presenter's page: the demo's steps, faults by one click, and what is in force, asked for once a second.
"use strict";

const token = document.body.dataset.token;
const at = (id) => document.getElementById(id);
const FORWARD = "PageDown ArrowRight";
const RESEND_MS = 300;
let choices = null;
let state = null; // the newest, with the time of its arrival in `at`
let shownStep = 0;
let failure = "";

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function ask(path, body) {
  const headers = { Authorization: `token ${token}`, "Content-Type": "application/json" };
  const request = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  // The browser drops what it has not sent yet when a network of the machine changes, as with each container.
  const answer = await fetch(path, request).catch(() => wait(RESEND_MS).then(() => fetch(path, request)));
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.error);
  return data;
}

function write(id, text) { // a text that did not change is not announced again
  if (at(id).textContent !== text) at(id).textContent = text;
}

function sentence(error) {
  return error instanceof TypeError ? "The desk does not answer. Is ./workshop desk still running?" : error.message;
}

// One press is one request: until its answer is here, the button does nothing. It is not disabled, to keep the focus.
async function click(button, name, body = {}) {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true";
  try {
    await ask(`/presenter/do/${name}`, body);
    failure = "";
    await refresh();
  } catch (error) {
    failure = sentence(error);
    write("wrong", failure);
  } finally {
    button.ariaDisabled = null;
  }
}

function make(tag, ...children) {
  const node = document.createElement(tag);
  node.append(...children);
  return node;
}

function faultButton(label, number) {
  const button = make("button", label);
  button.type = "button";
  button.addEventListener("click", () => click(button, "fault", { number }));
  return button;
}

function showStep(number) {
  const step = choices.steps[number - 1];
  at("title").textContent = `${number} of ${choices.steps.length}: ${step.title}`;
  at("note").textContent = step.note;
  at("actions").textContent = `Does: ${step.actions.join("; ")}.`;
  at("say").replaceChildren(...step.say.map(({ text, see }) => {
    const row = make("li", make("b"), make("span", text), make("small", see));
    row.className = see ? "statement" : "question";
    return row;
  }));
  at("back").disabled = number === 1;
  at("next").disabled = number === choices.steps.length;
  shownStep = number;
}

function showProgress(demo) {
  if (shownStep !== demo.number) showStep(demo.number);
  const isLast = demo.number === choices.steps.length;
  at("play").setAttribute("aria-keyshortcuts", demo.done ? "" : FORWARD);
  at("next").setAttribute("aria-keyshortcuts", demo.done && !isLast ? FORWARD : "");
  [...at("say").children].forEach((row, position) => {
    row.classList.toggle("seen", demo.seen[position]);
    const mark = row.className === "question" ? "?" : demo.seen[position] ? "✓" : "○";
    row.querySelector("b").textContent = mark;
  });
}

async function refresh() {
  state = { ...await ask("/presenter/state"), at: performance.now() };
  write("active-faults", state.faults.join(", ") || "None.");
  at("charts").disabled = !state.lines;
  showProgress(state.demo);
  write("wrong", failure);
  showStopwatch();
}

function clock(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function showStopwatch() {
  if (!state || state.demo.demo_seconds === null) return;
  const since = (performance.now() - state.at) / 1000;
  const planned = choices.steps.slice(0, state.demo.number).map((step) => 60 * step.minutes);
  const total = planned.reduce((sum, seconds) => sum + seconds);
  const demoSeconds = state.demo.demo_seconds + since;
  const step = `Step ${clock(state.demo.step_seconds + since)} of ${clock(planned.at(-1))}`;
  write("stopwatch", `${step} · Demo ${clock(demoSeconds)} of ${clock(total)}`);
  at("stopwatch").classList.toggle("late", demoSeconds > total);
}

async function look() {
  try {
    await refresh();
  } catch (error) {
    write("wrong", sentence(error));
  }
  setTimeout(look, 1000);
}

// A key clicks the button that has it as a shortcut, unless a field has the focus.
function press(event) {
  if (event.key === "Escape") document.activeElement.blur();
  if (event.altKey || event.ctrlKey || event.metaKey || event.repeat || event.target.closest("input")) return;
  const target = document.querySelector(`[aria-keyshortcuts~="${CSS.escape(event.key)}"]:not(:disabled)`);
  if (!target) return;
  event.preventDefault();
  if (target.matches("input")) target.focus();
  else target.click();
}

async function begin() {
  choices = await ask("/presenter/choices");
  at("faults").replaceChildren(...choices.faults.map(faultButton));
  at("back").addEventListener("click", () => click(at("back"), "step", { step: shownStep - 1 }));
  at("next").addEventListener("click", () => click(at("next"), "step", { step: shownStep + 1 }));
  at("play").addEventListener("click", () => click(at("play"), "play"));
  at("stopwatch-restart").addEventListener("click", () => click(at("stopwatch-restart"), "stopwatch"));
  at("undo-all").addEventListener("click", () => click(at("undo-all"), "undo-all"));
  at("charts").addEventListener("click", () => click(at("charts"), "charts"));
  at("find").addEventListener("submit", (event) => {
    event.preventDefault();
    click(event.submitter, "find", { request_id: at("find").request_id.value });
  });
  document.addEventListener("keydown", press);
  setInterval(showStopwatch, 250);
  look();
}

begin().catch((error) => write("wrong", sentence(error)));
