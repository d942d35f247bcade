// The room's page: asks once a second what to show, and fetches a picture at most every two seconds.
"use strict";
const token = document.body.dataset.token;
const at = (id) => document.getElementById(id);
const HEADINGS = {
  clock: "What customers and probes see", recorded: "Recorded earlier", map: "The whole system", predictions: "What did we think?",
};
let answered = performance.now();
let drawn = 0;
let said = "";
let countdown = null;

async function ask(path) {
  const answer = await fetch(path, { headers: { Authorization: `token ${token}` } });
  if (!answer.ok) throw new Error(answer.status);
  return answer;
}

// Put a picture of the desk on the page as it is: its text is escaped already.
async function picture(path, place) {
  const text = await (await ask(path)).text();
  const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (svg.nodeName === "svg") place.replaceChildren(document.importNode(svg, true));
}

function bars(predictions) {
  at("question").textContent = predictions.question;
  at("headline").textContent = predictions.headline;
  at("answers").replaceChildren(...predictions.answers.map((answer) => {
    const row = document.createElement("li");
    row.className = answer.right ? "right" : "";
    const text = document.createElement("span");
    text.textContent = (answer.right ? "✓ " : "") + answer.text;
    const bar = document.createElement("span"); // the number beside it says the same
    bar.className = "bar";
    bar.append(document.createElement("i"));
    bar.firstElementChild.style.width = `${100 * answer.share}%`;
    const count = document.createElement("b");
    count.textContent = answer.count;
    row.append(text, bar, count);
    return row;
  }));
}

async function look() {
  try {
    const state = await (await ask("/audience/state")).json();
    answered = performance.now();
    countdown = { ...state.countdown, at: answered };
    for (const name of Object.keys(HEADINGS)) at(name).hidden = name !== state.shows;
    at("heading").textContent = HEADINGS[state.shows];
    const key = JSON.stringify(state.predictions);
    if (state.predictions && key !== said) bars(state.predictions);
    said = key;
    if (state.shows === "clock" && answered - drawn >= 1900) {
      drawn = answered;
      await picture("/audience/clock.svg", at("clock"));
    } else if (state.shows === "map" && !at("map").firstElementChild) {
      await picture("/audience/map.svg", at("map"));
    } else if (state.shows === "recorded" && at("recorded").dataset.at !== String(Math.floor(answered / 10000))) {
      at("recorded").dataset.at = String(Math.floor(answered / 10000));
      at("recorded").firstElementChild.src = `/audience/recorded.svg?token=${token}&${at("recorded").dataset.at}`;
    }
  } catch { /* said below, once it lasts */ }
  setTimeout(look, 1000);
}

function tick() {
  at("stale").hidden = performance.now() - answered < 6000;
  if (countdown) {
    const since = countdown.runs ? (performance.now() - countdown.at) / 1000 : 0;
    const left = Math.round(countdown.seconds_left - since);
    const whole = Math.abs(left);
    const text = `${left < 0 ? "−" : ""}${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
    if (at("countdown").textContent !== text) at("countdown").textContent = text;
    at("countdown").classList.toggle("over", left < 0);
  }
}

at("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark"
    || (getComputedStyle(document.documentElement).colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.style.colorScheme = dark ? "light" : "dark";
});
setInterval(tick, 250);
look();
