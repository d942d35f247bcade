// The log explorer: Python searches, this draws a page of what it found. `element` and the bars: histogram.js.

const STALE_AFTER_MS = 5000;
const NAMES = { ts: "time (UTC)", msg: "message", request_id: "request" };

function definitions(pairs) {
  return element("dl", {}, ...pairs.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
}

function render({ model, el }) {
  const id = `wk-${Math.random().toString(36).slice(2)}`;
  const rows = new Map(); // the number of a line → its rows in the table, kept while it is on the page
  let version = 0;
  let active = -1; // the line that Tab reaches
  let stale = false;
  let timer = 0;
  let clock = 0; // draws the seconds without an answer
  let since = performance.now(); // of the last sign of the kernel, or of the question that waits for one
  let pendingAction = "";

  const box = element("input", { type: "search", "aria-label": "Search the lines", spellcheck: "false", autocomplete: "off", placeholder: 'level:error status>=500 "any words"' });
  const form = element("form", { class: "wk-lx-search", role: "search" }, box, element("button", { type: "submit" }, "Search"));
  const clear = button("Clear", () => { box.value = ""; ask({ do: "search", query: "" }); box.focus(); }, form);
  const how = element("details", { class: "wk-lx-help" }, element("summary", {}, "How to search"), definitions(model.get("examples")));
  const mistake = element("div", { class: "wk-lx-mistake", role: "alert" });
  const count = element("p", { class: "wk-lx-count", role: "status" });
  const bar = element("div", { class: "wk-lx-tools", role: "group", "aria-label": "What is shown" }, count);
  const back = button("Back", () => { ask({ do: "back" }); table.focus(); }, bar);
  const whole = button("Whole time", () => { ask({ do: "whole" }); chart.node.querySelector("[role=slider]").focus(); }, bar);
  const group = button("Show each line", () => ask({ do: "group", on: model.get("page").groups < 0 }), bar);
  const live = button("Pause", () => ask({ do: model.get("live").state === "paused" ? "resume" : "pause" }), bar);
  const chart = histogram(id, (from, to) => ask(from === undefined ? { do: "whole" } : { do: "span", from, to }));
  const head = element("tr");
  const body = element("tbody");
  const table = element("div", { class: "wk-lx-lines", role: "region", tabindex: "-1", "aria-label": "Lines" }, element("table", {}, element("thead", {}, head), body));
  const place = element("span");
  const pager = element("div", { class: "wk-lx-tools", role: "group", "aria-label": "Pages" });
  const newer = button("Newer", () => turn(-1), pager);
  const older = button("Older", () => turn(1), pager);
  pager.append(place);

  function button(label, pressed, parent) {
    const node = element("button", { type: "button" }, label);
    node.addEventListener("click", () => { if (node.getAttribute("aria-disabled") !== "true") pressed(); });
    parent.append(node);
    return node;
  }

  function ask(message) {
    pendingAction = message.do;
    if (!stale) since = performance.now();
    watch();
    say();
    try {
      model.send(message);
    } catch { // the kernel that this page belongs to is gone
      lose();
    }
  }

  function watch() {
    clearTimeout(timer);
    clearInterval(clock);
    const hears = pendingAction || ["following", "paused"].includes(model.get("live").state);
    if (hears) timer = setTimeout(lose, STALE_AFTER_MS);
  }

  function lose() {
    stale = true;
    clearInterval(clock);
    clock = setInterval(say, 1000);
    say();
  }

  function turn(by) {
    ask({ do: "page", page: model.get("page").page + by });
    table.scrollTop = 0;
  }

  // One word of what is going on; while lines come, not every number is announced.
  function say() {
    const shown = model.get("page");
    const state = model.get("live").state;
    root.dataset.stale = String(stale);
    root.setAttribute("aria-busy", String(Boolean(pendingAction) && !stale));
    count.setAttribute("aria-live", state === "following" ? "off" : "polite");
    if (stale) return setText(count, `${unanswered(since)}: run this cell again.`);
    if (shown.hits === undefined) return setText(count, pendingAction ? "Searching …" : "Nothing found yet.");
    const lines = shown.request ? `Request ${shown.request}: ${shown.hits.toLocaleString("en")}` : shown.hits.toLocaleString("en");
    const of = `${lines} of ${shown.total.toLocaleString("en")} lines in ${shown.milliseconds} ms`;
    const groups = shown.groups >= 0 && `identical messages are grouped: ${shown.groups.toLocaleString("en")} different ones`;
    return setText(count, [of, groups, shown.untimed && `${shown.untimed.toLocaleString("en")} without a time`, ...model.get("missed"), pendingAction === "search" && "searching …"].filter(Boolean).join(" · "));
  }

  function explain() {
    const { text, query, position } = model.get("problem");
    box.setAttribute("aria-invalid", String(position !== undefined));
    if (!text) return mistake.replaceChildren();
    const where = position === undefined ? [] : [element("pre", { "aria-hidden": "true" }, `${query}\n${" ".repeat(position)}^`)];
    const nodes = [element("p", {}, text), ...where];
    if (mistake.textContent !== nodes.map((node) => node.textContent).join("")) mistake.replaceChildren(...nodes); // else it were announced again
    return undefined;
  }

  function line(logLine, columns) {
    const open = element("button", { type: "button", class: "wk-lx-open", "aria-expanded": "false" }, logLine.ts || "no time");
    open.addEventListener("click", () => unfold(logLine.row));
    const cells = columns.map((name) => {
      const cell = element("td", { class: `wk-lx-${name}` }, element("span", { title: name === "msg" ? "" : logLine[name] ?? "" }, logLine[name] ?? ""));
      if (name === "level") cell.dataset.level = logLine.counted;
      if (name === "request_id" && logLine.request_id) {
        cell.append(" ");
        button("same request", () => { ask({ do: "request", row: logLine.row }); table.focus(); }, cell);
      }
      return cell;
    });
    const main = element("tr", {}, element("th", { scope: "row" }, open), ...cells);
    main.addEventListener("focusin", () => { reach(logLine.row); });
    return { main, detail: null };
  }

  function reach(row) {
    active = row;
    for (const [number, { main }] of rows) main.querySelectorAll("button").forEach((node) => { node.tabIndex = number === row ? 0 : -1; });
  }

  function unfold(row) {
    const entry = rows.get(row);
    const open = entry.main.querySelector(".wk-lx-open");
    if (entry.detail) {
      entry.detail.remove();
      entry.detail = null;
    } else {
      entry.detail = element("tr", { class: "wk-lx-record" }, element("td", { colspan: String(1 + model.get("page").columns.length) }, "Opening …"));
      entry.main.after(entry.detail);
      ask({ do: "open", row });
    }
    open.setAttribute("aria-expanded", String(Boolean(entry.detail)));
  }

  function opened() {
    const { row, fields } = model.get("opened");
    const cell = rows.get(row)?.detail?.firstChild;
    if (cell && !cell.firstElementChild) cell.replaceChildren(definitions(fields));
  }

  // Lines that stay keep their rows, so that the focus and what is opened stay, too.
  function list(shown) {
    const held = body.contains(document.activeElement);
    head.replaceChildren(...["ts", ...shown.columns].map((name) => element("th", { scope: "col" }, NAMES[name] || name)));
    const wanted = new Set(shown.version === version ? shown.rows.map((logLine) => logLine.row) : []);
    version = shown.version; // a number may mean another line than before
    for (const [number, entry] of rows) {
      if (wanted.has(number)) continue;
      entry.main.remove();
      entry.detail?.remove();
      rows.delete(number);
    }
    let next = body.firstChild;
    for (const logLine of shown.rows) {
      if (!rows.has(logLine.row)) rows.set(logLine.row, line(logLine, shown.columns));
      const { main, detail } = rows.get(logLine.row);
      for (const node of detail ? [main, detail] : [main]) {
        if (node === next) next = next.nextSibling;
        else body.insertBefore(node, next);
      }
    }
    reach(rows.has(active) ? active : shown.rows[0]?.row);
    if (held && !body.contains(document.activeElement)) table.focus();
  }

  function draw() {
    const [shown, { state, new: fresh }] = [model.get("page"), model.get("live")];
    say();
    explain();
    live.hidden = !["following", "paused"].includes(state);
    setText(live, state === "paused" ? `Resume (${fresh.toLocaleString("en")} new)` : "Pause");
    if (shown.hits === undefined) return;
    back.hidden = !shown.request;
    whole.hidden = !shown.span.length;
    group.hidden = Boolean(shown.request);
    setText(group, shown.groups < 0 ? "Group identical messages" : "Show each line");
    newer.setAttribute("aria-disabled", String(shown.page <= 0));
    older.setAttribute("aria-disabled", String(shown.page >= shown.pages - 1));
    setText(newer, shown.request ? "Earlier" : "Newer");
    setText(older, shown.request ? "Later" : "Older");
    setText(place, `page ${(shown.page + 1).toLocaleString("en")} of ${shown.pages.toLocaleString("en")}`);
    chart.draw(shown);
    list(shown);
  }

  function changed() {
    stale = false;
    since = performance.now();
    watch();
    draw();
  }

  function answered() {
    if (pendingAction === "search" && !model.get("problem").text) box.value = model.get("page").query;
    opened(); // also when it is the line that was opened before: then nothing has changed
    pendingAction = ""; // "change" comes next, and draws
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask({ do: "search", query: box.value });
  });
  body.addEventListener("keydown", (event) => {
    const lineRows = [...body.querySelectorAll("tr:not(.wk-lx-record)")];
    const now = lineRows.indexOf(event.target.closest("tr"));
    const index = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: lineRows.length - 1 }[event.key];
    const to = lineRows[index];
    if (now < 0 || !to) return;
    event.preventDefault();
    (to.querySelector(`.${event.target.className || "none"}`) || to.querySelector("button")).focus();
  });
  const root = element("section", { class: "wk-explorer wk-live", role: "group", "aria-label": model.get("title"), "data-lm-suppress-shortcuts": "true" }, element("p", { class: "wk-lx-title" }, model.get("title")), form, how, mistake, bar, chart.node, table, pager);
  // JupyterLab would take `b` on a focused button for "insert a cell below": the keys stay in here.
  root.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(root);
  box.value = model.get("page").query || "";
  model.on("change", changed);
  model.on("change:answered", answered);
  watch();
  draw();
  // The first message of a comm may wait for a busy kernel; later ones do not. So the first is not the click.
  try { model.send({ hello: true }); } catch { /* said at the first question */ }
  return () => {
    clearTimeout(timer);
    clearInterval(clock);
    model.off("change", changed);
    model.off("change:answered", answered);
  };
}

export default { render };
