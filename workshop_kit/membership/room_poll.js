// The presenter's question in a notebook: a note with a button for each option. widget_job.js stands before this.

const QUESTION = "wk-question"; // one note on the page, whatever the number of such widgets
const DOUBLE_CLICK_MS = 400; // the second click of a double one is no answer to the next question
let answeredAt = -DOUBLE_CLICK_MS;

function optionButton(poll, key, text, talk) {
  const button = element("button", { type: "button" }, text);
  button.addEventListener("click", () => {
    const isDouble = performance.now() - answeredAt < DOUBLE_CLICK_MS;
    if (talk.busy() || isDouble) return;
    answeredAt = performance.now();
    button.setAttribute("aria-pressed", "true");
    talk.send({ do: "answer", poll: poll.id, choice: key });
  });
  return button;
}

function drawQuestion(poll, talk) {
  const shown = document.getElementById(QUESTION);
  if (!poll || window.wkQuestionClosed === poll.id) { shown?.remove(); return; }
  if (shown?.dataset.poll === poll.id) return;
  shown?.remove();
  const close = element("button", { type: "button", "aria-label": "Close the question" }, "✕");
  close.addEventListener("click", () => { window.wkQuestionClosed = poll.id; drawQuestion(poll, talk); });
  const head = element("div", { class: "wk-question-head" }, element("b", { role: "status" }, poll.question), close);
  const buttons = Object.entries(poll.options).map(([key, text]) => optionButton(poll, key, text, talk));
  const note = element("div", { id: QUESTION, class: "wk-notice wk-question", role: "group", "aria-label": "A question of the presenter", "data-poll": poll.id, "data-lm-suppress-shortcuts": "true" }, head, ...buttons);
  keepKeys(note);
  document.body.append(note);
}
