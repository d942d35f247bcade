// The board of all exercises, the next lesson, and the jump to the start of a lesson. widget_job.js stands before this.

const LABEL = "All exercises";
const KINDS = ["notebooks/", "exercises/"];

function lessonTabs() {
  return openTabs().filter((tab) => KINDS.some((kind) => tab.context?.path?.startsWith(kind)));
}

// What is typed but not saved is what the participant means to have kept aside.
async function saveAll() {
  for (const tab of lessonTabs()) if (tab.context.model.dirty) await tab.context.save();
}

// Files that changed on disk are shown as they are there; this widget's own notebook may be one of them.
async function arrive(changed, path, notice) {
  const stale = new Set(lessonTabs().map((tab) => tab.context).filter((context) => changed.includes(context.path)));
  await Promise.allSettled([...stale].map((context) => context.revert()));
  if (!path || !lab()) return;
  await lab().commands.execute("docmanager:open", { path });
  // The board is out of sight now, and may be gone: what it says about the files kept aside must not be.
  // JupyterLab cuts a note off after 140 characters, so the last line, where they are, comes before the rest.
  const [first, ...rest] = notice.split("\n");
  const message = [first, ...rest.reverse()].join("\n");
  if (lab().commands.hasCommand("apputils:notify")) lab().commands.execute("apputils:notify", { message, type: "success", options: { autoClose: false } });
}

function render({ model, el }) {
  const table = element("div");
  const onward = element("div", { class: "wk-ex-bar" });
  const bar = element("div", { class: "wk-ex-bar", role: "group", "aria-label": "Go to the start of a lesson" });
  const ask = element("div");
  const restart = element("details", {}, element("summary", {}, "Start a lesson over, with its files as new"), bar, ask);
  const working = workingRow(model, "Going to the start of a lesson");

  // It opens the notebook as it is: nothing is reset, and no kernel is asked.
  const following = model.get("next_lesson");
  if (following && lab()) {
    const next = element("button", { type: "button", "data-first": "true" }, `Next lesson: ${following}`);
    next.addEventListener("click", () => lab().commands.execute("docmanager:open", { path: `notebooks/${following}.ipynb` }));
    onward.append(next);
  }

  const buttons = model.get("lessons").map((lesson) => {
    const button = element("button", { type: "button", "aria-label": `Go to the start of ${lesson}` }, lesson);
    button.addEventListener("click", () => { if (!talk.busy()) confirmThenGo(button, lesson); });
    bar.append(button);
    return button;
  });

  function confirmThenGo(button, lesson) {
    const text = `Go to the start of ${lesson}? Your files of this and later lessons are kept aside, in the folder kept. `
      + "Earlier exercises that you have not passed are solved for you. Containers that notebooks made are removed; the stack is up afterwards.";
    inquire(ask, button, text, "Yes, go there", "Stay here", () => talk.send({ do: "go", lesson }, saveAll));
  }

  function draw() {
    setHtml(table, model.get("board"));
    for (const button of buttons) button.setAttribute("aria-disabled", String(talk.busy())); // not `disabled`: that would throw the focus away
    working.draw(talk);
  }

  function answered(message) {
    keepTwin(el, LABEL, model.get("page"), model.get("page_text"));
    if (!model.get("problem") || model.get("changed").length) arrive(model.get("changed"), message && model.get("arrived"), model.get("notice"));
  }

  const talk = conversation(model, { draw: () => draw(), answered });
  el.append(widgetRoot("wk-board", LABEL, table, onward, restart, working.node));
  draw();
  // Whenever it comes into view, it is as things stand now.
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    try { model.send({ do: "refresh" }); } catch { /* a board without its kernel stays as it was */ }
  });
  observer.observe(el);
  return () => {
    observer.disconnect();
    talk.end();
  };
}

export default { render };
