// The presenter's page: every button is one question to the desk, and once a second it asks how everything is.
"use strict";
const token = document.body.dataset.token;
const at = (id) => document.getElementById(id);
let choices = null;
let countdown = null;
let shown = {};

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

async function ask(path, body) {
  const headers = { Authorization: `token ${token}`, "Content-Type": "application/json" };
  const answer = await fetch(path, body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

async function act(action, body = {}, told = "") {
  at("wrong").textContent = "";
  at("told").textContent = "…";
  try {
    const { said } = await ask(`/presenter/do/${action}`, body);
    at("told").textContent = told;
    await refresh();
    return said;
  } catch (error) {
    at("told").textContent = "";
    at("wrong").textContent = error.message;
    return undefined;
  }
}

// Only what changed is replaced, so the keyboard focus stays on its button.
function put(id, data, build) {
  const key = JSON.stringify(data);
  if (shown[id] === key) return;
  shown[id] = key;
  at(id).replaceChildren(...[].concat(build(data)));
}

function grade(parameters) {
  return Object.entries(parameters).map(([name, value]) => `${name} ${value}`).join(", ");
}

function field(fault, one) {
  const id = `${fault}-${one.name}`;
  if (one.kind === "switch") return make("label", { class: "grade" }, make("input", { type: "checkbox", id, "data-name": one.name, checked: one.default }), ` ${one.name}`);
  const range = `${one.at_least} to ${one.at_most} ${one.unit}`;
  const input = make("input", {
    type: "number", id, "data-name": one.name, value: one.default ?? "", min: one.at_least, max: one.at_most, step: one.kind === "whole" ? 1 : "any", title: range,
    placeholder: "as it is", required: one.default !== null,
  });
  return make("label", { class: "grade" }, `${one.name} `, input, make("small", {}, ` ${range}`));
}

function card(fault) {
  const form = make("form", { class: "fault", "aria-label": fault.name }, make("button", { class: "inject" }, fault.name), make("p", {}, fault.does), ...fault.parameters.map((one) => field(fault.name, one)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const parameters = {};
    for (const input of form.querySelectorAll("input")) {
      if (input.type === "checkbox") parameters[input.dataset.name] = input.checked;
      else if (input.value !== "") parameters[input.dataset.name] = Number(input.value);
    }
    const seconds = at("seconds").value === "" ? null : Number(at("seconds").value);
    act("fault", { fault: fault.name, target: at("target").value, parameters, seconds }, `${fault.name} of ${at("target").value} is in force.`);
  });
  return form;
}

function step(number) {
  const one = choices.steps[number - 1];
  at("which").textContent = `${number} of ${choices.steps.length}: ${one.title} (${one.minutes} min)`;
  at("say").textContent = one.say;
  at("clicks").replaceChildren(...one.clicks.map((text) => make("li", {}, text)));
  at("expectations").replaceChildren(...one.expectations.map((text) => make("li", {}, text)));
  at("fallback").hidden = !one.picture;
  if (one.picture) at("fallback").querySelector("img").src = `/presenter/recorded.svg?token=${token}&step=${number}`;
  at("back").disabled = number === 1;
  at("next").disabled = number === choices.steps.length;
  shown.step = number;
}

function inForce(one) {
  const left = one.seconds_left === null ? "until undone" : `${Math.ceil(one.seconds_left)} s left`;
  const text = [make("b", {}, `${one.fault} of ${one.target}`), ` ${grade(one.parameters)} `, make("small", { "data-left": one.id }, left)];
  if (!one.id) return make("li", {}, ...text, make("small", {}, " (not made here)"));
  return make("li", {}, ...text, " ", make("button", { type: "button", "aria-label": `Undo ${one.fault} of ${one.target}`, onclick: () => act("undo", { id: one.id }, "Undone.") }, "Undo"));
}

async function refresh() {
  const state = await ask("/presenter/state");
  put("force", state.in_force.map(({ seconds_left, ...rest }) => rest), () => state.in_force.length ? state.in_force.map(inForce) : make("li", { class: "none" }, "Nothing."));
  for (const one of state.in_force) {
    const place = one.id && document.querySelector(`[data-left="${one.id}"]`);
    if (place && one.seconds_left !== null) place.textContent = `${Math.ceil(one.seconds_left)} s left`;
  }
  put("load-now", state.load, (load) => load ? `${load.request}, ${load.rate_per_second} a second` : "No load.");
  put("services", state.services, (all) => all.map((one) => make("tr", { class: one.status === "running" && one.health !== "unhealthy" ? "" : "ill" }, make("th", { scope: "row" }, one.name), make("td", {}, one.status), make("td", {}, one.health))));
  const targets = state.services.map((one) => one.name);
  const before = at("target").value;
  put("target", targets, (all) => all.map((name) => make("option", {}, name)));
  if (targets.includes(before)) at("target").value = before;
  const job = state.job;
  at("job").hidden = !job;
  if (job) {
    at("job").querySelector("p").textContent = job.problem || job.outcome || `${job.title}. ${job.detail}`;
    at("job").querySelector("progress").hidden = !job.runs;
    if (job.fraction === null) at("job").querySelector("progress").removeAttribute("value");
    else at("job").querySelector("progress").value = job.fraction;
  }
  if (shown.step !== state.step) step(state.step);
  for (const button of at("shows").children) button.setAttribute("aria-pressed", String(button.dataset.what === state.audience.shows));
  at("headline").textContent = state.audience.predictions ? state.audience.predictions.headline : "";
  if (state.problems.length) at("wrong").textContent = state.problems.join(" ");
  countdown = { ...state.audience.countdown, at: performance.now() };
  tick();
}

function tick() {
  if (!countdown) return;
  const left = Math.round(countdown.seconds_left - (countdown.runs ? (performance.now() - countdown.at) / 1000 : 0));
  const whole = Math.abs(left);
  const text = `${left < 0 ? "−" : ""}${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  if (at("countdown").textContent !== text) at("countdown").textContent = text;
  at("countdown").classList.toggle("over", left < 0);
}

async function look() {
  try {
    await refresh();
    if (at("wrong").dataset.away) { at("wrong").textContent = ""; delete at("wrong").dataset.away; }
  } catch (error) {
    at("wrong").textContent = error instanceof TypeError ? "The desk does not answer. Is ./workshop desk still running?" : error.message;
    at("wrong").dataset.away = "1";
  }
  setTimeout(look, 1000);
}

function on(id, event, what) {
  at(id).addEventListener(event, (happened) => { happened.preventDefault(); what(happened.target); });
}

async function begin() {
  choices = await ask("/presenter/choices");
  at("faults").replaceChildren(...choices.faults.map(card));
  at("load").request.replaceChildren(...choices.requests.map((one) => make("option", {}, one)));
  [at("load").rate.min, at("load").rate.max] = choices.rates;
  at("goto").lesson.replaceChildren(...choices.lessons.map((one) => make("option", {}, one)));
  on("undo-all", "click", () => act("undo-all", {}, "Everything is undone."));
  on("load", "submit", (form) => act("load", { request: form.request.value, rate_per_second: Number(form.rate.value) }, "The load runs."));
  on("load-stop", "click", () => act("load-stop", {}, "The load has ended."));
  on("goto", "submit", (form) => {
    at("sure").hidden = false;
    at("sure").querySelector("p").textContent = `Faults are undone, the load ends, the workspace's files of ${form.lesson.value} and later become fresh (what you had is kept aside).`;
    at("no").focus();
  });
  on("yes", "click", () => { at("sure").hidden = true; act("goto", { lesson: at("goto").lesson.value }, "On the way."); });
  on("no", "click", () => { at("sure").hidden = true; at("goto").querySelector("button").focus(); });
  on("back", "click", () => act("step", { step: shown.step - 1 }));
  on("next", "click", () => act("step", { step: shown.step + 1 }));
  on("play", "click", () => act("play", {}, "Done: look at the room's picture."));
  for (const button of at("shows").children) button.addEventListener("click", () => act("show", { what: button.dataset.what }));
  on("minutes", "submit", (form) => act("minutes", { minutes: Number(form.minutes.value) }));
  for (const id of ["count", "pause", "reset", "tell"]) on(id, "click", () => act(id));
  on("folder", "submit", async (form) => {
    const found = await act("folder", { folder: form.folder.value });
    if (!found) return;
    at("ask").prediction.replaceChildren(...Object.entries(found).map(([name, one]) => make("option", { value: name }, `${one.people}: ${one.question}`)));
    at("ask").hidden = !Object.keys(found).length;
    at("told").textContent = Object.keys(found).length ? "" : "No guesses in there.";
  });
  on("ask", "submit", (form) => act("ask", { folder: at("folder").folder.value, prediction: form.prediction.value }));
  on("paste", "submit", (form) => act("ask", { question: form.question.value, counts: form.counts.value }));
  on("find", "submit", async (form) => {
    const lines = await act("find", { request_id: form.id.value });
    if (lines) at("lines").textContent = lines.length ? lines.join("\n\n") : "No line has this id.";
  });
  on("theme", "click", () => {
    const now = getComputedStyle(document.documentElement).colorScheme;
    const dark = now === "dark" || (now !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.style.colorScheme = dark ? "light" : "dark";
  });
  setInterval(tick, 250);
  look();
}

begin().catch((error) => { at("wrong").textContent = error.message; });
