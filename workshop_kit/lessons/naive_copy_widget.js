// One button: the colleague's lines into a file, or the participant's back. widget_job.js stands before this.

const LABEL = "Whose lines the file has";

function documentsOf(path) {
  return openTabs().map((tab) => tab.context).filter((context) => context?.path === path);
}

// What is typed but not saved is what the participant means to have kept.
async function saveFirst(path) {
  for (const context of documentsOf(path)) if (context.model.dirty) await context.save();
}

function render({ model, el }) {
  const path = model.get("path");
  const button = element("button", { type: "button" });
  const bar = element("div", { class: "wk-ex-bar" }, button);
  const working = workingRow(model, "Changing the file");

  button.addEventListener("click", () => {
    if (talk.busy()) return;
    talk.send({ do: model.get("in_use") ? "put_back" : "use" }, () => saveFirst(path));
  });

  function draw() {
    setText(button, model.get("in_use") ? "Put mine back" : "Use the colleague's version here");
    button.setAttribute("aria-disabled", String(talk.busy())); // not `disabled`: that would throw the focus away
    working.draw(talk);
  }

  function answered() {
    for (const context of documentsOf(path)) context.revert().catch(() => {}); // show it as it is on disk now
  }

  const talk = conversation(model, { draw: () => draw(), answered, says: { use: "Copying your file …", put_back: "Putting your lines back …" } });
  el.append(widgetRoot("wk-naive-copy", LABEL, bar, working.node));
  draw();
  return talk.end;
}

export default { render };
