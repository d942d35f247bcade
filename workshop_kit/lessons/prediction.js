// A question with four options; the first click locks one. Python owns the state, this draws it. widget_job.js stands before this.

function statusOf(model, talk) {
  const problem = model.get("problem");
  if (problem) return problem;
  const choices = model.get("choices");
  const textOf = (key) => (choices.find((choice) => choice.key === key) || { text: key }).text;
  if (model.get("actual")) return `What happened: ${textOf(model.get("actual"))}`;
  if (model.get("locked")) return `Locked: ${textOf(model.get("locked"))} Now run the experiment: Shift+Enter goes on.`;
  if (talk.stale) return talk.silence();
  if (talk.busy()) return "Locking your guess …";
  return "One click locks your guess. A wrong one teaches more than none.";
}

function drawChoice(button, choice, model) {
  const mine = model.get("locked") === choice.key;
  const actual = model.get("actual") === choice.key;
  const [mark, note] = button.querySelectorAll(".wk-mark, .wk-note");
  mark.textContent = mine ? "◉" : "○";
  note.textContent = [mine && "your guess", actual && "what happened"].filter(Boolean).join(" · ");
  button.dataset.mine = String(mine);
  button.dataset.actual = String(actual);
  button.setAttribute("aria-pressed", String(mine));
  // Not `disabled`: that would throw the keyboard focus away.
  button.setAttribute("aria-disabled", String(Boolean(model.get("locked") || model.get("actual"))));
}

function moveFocus(event, buttons) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  const index = buttons.indexOf(event.target);
  if (!step || index < 0) return;
  event.preventDefault();
  buttons[(index + step + buttons.length) % buttons.length].focus();
}

function render({ model, el }) {
  const id = `wk-${Math.random().toString(36).slice(2)}`;
  const root = element("section", { class: "wk-prediction wk-live", role: "group", "aria-labelledby": id, "data-lm-suppress-shortcuts": "true" });
  const list = element("div", { class: "wk-choices", role: "group", "aria-label": "Your guess" });
  const status = element("p", { class: "wk-status", role: "status", "aria-live": "polite" });

  const buttons = model.get("choices").map((choice) => {
    const button = element(
      "button",
      { class: "wk-choice", type: "button" },
      element("span", { class: "wk-mark", "aria-hidden": "true" }),
      element("span", {}, choice.text),
      element("span", { class: "wk-note" }),
    );
    button.addEventListener("click", () => {
      if (!talk.busy() && !model.get("locked") && !model.get("actual")) talk.send({ lock: choice.key });
    });
    list.append(button);
    return button;
  });

  function draw() {
    model.get("choices").forEach((choice, index) => drawChoice(buttons[index], choice, model));
    setText(status, statusOf(model, talk));
  }

  root.append(
    element("p", { class: "wk-eyebrow" }, "Before you run it: your guess"),
    element("p", { class: "wk-question", id }, model.get("question")),
    list,
    status,
  );
  root.addEventListener("keydown", (event) => moveFocus(event, buttons));
  keepKeys(root);
  el.append(root);
  const talk = conversation(model, { draw: () => draw() });
  draw();
  return talk.end;
}

export default { render };
