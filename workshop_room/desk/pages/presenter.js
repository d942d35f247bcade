// The presenter's page: a button is one request to the desk, and once a second the page asks for the state.
"use strict";
const token = document.body.dataset.token;
const at = (id) => document.getElementById(id);
const FORWARD = "PageDown ArrowRight";
const RESEND_MS = 300;
const messages = { confirmation: "", failure: "", away: "", problems: [] };
const shown = {};
let choices = null;
let state = null; // the newest, with the time of its arrival in `at`

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function ask(path, body) {
  const headers = { Authorization: `token ${token}`, "Content-Type": "application/json" };
  const request = body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) };
  // The browser drops what it has not sent yet when a network of the machine changes, as with each container: send it again.
  const answer = await fetch(path, request).catch(() => wait(RESEND_MS).then(() => fetch(path, request)));
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.error);
  return data;
}

function write(id, text) { // a text that did not change is not announced again
  if (at(id).textContent !== text) at(id).textContent = text;
}

function say(change) {
  Object.assign(messages, change);
  write("told", messages.confirmation);
  write("wrong", [messages.away, messages.failure, ...messages.problems].filter(Boolean).join(" "));
}

function sentence(error) {
  return error instanceof TypeError ? "The desk does not answer. Is ./workshop desk still running?" : error.message;
}

async function act(action, body = {}, confirmation = "") {
  say({ confirmation: "…", failure: "" });
  try {
    const { said: result } = await ask(`/presenter/do/${action}`, body);
    say({ confirmation });
    await refresh();
    return result;
  } catch (error) {
    say({ confirmation: "", failure: sentence(error) });
    return undefined;
  }
}

// One press is one request: until its answer is here, the button does nothing.
async function press(button, work) {
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true"; // not disabled: that would lose the keyboard's focus
  try { await work(); } finally { button.ariaDisabled = null; }
}

function on(target, event, work) {
  target.addEventListener(event, (happened) => {
    happened.preventDefault();
    press(happened.submitter || target, () => work(target));
  });
  return target;
}

// Only what changed is replaced, so the keyboard focus stays on its button.
function put(id, data, build) {
  const key = JSON.stringify(data);
  if (shown[id] === key) return;
  shown[id] = key;
  at(id).replaceChildren(...[].concat(build(data)));
}

// Return the options of a list; those that are not on the track are in a group at its end.
function optionsOf(track, all, option) {
  const kept = all.filter((entry) => entry.on_track).map(option);
  const others = all.filter((entry) => !entry.on_track).map(option);
  return others.length ? [...kept, make("optgroup", { label: `Not on the track ${track}` }, ...others)] : kept;
}

function grade(parameters) {
  return Object.entries(parameters).map(([name, value]) => `${name} ${value}`).join(", ");
}

function field(fault, parameter) {
  const id = `${fault}-${parameter.name}`;
  if (typeof parameter.default === "boolean") return make("label", { class: "grade" }, make("input", { type: "checkbox", id, "data-name": parameter.name, checked: parameter.default }), ` ${parameter.name}`);
  const range = `${parameter.at_least} to ${parameter.at_most} ${parameter.unit}`;
  const input = make("input", {
    type: "number", id, "data-name": parameter.name, value: parameter.default ?? "", min: parameter.at_least, max: parameter.at_most, step: "any", title: range,
    placeholder: "as it is", required: parameter.default !== null,
  });
  return make("label", { class: "grade" }, `${parameter.name} `, input, make("small", {}, ` ${range}`));
}

function card(fault) {
  const form = make("form", { class: "fault", "aria-label": fault.name }, make("button", { class: "inject" }, fault.name), make("p", {}, fault.does), ...fault.parameters.map((parameter) => field(fault.name, parameter)));
  return on(form, "submit", () => {
    const parameters = {};
    for (const input of form.querySelectorAll("input")) {
      if (input.type === "checkbox") parameters[input.dataset.name] = input.checked;
      else if (input.value !== "") parameters[input.dataset.name] = Number(input.value);
    }
    const seconds = at("seconds").value === "" ? null : Number(at("seconds").value);
    return act("fault", { fault: fault.name, target: at("target").value, parameters, seconds }, `${fault.name} of ${at("target").value} is active.`);
  });
}

function step(number) {
  const demoStep = choices.steps[number - 1];
  const isBeyond = number > choices.last_step;
  const place = isBeyond ? `${number}, not on the track ${choices.track}` : `${number} of ${choices.last_step}`;
  at("which").textContent = `${place}: ${demoStep.title} (${demoStep.minutes} min)`;
  at("h-step").parentElement.classList.toggle("beyond", isBeyond);
  at("say").textContent = demoStep.say;
  at("step-note").textContent = demoStep.note;
  at("clicks").replaceChildren(...demoStep.clicks.map((text) => make("li", {}, text)));
  at("fallback").hidden = !demoStep.picture;
  if (demoStep.picture) at("fallback").querySelector("img").src = `/presenter/recorded.png?token=${token}&step=${number}`;
  at("back").disabled = number === 1;
  at("next").disabled = number === choices.steps.length;
  shown.step = number;
}

function activeFault(fault) {
  const left = fault.seconds_left === null ? "until undone" : `${Math.ceil(fault.seconds_left)} s left`;
  const text = [make("b", {}, `${fault.fault} of ${fault.target}`), ` ${grade(fault.parameters)} `, make("small", { "data-left": fault.id }, left)];
  if (!fault.id) return make("li", {}, ...text, make("small", {}, " (from a notebook or another desk)"));
  const undo = make("button", { type: "button", "aria-label": `Undo ${fault.fault} of ${fault.target}` }, "Undo");
  return make("li", {}, ...text, " ", on(undo, "click", () => act("undo", { id: fault.id }, "Undone.")));
}

function showServices(services) {
  put("services", services, (all) => all.map((service) => make("tr", { class: service.status === "running" && service.health !== "unhealthy" ? "" : "ill" }, make("th", { scope: "row" }, service.name), make("td", {}, service.status), make("td", {}, service.health))));
  const targets = services.map((service) => service.name);
  const before = at("target").value;
  put("target", targets, (all) => all.map((name) => make("option", {}, name)));
  if (targets.includes(before)) at("target").value = before;
}

function showJob(job) {
  at("job").hidden = !job;
  if (!job) return;
  const [text, progress] = at("job").children;
  text.textContent = job.text;
  progress.hidden = !job.runs;
  if (job.fraction === null) progress.removeAttribute("value");
  else progress.value = job.fraction;
}

function showDemo(demo) {
  if (shown.step !== demo.number) step(demo.number);
  at("play").setAttribute("aria-keyshortcuts", demo.done ? "" : FORWARD);
  at("next").setAttribute("aria-keyshortcuts", demo.done && demo.number !== choices.last_step ? FORWARD : "");
  put("expectations", [demo.number, demo.seen], () => choices.steps[demo.number - 1].expectations.map((text, place) => make("li", { class: demo.seen[place] ? "seen" : "" }, `${demo.seen[place] ? "✓" : "○"} ${text}`)));
}

function showRoom(audience) {
  for (const button of at("shows").children) button.ariaPressed = String(button.dataset.what === audience.shows);
  for (const button of at("themes").children) {
    button.ariaPressed = String(button.dataset.theme === audience.theme);
    button.setAttribute("aria-keyshortcuts", button.dataset.theme === (audience.theme === "dark" ? "light" : "dark") ? "t" : "");
  }
  write("headline", audience.predictions ? audience.predictions.headline : "");
}

async function refresh() {
  state = { ...await ask("/presenter/state"), at: performance.now() };
  const faults = state.active_faults;
  put("active-faults", faults.map(({ seconds_left, ...rest }) => rest), () => faults.length ? faults.map(activeFault) : make("li", { class: "none" }, "None."));
  for (const fault of faults) {
    const place = fault.id && document.querySelector(`[data-left="${fault.id}"]`);
    if (place && fault.seconds_left !== null) place.textContent = `${Math.ceil(fault.seconds_left)} s left`;
  }
  put("load-now", state.load, (load) => load ? `${load.request}, ${load.rate_per_second} per second` : "No load.");
  showServices(state.services);
  showJob(state.job);
  showDemo(state.demo);
  showRoom(state.audience);
  say({ problems: state.problems });
  tick();
}

function minutes(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function tick() {
  if (!state) return;
  const since = (performance.now() - state.at) / 1000;
  const { countdown } = state.audience;
  const left = countdown.seconds_left - (countdown.runs ? since : 0);
  write("countdown", minutes(Math.max(left, 0)));
  at("countdown").classList.toggle("over", left <= 0);
  const demo = state.demo;
  const plan = choices.steps.slice(0, demo.number).map((demoStep) => 60 * demoStep.minutes);
  const parts = demo.demo_seconds === null ? [] : [["Step", demo.step_seconds + since, plan.at(-1), ""], ["Demo", demo.demo_seconds + since, plan.reduce((sum, seconds) => sum + seconds), " planned so far"]];
  const texts = parts.map(([name, seconds, planned, words]) => [`${name} ${minutes(seconds)} of ${minutes(planned)}${words}`, seconds > planned]);
  put("stopwatch", texts, () => texts.map(([text, isOver]) => make("span", { class: isOver ? "over" : "" }, text)));
}

async function look() {
  try {
    await refresh();
    say({ away: "" });
  } catch (error) {
    say({ away: sentence(error) });
  }
  setTimeout(look, 1000);
}

// A key clicks the button that has it as a shortcut, unless a field has the focus.
function key(event) {
  if (event.key === "Escape") document.activeElement.blur();
  if (event.altKey || event.ctrlKey || event.metaKey || event.repeat || event.target.closest("input, select, textarea")) return;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const target = document.querySelector(`[aria-keyshortcuts~="${CSS.escape(name)}"]:not(:disabled)`);
  if (!target) return;
  event.preventDefault();
  if (target.matches("input")) target.focus();
  else target.click();
}

async function begin() {
  choices = await ask("/presenter/choices");
  at("when").textContent = choices.when;
  at("faults").replaceChildren(...choices.faults.filter((fault) => fault.in_front).map(card));
  at("more-faults").replaceChildren(...choices.faults.filter((fault) => !fault.in_front).map(card));
  at("load").request.replaceChildren(...choices.requests.map((request) => make("option", {}, request)));
  [at("load").rate.min, at("load").rate.max] = choices.rates;
  at("goto").lesson.replaceChildren(...optionsOf(choices.track, choices.lessons, (lesson) => make("option", {}, lesson.name)));
  on(at("undo-all"), "click", () => act("undo-all", {}, "Everything is reverted."));
  on(at("load"), "submit", (form) => act("load", { request: form.request.value, rate_per_second: Number(form.rate.value) }, "The load runs."));
  on(at("load-stop"), "click", () => act("load-stop", {}, "The load has ended."));
  on(at("goto"), "submit", (form) => {
    at("sure").hidden = false;
    at("sure").querySelector("p").textContent = `Faults are undone, the load ends, the workspace's files of ${form.lesson.value} and later become fresh (what you had is kept aside).`;
    at("no").focus();
  });
  on(at("yes"), "click", () => { at("sure").hidden = true; return act("goto", { lesson: at("goto").lesson.value }); });
  on(at("no"), "click", () => { at("sure").hidden = true; at("goto").querySelector("button").focus(); });
  on(at("back"), "click", () => act("step", { step: shown.step - 1 }));
  on(at("next"), "click", () => act("step", { step: shown.step + 1 }));
  on(at("play"), "click", () => act("play", {}, "Done: look at the room's page."));
  on(at("restart"), "click", () => act("stopwatch"));
  for (const button of at("shows").children) on(button, "click", () => act("show", { what: button.dataset.what }));
  for (const button of at("themes").children) on(button, "click", () => act("theme", { theme: button.dataset.theme }));
  on(at("minutes"), "submit", (form) => act("minutes", { minutes: Number(form.minutes.value) }));
  for (const id of ["count", "pause", "reset", "tell"]) on(at(id), "click", () => act(id));
  on(at("folder"), "submit", async (form) => {
    const predictions = await act("folder", { folder: form.folder.value });
    if (!predictions) return;
    at("ask").prediction.replaceChildren(...Object.entries(predictions).map(([name, prediction]) => make("option", { value: name }, `${prediction.people}: ${prediction.question}`)));
    at("ask").hidden = !Object.keys(predictions).length;
    say({ confirmation: Object.keys(predictions).length ? "" : "There are no predictions in it." });
  });
  on(at("ask"), "submit", (form) => act("ask", { folder: at("folder").folder.value, prediction: form.prediction.value }));
  on(at("paste"), "submit", (form) => act("ask", { question: form.question.value, counts: form.counts.value }));
  on(at("find"), "submit", async (form) => {
    const lines = await act("find", { request_id: form.request_id.value });
    if (!lines) return;
    at("lines").textContent = lines.length ? lines.join("\n\n") : "No line has this id.";
    at("lines").hidden = false;
    at("show-lines").hidden = !lines.length;
  });
  on(at("show-lines"), "click", () => act("show-lines", { request_id: at("find").request_id.value }, "The room sees the lines."));
  const stage = (isOn) => {
    document.body.classList.toggle("stage", isOn);
    at("stage").ariaPressed = String(isOn);
  };
  stage(location.hash === "#stage");
  on(at("stage"), "click", () => {
    stage(!document.body.classList.contains("stage"));
    history.replaceState(null, "", document.body.classList.contains("stage") ? "#stage" : "#"); // a reload keeps it
  });
  on(at("theme"), "click", () => {
    const now = getComputedStyle(document.documentElement).colorScheme;
    const dark = now === "dark" || (now !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.style.colorScheme = dark ? "light" : "dark";
  });
  document.addEventListener("keydown", key);
  setInterval(tick, 250);
  look();
}

begin().catch((error) => say({ failure: error.message }));
