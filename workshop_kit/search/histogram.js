// When the lines came: stacked bars by level, told apart by pattern as well as color. Stands between dom.js and explorer.js.

const LEVELS = ["error", "warning", "info", "debug", "other"];
const HEIGHT = 84;

function patterns(id) {
  const drawn = { error: [], warning: ["M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2"], info: [], debug: ["M1,1 h1 M4,4 h1"], other: ["M0,0 l6,6 M6,0 l-6,6"] };
  return element("svg:defs", {}, ...LEVELS.map((level) => element(
    "svg:pattern", { id: `${id}-${level}`, width: 6, height: 6, patternUnits: "userSpaceOnUse", class: `wk-lx-${level}` },
    element("svg:rect", { width: 6, height: 6 }), ...drawn[level].map((d) => element("svg:path", { d })),
  )));
}

function clock(us, step) {
  const text = new Date(us / 1000).toISOString().replace("T", " ").replace("Z", "");
  return step % 1e6 ? text : text.slice(0, 19);
}

function histogram(id, choose) {
  const svg = element("svg:svg", { width: "100%", height: HEIGHT, "aria-hidden": "true" });
  const box = element("div", { class: "wk-lx-bars", role: "slider", tabindex: "0", "aria-orientation": "horizontal" }, svg);
  const peak = element("span", { class: "wk-lx-peak" });
  const axis = element("div", { class: "wk-lx-axis", "aria-hidden": "true" }, element("span"), element("span"), element("span"));
  const legend = element("ul", { class: "wk-lx-legend" });
  const summary = element("p");
  const table = element("table");
  const twin = element("details", {}, element("summary", {}, "Bars as text"), summary, element("div", {}, table));
  const node = element("div", { class: "wk-lx-histogram" }, peak, box, axis, legend, twin);
  let bars = { first: 0, step: 1, counts: [[]] };
  let [from, to] = [-1, -1]; // the bars chosen; `to` is where the next key goes on
  let dragging = false;

  const many = () => bars.counts[0].length;
  const at = (bar) => clock(bars.first + bar * bars.step, bars.step);
  const share = (bars_) => `${(100 * bars_) / (many() || 1)}%`;

  function describe(first, last) {
    const parts = LEVELS.map((level, n) => [level, bars.counts[n].slice(first, last + 1).reduce((a, b) => a + b, 0)]);
    return `${at(first)} to ${at(last + 1)}: ${parts.filter(([, sum]) => sum).map(([level, sum]) => `${sum.toLocaleString("en")} ${level}`).join(", ") || "no lines"}`;
  }

  function mark() {
    svg.querySelector(".wk-lx-chosen")?.remove();
    if (from < 0) return;
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    svg.append(element("svg:rect", { class: "wk-lx-chosen", x: share(first), y: 0, width: share(last - first + 1), height: HEIGHT }));
    box.setAttribute("aria-valuenow", to);
    box.setAttribute("aria-valuetext", describe(first, last));
  }

  function settle() {
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    choose(bars.first + first * bars.step, bars.first + (last + 1) * bars.step);
  }

  function barAt(event) {
    const { left, width } = svg.getBoundingClientRect();
    return Math.max(0, Math.min(many() - 1, Math.floor(((event.clientX - left) / width) * many())));
  }

  box.addEventListener("pointerdown", (event) => {
    if (event.button || !many()) return;
    box.setPointerCapture(event.pointerId);
    dragging = true;
    from = to = barAt(event);
    mark();
  });
  box.addEventListener("pointermove", (event) => {
    box.title = many() ? describe(barAt(event), barAt(event)) : "";
    if (!dragging) return;
    to = barAt(event);
    mark();
  });
  box.addEventListener("pointerup", () => { if (dragging) settle(); dragging = false; });
  box.addEventListener("pointercancel", () => { dragging = false; });
  box.addEventListener("keydown", (event) => {
    const nextBar = { ArrowLeft: Math.max(0, to - 1), ArrowRight: Math.min(many() - 1, to + 1), Home: 0, End: many() - 1 }[event.key];
    if (!many() || event.ctrlKey || event.metaKey) return;
    if (nextBar !== undefined) [from, to] = [event.shiftKey && from >= 0 ? from : nextBar, nextBar];
    else if (event.key === "Enter" && from >= 0) settle();
    else if (event.key === "Escape") choose();
    else return;
    event.preventDefault();
    mark();
  });

  function draw(shown) {
    const moved = bars.first !== shown.bars.first || bars.step !== shown.bars.step;
    bars = shown.bars;
    if (moved || from >= many()) [from, to] = [-1, -1];
    const sums = bars.counts.map((column) => column.reduce((a, b) => a + b, 0));
    const each = Array.from({ length: many() }, (_, bar) => bars.counts.reduce((sum, column) => sum + column[bar], 0));
    const top = Math.max(1, ...each);
    const drawn = [];
    each.forEach((_, bar) => {
      let y = HEIGHT;
      LEVELS.forEach((level, n) => {
        const count = bars.counts[n][bar];
        const height = count ? Math.max(1.5, (count / top) * (HEIGHT - 2)) : 0; // a single error is still seen
        y -= height;
        if (count) drawn.push(element("svg:rect", { x: share(bar + 0.06), y, width: share(0.88), height, fill: `url(#${id}-${level})` }));
      });
    });
    svg.replaceChildren(patterns(id), ...drawn);
    setText(peak, many() ? `${top.toLocaleString("en")} in ${shown.lasting}` : "");
    [0, Math.floor(many() / 2), many()].forEach((bar, n) => setText(axis.children[n], many() ? at(bar) : ""));
    legend.replaceChildren(...LEVELS.filter((_, n) => sums[n]).map((level) => element(
      "li", {}, element("svg:svg", { width: 14, height: 14, "aria-hidden": "true" }, element("svg:rect", { width: 14, height: 14, fill: `url(#${id}-${level})` })),
      `${level} ${sums[LEVELS.indexOf(level)].toLocaleString("en")}`,
    )));
    setText(summary, shown.summary);
    if (twin.open) list();
    box.setAttribute("aria-label", "Time: arrow keys choose a bar, Shift and arrow keys several, Enter looks closer, Escape shows the whole time");
    for (const [name, value] of [["min", 0], ["max", Math.max(0, many() - 1)], ["now", Math.max(0, to)], ["text", shown.summary]]) box.setAttribute(`aria-value${name}`, value);
    mark();
  }

  function list() {
    const head = element("tr", {}, ...["from (UTC)", ...LEVELS].map((name) => element("th", { scope: "col" }, name)));
    const rows = bars.counts[0].map((_, bar) => element("tr", {}, element("th", { scope: "row" }, at(bar)), ...bars.counts.map((column) => element("td", {}, column[bar].toLocaleString("en")))));
    table.replaceChildren(head, ...rows);
  }
  twin.addEventListener("toggle", list);
  return { node, draw };
}
