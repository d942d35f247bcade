// The room's page: asks once a second what to show, and fetches the dashboard at most every two seconds.
"use strict";
const token = document.body.dataset.token;
const at = (id) => document.getElementById(id);
const HEADINGS = {
  dashboard: "What customers and probes see", recorded: "Recorded earlier", map: "The whole system", lines: "The log of one request",
  predictions: "What did we think?",
};
let answered = performance.now();
const drawnSections = {}; // what is on the page already, by section
let countdown = null;

async function ask(path) {
  const answer = await fetch(path, { headers: { Authorization: `token ${token}` } });
  if (!answer.ok) throw new Error(answer.status);
  return answer;
}

async function dashboard() {
  const { png, alt } = await (await ask("/audience/dashboard")).json();
  const image = at("dashboard").firstElementChild;
  image.src = `data:image/png;base64,${png}`;
  image.alt = alt;
}

// Put the map on the page as it is: its text is escaped already.
async function map() {
  const text = await (await ask("/audience/map.svg")).text();
  const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (svg.nodeName === "svg") at("map").replaceChildren(document.importNode(svg, true));
}

async function lines() {
  const requestLines = await (await ask("/audience/lines")).json();
  at("lines-title").textContent = requestLines.title;
  at("lines").querySelector("ol").replaceChildren(...requestLines.lines.map(([grade, text, sentence]) => {
    const row = document.createElement("li");
    row.className = grade;
    text.split(requestLines.request_id).forEach((part, number) => {
      const id = document.createElement("b");
      id.textContent = requestLines.request_id;
      row.append(...(number ? [id, part] : [part]));
    });
    if (sentence) {
      const meaning = document.createElement("p");
      meaning.textContent = sentence;
      row.append(meaning);
    }
    return row;
  }));
}

function bars(predictions) {
  at("question").textContent = predictions.question;
  at("headline").textContent = predictions.headline;
  const people = predictions.answers.reduce((sum, answer) => sum + answer.count, 0);
  at("answers").replaceChildren(...predictions.answers.map((answer) => {
    const row = document.createElement("li");
    row.className = answer.right ? "right" : "";
    const text = document.createElement("span");
    text.textContent = (answer.right ? "✓ " : "") + answer.text;
    const bar = document.createElement("span"); // the number beside it says the same
    bar.className = "bar";
    bar.append(document.createElement("i"));
    bar.firstElementChild.style.width = `${100 * answer.count / (people || 1)}%`;
    const count = document.createElement("b");
    count.textContent = answer.count;
    row.append(text, bar, count);
    return row;
  }));
}

// Draw a section anew only if its data changed.
function changed(name, ...data) {
  const key = JSON.stringify(data);
  const before = drawnSections[name];
  drawnSections[name] = key;
  return before !== key;
}

async function look() {
  try {
    const state = await (await ask("/audience/state")).json();
    answered = performance.now();
    countdown = { ...state.countdown, at: answered };
    document.documentElement.style.colorScheme = state.theme;
    const isDark = state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.body.classList.toggle("dark", isDark);
    const shows = state.shows;
    if (shows === "dashboard" && changed(shows, Math.floor(answered / 1900))) await dashboard();
    if (shows === "map" && changed(shows)) await map();
    if (shows === "lines" && changed(shows, state.lines)) await lines();
    if (shows === "predictions" && changed(shows, state.predictions)) bars(state.predictions);
    if (shows === "recorded" && changed(shows, Math.floor(answered / 10000))) {
      at("recorded").firstElementChild.src = `/audience/recorded.png?token=${token}&${Math.floor(answered / 10000)}`;
    }
    for (const name of Object.keys(HEADINGS)) at(name).hidden = name !== shows;
    at("heading").textContent = HEADINGS[shows];
  } catch { // the next call asks again; `tick` shows it once it lasts
    for (const name of ["dashboard", "map", "lines"]) delete drawnSections[name];
  }
  setTimeout(look, 1000);
}

function tick() {
  at("stale").hidden = performance.now() - answered < 6000;
  at("countdown").hidden = !countdown || countdown.idle;
  if (countdown) {
    const since = countdown.runs ? (performance.now() - countdown.at) / 1000 : 0;
    const left = Math.max(Math.round(countdown.seconds_left - since), 0);
    const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (at("countdown").textContent !== text) at("countdown").textContent = text;
    at("countdown").classList.toggle("over", left === 0);
  }
}

setInterval(tick, 250);
look();
