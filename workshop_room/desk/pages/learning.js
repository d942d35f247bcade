// The right answers of the room, before and after, as one chart. audience.js calls it.
"use strict";
let drawnLearning = "";

function part(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

// The number beside the bar says the same.
function learningBar(name, { right, answered }) {
  const row = part("div", `learned ${name}`);
  const bar = part("span", "bar");
  bar.append(document.createElement("i"));
  bar.firstElementChild.style.width = `${100 * right / (answered || 1)}%`;
  row.append(part("span", "when", name), bar, part("b", "", answered ? `${right} of ${answered}` : "–"));
  return row;
}

function drawLearning(learning) {
  const key = JSON.stringify(learning);
  if (key === drawnLearning) return;
  drawnLearning = key;
  const rows = learning.rows.map((result) => {
    const row = part("li", "");
    const text = part("div", "asked", result.question);
    if (result.answer) text.append(part("b", "right", `✓ ${result.answer}`));
    const bars = part("div", "");
    bars.append(learningBar("before", result.before), learningBar("after", result.after));
    row.append(text, bars);
    return row;
  });
  const list = part("ol", "");
  list.append(...rows);
  document.getElementById("learning").replaceChildren(list, part("p", "total", learning.headline));
}
