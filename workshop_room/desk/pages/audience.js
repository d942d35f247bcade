// The audience's page: asks once a second what to show, the charts or the lines of a request.
"use strict";

const token = document.body.dataset.token;
const STALE_MS = 6000;
let answeredAt = performance.now();
let drawnLines = "";

async function ask(path) {
  const answer = await fetch(path, { headers: { Authorization: `token ${token}` } });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

function make(tag, text, ...children) {
  const node = document.createElement(tag);
  node.append(text, ...children);
  return node;
}

function lineRow(line) {
  const details = line.details.map(([name, value]) => make("span", `${name} `, make("b", value)));
  const row = make("li", make("strong", line.message), ...details);
  row.className = line.grade;
  return row;
}

function showLines(requestId, lines) {
  const key = JSON.stringify(lines);
  if (key === drawnLines) return;
  drawnLines = key;
  const section = document.getElementById("lines");
  section.querySelector("h1").textContent = `The log of the request ${requestId}`;
  section.querySelector("ol").replaceChildren(...lines.map(lineRow));
}

async function showPicture() {
  const { png, alt } = await ask("/audience/picture");
  const picture = document.getElementById("picture");
  picture.src = `data:image/png;base64,${png}`;
  picture.alt = alt;
}

async function look() {
  try {
    const state = await ask("/audience/state");
    const hasLines = state.lines.length > 0;
    if (hasLines) showLines(state.request_id, state.lines);
    else await showPicture();
    document.getElementById("lines").hidden = !hasLines;
    document.getElementById("picture").hidden = hasLines;
    answeredAt = performance.now();
  } catch { /* the next call asks again; the page says so once it lasts */ }
  document.getElementById("stale").hidden = performance.now() - answeredAt < STALE_MS;
  setTimeout(look, 1000);
}

look();
