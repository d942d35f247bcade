// The log explorer: Python searches, this draws what it found. `element` is in dom.js.

const STALE_AFTER_MS = 6000;
const HEIGHT = 60;

function button(label, pressed) {
  const node = element("button", { type: "button" }, label);
  node.addEventListener("click", pressed);
  return node;
}

function bars(svg, pairs) {
  const highest = Math.max(1, ...pairs.map(([total]) => total));
  svg.setAttribute("viewBox", `0 0 ${pairs.length || 1} ${HEIGHT}`);
  const rect = (kind, count, x) => {
    const height = (HEIGHT * count) / highest;
    return element("svg:rect", { class: `wk-bar-${kind}`, x, y: HEIGHT - height, width: 0.9, height });
  };
  svg.replaceChildren(...pairs.flatMap(([total, grave], x) => [rect("all", total, x), rect("grave", grave, x)]));
}

function render({ model, el }) {
  let request = "";
  let paused = false;
  let timer = 0;
  let asked = 0;
  let drawn = ""; // the lines on the page

  const box = element("input", { type: "search", "aria-label": "Words that a line must have", placeholder: "words that all must occur" });
  const levels = model.get("levels").map((level) => element("input", { type: "checkbox", value: level, checked: "" }));
  const form = element("form", { role: "search" }, box, element("button", { type: "submit" }, "Search"));
  const list = element("fieldset", {}, element("legend", {}, "Levels"), ...levels.map((node) => element("label", {}, node, node.value)));
  const count = element("p", { role: "status" });
  const back = button("Back to the search", () => ask({ request: "", paused: false }));
  const live = button("Pause", () => ask({ paused: !paused }));
  const chart = element("svg:svg", { class: "wk-bars", role: "img", preserveAspectRatio: "none" });
  const legend = element("p", { class: "wk-soft" });
  const body = element("tbody");
  const head = element("tr", {}, ...["time (UTC)", "level", "service", "message", "request"].map((name) => element("th", { scope: "col" }, name)));
  const lines = element("div", { class: "wk-lines", role: "region", tabindex: "0", "aria-label": "Lines" }, element("table", {}, element("thead", {}, head), body));

  function ask(changes) {
    request = changes.request ?? request;
    paused = changes.paused ?? paused;
    asked = performance.now();
    clearTimeout(timer);
    timer = setTimeout(lose, STALE_AFTER_MS);
    const chosen = levels.filter((node) => node.checked).map((node) => node.value);
    try {
      model.send({ words: box.value, levels: chosen, request, paused });
    } catch { // the kernel that this page belongs to is gone
      lose();
    }
  }

  function lose() {
    setText(count, `${unanswered(asked)}: run this cell again.`);
  }

  function row(line) {
    const text = element("details", {}, element("summary", {}, line.message), element("pre", {}, line.line));
    text.addEventListener("toggle", () => { if (text.open && model.get("page").live && !paused) ask({ paused: true }); });
    const cell = element("td", {}, line.request);
    if (line.id && !request) cell.append(" ", button("same request", () => ask({ request: line.id, paused: true })));
    const level = element("td", { "data-level": line.level }, line.level);
    return element("tr", {}, element("th", { scope: "row" }, line.time || "no time"), level, element("td", {}, line.service), element("td", {}, text), cell);
  }

  function draw() {
    clearTimeout(timer);
    const page = model.get("page");
    setText(count, [page.problem, page.count].filter(Boolean).join(" · "));
    back.hidden = !request;
    live.hidden = !page.live;
    setText(live, page.paused ? "Resume" : "Pause");
    bars(chart, page.bars);
    chart.setAttribute("aria-label", page.summary);
    setText(legend, `${page.summary} The lower part of a bar: errors and warnings.`);
    const rows = JSON.stringify([request, page.rows]);
    if (rows !== drawn) body.replaceChildren(...page.rows.map(row)); // the same lines stay: one may be open
    drawn = rows;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask({ request: "", paused: false });
  });
  list.addEventListener("change", () => ask({ request: "", paused: false }));
  const root = element("section", { class: "wk-explorer wk-live", role: "group", "aria-label": model.get("title"), "data-lm-suppress-shortcuts": "true" }, element("p", { class: "wk-title" }, model.get("title")), form, list, element("div", { class: "wk-tools" }, count, back, live), chart, legend, lines);
  root.addEventListener("keydown", (event) => event.stopPropagation()); // JupyterLab would take `b` for "insert a cell"
  el.append(root);
  box.value = model.get("words");
  model.on("change:answered", draw);
  draw();
  // The first message of a comm may wait for a busy kernel; later ones do not. So the first is not the click.
  try { model.send({ hello: true }); } catch { /* said at the first question */ }
  return () => {
    clearTimeout(timer);
    model.off("change:answered", draw);
  };
}

export default { render };
