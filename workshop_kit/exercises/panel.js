// The panel of an exercise: buttons that ask Python, and what it answers. Python owns the state, this draws it.
// `element`, `setText` and the like stand in widget_job.js, which comes before it.

const STATUS_TEXTS = { check: "Starting the check …", hint: "Fetching the hint …", solution: "Fetching the solution …", anyway: "Fetching the solution …", compare: "Comparing …", reset: "Resetting …" };
const SPLIT_FROM_PX = 1300; // the width of a pane whose half still holds a line of code
const OPENED = "container-workshop: files that panels opened"; // in the browser's storage: a path and its lesson

// The open documents that an exercise is written in: its files, or the notebook itself.
function documentsOf(el, paths) {
  const tabs = paths.length ? openTabs().filter((tab) => paths.includes(tab.context?.path)) : [notebookOf(el)];
  return tabs.map((tab) => tab?.context).filter(Boolean);
}

// In a wide window one pane to the right of the notebook holds the exercises' files: it is opened once, and used
// again. In a narrow one a file is a tab after the notebook's.
async function openFile(el, path, model) {
  const notebook = notebookOf(el);
  const left = (tab) => tab.node.getBoundingClientRect().left;
  const isBeside = (tab) => tab.isVisible && left(tab) > left(notebook);
  const pane = openTabs().find(isBeside);
  const isWide = notebook.node.clientWidth >= SPLIT_FROM_PX;
  const options = { mode: pane || !isWide ? "tab-after" : "split-right", ref: (pane || notebook).id };
  const wasOpen = tabsOf(path).length > 0;
  for (const { context } of tabsOf(path)) {
    if (!context.model.dirty) await context.revert(); // its text may be older than the file
  }

  const tab = await lab().commands.execute("docmanager:open", { path, options });
  await tab.revealed;
  if ((pane || isWide) && !isBeside(tab)) lab().shell.add(tab, "main", options); // it was open behind the notebook
  lab().shell.activateById(tab.id);
  goToDefinition(tab.content.editor, model.get("definitions")[path]);
  closeOtherLessons(path, model.get("lesson"), wasOpen);
}

function tabsOf(path) {
  return openTabs().filter((tab) => tab.context?.path === path);
}

// Files that a panel opened for another lesson are closed, unless they hold what is not saved.
function closeOtherLessons(path, lesson, wasOpen) {
  const opened = openedFiles();
  if (!wasOpen || opened[path]) opened[path] = lesson; // else the participant opened it
  for (const other of Object.keys(opened)) {
    const tabs = tabsOf(other);
    if (opened[other] !== lesson) {
      for (const tab of tabs) if (!tab.context.model.dirty) tab.close();
    }
    if (!tabsOf(other).length) delete opened[other];
  }
  localStorage.setItem(OPENED, JSON.stringify(opened));
}

function openedFiles() {
  try {
    return JSON.parse(localStorage.getItem(OPENED)) || {};
  } catch { // not what was stored here
    return {};
  }
}

// The first of these definitions that the file has comes to the top, with the lines above it that say where one is.
function goToDefinition(editor, names) {
  const view = editor?.editor;
  if (!view) return;
  const text = view.state.doc.toString();
  const match = names.map((name) => lineOf(name).exec(text)).find(Boolean);
  if (!match) return;
  const effects = view.constructor.scrollIntoView(match.index, { y: "start", yMargin: 60 });
  view.dispatch({ selection: { anchor: match.index }, effects });
}

// The first line of a definition: a function or class in Python, a key in YAML, an instruction in a Dockerfile.
function lineOf(name) {
  const word = name.split(".").pop().replace(/\W/g, "\\$&");
  return new RegExp(`^[ \\t]*(?:async )?(?:def |class )?${word}\\b`, "m");
}

function render({ model, el }) {
  const id = `wk-${Math.random().toString(36).slice(2)}`;
  const paths = Object.keys(model.get("definitions")); // none: the exercise is in the notebook

  const head = element("div");
  const bar = element("div", { class: "wk-ex-bar", role: "group", "aria-label": "What to do" });
  const ask = element("div");
  const working = workingRow(model, `Checking ${model.get("name")}`);
  const result = element("div", { "aria-live": "polite", role: "region", "aria-label": "What the check found" });
  const hints = element("div", { class: "wk-ex-hints", "aria-live": "polite" });
  const place = element("p", { class: "wk-ex-place" });
  const toEdit = element("div", { class: "wk-ex-bar" }, place);
  const solution = element("div", { class: "wk-ex-solution", "aria-live": "polite" });
  const table = element("div");
  const board = element("details", { class: "wk-ex-board" }, element("summary", {}, "All exercises"), table);

  const check = button("Check", () => send("check"));
  check.dataset.first = "true";
  const hint = button("Hint", () => send("hint"));
  const solve = button("Show solution", () => send(model.get("passed") ? "compare" : "solution"));
  const reset = button("Reset", () => inquire(
    ask, reset, "Reset puts the text you were given back. Yours is kept aside.", "Yes, reset it", "Keep mine", () => send("reset"),
  ));
  for (const [number, path] of lab() ? paths.entries() : []) {
    const label = number ? `Open ${path.slice(path.lastIndexOf("/") + 1)}` : "Open file";
    const open = button(label, () => openFile(el, path, model));
    if (!number) open.setAttribute("aria-label", `Open file ${path}`);
    toEdit.append(open);
  }

  function button(label, pressed) {
    const node = element("button", { type: "button" }, label);
    node.addEventListener("click", () => { if (node.getAttribute("aria-disabled") !== "true") pressed(); });
    bar.append(node);
    return node;
  }

  // What is typed but not saved is what the participant means to have checked, or kept.
  async function saveFirst(what) {
    if (what !== "reset" && !(paths.length && ["check", "compare"].includes(what))) return;
    for (const context of documentsOf(el, paths)) if (context.model.dirty) await context.save();
  }

  function send(what) {
    ask.replaceChildren();
    talk.send({ do: what }, () => saveFirst(what));
  }

  function draw() {
    setHtml(head, model.get("head"));
    head.querySelector(".wk-ex-title")?.setAttribute("id", id);
    toEdit.hidden = !paths.length;
    setText(place, `Edit ${model.get("place")}.`);
    // Not `disabled`: that would throw the keyboard focus away.
    check.setAttribute("aria-disabled", String(talk.busy()));
    const [shown, all] = [model.get("hints").length, model.get("hints_there")];
    setText(hint, shown < all ? `Hint ${shown + 1} of ${all}` : `All ${all} hints shown`);
    hint.setAttribute("aria-disabled", String(shown >= all));
    setText(solve, model.get("passed") ? "Compare" : "Show solution");
    working.draw(talk);
    setHtml(result, model.get("result"));
    drawHints();
    setHtml(solution, model.get("solution"));
    setHtml(table, model.get("board"));
    board.hidden = !model.get("board");
  }

  // Only the newest is added, so that only the newest is announced.
  function drawHints() {
    const newer = model.get("hints").slice(hints.childElementCount);
    newer.forEach((html) => hints.insertAdjacentHTML("beforeend", html));
  }

  function answered(message) {
    if (message?.do === "reset") for (const context of documentsOf(el, paths)) context.revert().catch(() => {}); // show it as it is on disk now
    keepTwin(el, `Exercise ${model.get("name")}`, model.get("page"), model.get("page_text"));
    const shown = { hint: hints.lastElementChild, solution, anyway: solution, compare: solution }[message?.do];
    shown?.scrollIntoView({ block: "nearest" });
  }

  function answerMessage(message) {
    if (message.ask !== "solution") return;
    inquire(ask, solve, "Solve it first: then the solution is a comparison. Or look at it now.", "Show me anyway", "Not yet", () => send("anyway"));
  }

  const root = element("section", { class: "wk-exercise wk-live", role: "group", "aria-labelledby": id, "data-lm-suppress-shortcuts": "true" }, head, toEdit, bar, ask, working.node, hints, result, solution, board);
  keepKeys(root);
  el.append(root);
  const talk = conversation(model, { draw, answered, isWork: (message) => message.do === "check", says: STATUS_TEXTS });
  model.on("msg:custom", answerMessage);
  // For good: after a restart of the kernel nobody hears this panel.
  const stopListening = onceKernelIsGone(el, talk.sleep);
  draw();
  return () => {
    talk.end();
    model.off("msg:custom", answerMessage);
    stopListening();
  };
}

export default { render };
