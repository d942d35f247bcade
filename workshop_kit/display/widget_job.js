// What widgets with a long-running button have in common; stands before a widget's own script. Python's half: live.py.

const STALE_AFTER_MS = 6000; // while work runs, Python tells every second that it lives
const WAKE = "run the first cell to wake the buttons, then this one.";

// The HTML comes from Python, which escapes every text in it.
function setHtml(node, html) {
  if (node.shown === html) return;
  node.shown = html;
  node.innerHTML = html;
}

// JupyterLab's own application object; absent in other editors.
function lab() {
  const app = window.jupyterapp;
  return app && app.commands && app.commands.hasCommand("docmanager:open") ? app : null;
}

function openTabs() {
  return lab() ? [...lab().shell.widgets("main")] : [];
}

function notebookOf(node) {
  return openTabs().find((tab) => tab.content?.widgets && tab.node.contains(node));
}

// Tell when the kernel of a node's notebook restarts or ends; returns a function that ends listening.
function onceKernelIsGone(node, gone) {
  let session;
  const listen = (_, status) => { if (["restarting", "autorestarting", "terminating", "dead"].includes(status)) gone(); };
  const frame = requestAnimationFrame(() => { // by then the node is on the page
    session = notebookOf(node)?.context.sessionContext;
    session?.statusChanged.connect(listen);
  });
  return () => {
    cancelAnimationFrame(frame);
    session?.statusChanged.disconnect(listen);
  };
}

// Keys stay in a widget: JupyterLab would take `b` on a focused button for "insert a cell below".
// Shift+Enter goes on with the cell after the widget's.
function keepKeys(root) {
  root.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "Enter" || !event.shiftKey) return;
    event.preventDefault();
    const notebook = notebookOf(root);
    if (!notebook) return;
    notebook.content.activeCellIndex = notebook.content.widgets.findIndex((cell) => cell.node.contains(root)) + 1;
    lab().shell.activateById(notebook.id);
    lab().commands.execute("notebook:run-cell-and-select-next");
  });
}

// After a reload JupyterLab no longer knows which output Python's updates of the static twin are for.
function keepTwin(el, label, html, text) {
  const cells = openTabs().flatMap((tab) => [...(tab.content?.widgets || [])]);
  const outputs = cells.find((cell) => cell.node.contains(el))?.outputArea?.model;
  for (let index = 0; index < (outputs?.length || 0); index += 1) {
    const output = outputs.get(index);
    const before = output.data["text/html"];
    if (html && before?.includes(`wk-static" role="group" aria-label="${label}"`) && before !== html) output.setData({ data: { "text/html": html, "text/plain": text } });
  }
}

// No window.confirm: it would block the page, and a screen reader would lose its place.
function inquire(place, from, text, yes, no, agreed) {
  const settle = (sure) => {
    from.focus();
    place.replaceChildren();
    if (sure) agreed();
  };
  const buttons = [[yes, true], [no, false]].map(([label, value]) => {
    const button = element("button", { type: "button" }, label);
    button.addEventListener("click", () => settle(value));
    return button;
  });
  const box = element("div", { class: "wk-ex-ask", role: "group", "aria-label": text }, element("p", {}, text), element("div", { class: "wk-ex-bar" }, ...buttons));
  box.addEventListener("keydown", (event) => { if (event.key === "Escape") settle(false); });
  place.replaceChildren(box);
  buttons[1].focus(); // the harmless answer
}

// One conversation with Python: what was asked and is not yet answered, and whether anybody still answers.
// `answered` is called with the message after its answer was drawn; `isWork` says which messages start a job, and
// `says` has the status while a message waits, by what it asks for.
function conversation(model, { draw, answered = () => {}, isWork = () => true, says = {} }) {
  const talk = { waiting: null, stale: false, asleep: false };
  let since = performance.now(); // of the last sign of the kernel, or of the question that waits for one
  let timer = 0;
  let clock = 0; // draws the seconds without an answer

  function watch() {
    clearTimeout(timer);
    if (!talk.asleep) clearInterval(clock);
    if (talk.waiting || model.get("doing")) timer = setTimeout(lose, STALE_AFTER_MS);
  }

  function lose() {
    talk.stale = true;
    count();
  }

  function count() {
    clearInterval(clock);
    clock = setInterval(draw, 1000);
    draw();
  }

  function changed() {
    talk.stale = false;
    since = performance.now();
    watch();
    draw();
  }

  function settled() {
    const message = talk.waiting;
    talk.waiting = null;
    changed();
    answered(message);
  }

  talk.silence = () => `${unanswered(since)}: ${WAKE}`;
  // The kernel of this widget has ended, and no other one hears it.
  talk.sleep = () => {
    clearTimeout(timer);
    since = performance.now();
    talk.asleep = true;
    count();
  };
  talk.busy = () => Boolean(model.get("doing") || (talk.waiting && isWork(talk.waiting))) && !talk.stale;
  talk.says = () => {
    if (talk.stale || talk.asleep) return ["problem", talk.silence()];
    if (model.get("doing")) return ["working", model.get("doing")];
    if (talk.waiting) return ["working", says[talk.waiting.do] ?? "Starting …"];
    return model.get("problem") ? ["problem", model.get("problem")] : ["notice", model.get("notice")];
  };
  talk.send = async (message, prepare = async () => {}) => {
    if (!talk.stale && !talk.asleep) since = performance.now();
    [talk.waiting, talk.stale] = [message, false];
    draw();
    try {
      await prepare();
    } catch { /* JupyterLab has said so itself; what is on disk counts */ }
    watch();
    try {
      model.send(message);
    } catch { // the kernel that this widget belongs to is gone
      lose();
    }
  };
  talk.end = () => {
    clearTimeout(timer);
    clearInterval(clock);
    model.off("change", changed);
    model.off("change:answered", settled);
  };
  model.on("change", changed);
  model.on("change:answered", settled);
  watch();
  // The first message of a comm may wait for a busy kernel; later ones do not. So the first is not the click.
  try { model.send({ hello: true }); } catch { /* said when a button is pressed */ }
  return talk;
}

// The line that says how far the work is, and how it ended.
function workingRow(model, label) {
  const status = element("p", { class: "wk-ex-status", role: "status", "aria-live": "polite" });
  const progress = element("progress", { max: "1", "aria-label": label });
  const clock = element("span", { class: "wk-ex-soft", "aria-hidden": "true" });
  const node = element("div", { class: "wk-ex-working" }, progress, status, clock);
  function draw(talk) {
    const [kind, text] = talk.says();
    status.dataset.kind = text && kind;
    setText(status, text);
    progress.hidden = clock.hidden = !talk.busy();
    const fraction = model.get("fraction");
    if (fraction >= 0) progress.value = fraction;
    else progress.removeAttribute("value");
    setText(clock, model.get("seconds") ? `${model.get("seconds")} s` : "");
  }
  return { node, draw };
}

function widgetRoot(name, label, ...children) {
  const root = element("section", { class: `wk-exercise wk-live ${name}`, role: "group", "aria-label": label, "data-lm-suppress-shortcuts": "true" }, ...children);
  keepKeys(root);
  return root;
}
