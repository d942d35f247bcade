// The live room: join, help, and the presenter's notice. widget_job.js and room_poll.js stand before this.

const NOTICE = "wk-notice"; // one note on the page, whatever the number of such widgets

const FOLDED = ". Your track leaves it out: here it is to read. ./workshop start --track full brings its cells.";
const OPEN_MS = 5000;

// A cell that the track skips stands, as text, in the cell that is there in its place.
function foldedIn(model, cell) {
  return (model.getMetadata("workshop")?.cells ?? []).find((foldedCell) => foldedCell.id === cell);
}

function headingOf(cell) {
  return [].concat(cell.source).join("").split("\n")[0].replace(/^#+ +/, "");
}

// Open the text in which a cell is folded, and scroll to the cell's heading. JupyterLab draws a text cell some time
// after it is in sight.
async function unfold(widget, cell) {
  const ends = Date.now() + OPEN_MS;
  let details = null;
  while (!details && Date.now() < ends) {
    details = widget.node.querySelector("details");
    if (!details) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  if (!details) return;
  details.open = true;
  const headings = [...details.querySelectorAll("strong")];
  headings.find((heading) => heading.textContent === headingOf(cell))?.scrollIntoView({ block: "start" });
}

// JupyterLab draws only the cells in sight, so the notebook itself has to scroll. Return whether the cell is folded.
async function goTo(lesson, cell) {
  await lab().commands.execute("docmanager:open", { path: `notebooks/${lesson}.ipynb` });
  const tab = openTabs().find((openTab) => openTab.context?.path === `notebooks/${lesson}.ipynb`);
  await tab?.context.ready;
  const cells = tab?.content.widgets ?? [];
  const whole = cells.findIndex((widget) => widget.model.id === cell);
  const index = whole < 0 ? cells.findIndex((widget) => foldedIn(widget.model, cell)) : whole;
  if (index < 0) return false;
  tab.content.activeCellIndex = index;
  await tab.content.scrollToItem(index, "start");
  if (whole < 0) await unfold(cells[index], foldedIn(cells[index].model, cell));
  return whole < 0;
}

function drawNotice(notice) {
  const shown = document.getElementById(NOTICE);
  if (!notice || window.wkNoticeClosed === notice.number) { shown?.remove(); return; }
  if (shown?.dataset.number === String(notice.number)) return;
  shown?.remove();
  const text = element("span", {}, notice.text);
  const go = element("button", { type: "button" }, "Go there");
  go.addEventListener("click", async () => {
    if (await goTo(notice.lesson, notice.cell)) text.textContent = notice.text + FOLDED;
  });
  const close = element("button", { type: "button", "aria-label": "Close the notice" }, "✕");
  close.addEventListener("click", () => { window.wkNoticeClosed = notice.number; drawNotice(notice); });
  const note = element("div", { id: NOTICE, class: "wk-notice", role: "alert", "data-number": notice.number, "data-lm-suppress-shortcuts": "true" }, text, ...(lab() ? [go] : []), close);
  keepKeys(note);
  document.body.append(note);
}

function labelled(text, attributes) {
  const input = element("input", { autocomplete: "off", spellcheck: "false", ...attributes });
  return [element("label", {}, text, input), input];
}

function joinForm(talk, model) {
  const [codeLabel, code] = labelled("Code", { size: "16", placeholder: "7K2M-Q9FD-30XA" });
  const [nameLabel, name] = labelled("Name, if you like", { size: "20", maxlength: "40" });
  const button = element("button", { type: "submit", "data-first": "true" }, "Join");
  const form = element("form", { class: "wk-ex-bar" }, codeLabel, nameLabel, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!talk.busy()) talk.send({ do: "join", code: code.value, name: name.value });
  });
  return element("details", {}, element("summary", {}, "Join the instructor's live room"), ...model.get("disclosed").map((line) => element("p", {}, line)), form);
}

function render({ model, el }) {
  const working = workingRow(model, "Joining the room");
  const state = element("span", { role: "status" });
  const helps = [["stuck", "I am stuck"], ["done", "Done"]].map(([help, text]) => {
    const button = element("button", { type: "button" }, text);
    button.addEventListener("click", () => talk.send({ do: "help", help }));
    button.help = help;
    return button;
  });
  const leave = element("button", { type: "button" }, "Leave the room");
  leave.addEventListener("click", () => talk.send({ do: "leave" }));
  const summary = element("p", {});
  const inside = element("div", { class: "wk-ex-bar" }, state, ...helps, leave);

  function draw() {
    const room = model.get("room");
    outside.hidden = room.joined;
    inside.hidden = !room.joined;
    setText(state, room.problem ? `○ Not connected: ${room.problem}` : room.number ? `● Live room: you are table ${room.number}` : "Connecting …");
    for (const button of helps) button.setAttribute("aria-pressed", String(room.help === button.help));
    working.draw(talk);
    drawNotice(room.joined && !talk.stale ? room.notice : null);
    drawQuestion(room.joined && !talk.stale ? room.poll : null, talk);
    setText(summary, room.joined ? room.summary : "");
  }

  const talk = conversation(model, { draw: () => draw() });
  const outside = joinForm(talk, model);
  el.append(widgetRoot("wk-room", "Live room", outside, inside, summary, working.node));
  draw();
  return () => {
    talk.end();
    document.getElementById(NOTICE)?.remove();
    document.getElementById(QUESTION)?.remove();
  };
}

export default { render };
