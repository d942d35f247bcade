// Five questions before and after, and the feedback, on the presenter's page. presenter.js stands before this; room.js calls it.
"use strict";
const QUESTIONNAIRES = ["before", "after", "feedback"];

function questionButton(text, action, body, confirmation, isPressed = false) {
  const button = make("button", { type: "button", "aria-pressed": String(isPressed) }, text);
  return on(button, "click", () => act(action, body, confirmation).then(drawRoom));
}

function questionRow(state, name) {
  const [begun, finished] = state.progress[name];
  const isOpen = state.opened === name;
  const button = isOpen
    ? questionButton("Close", "questions-end", {}, "The questions are closed.", true)
    : questionButton("Ask", "questions", { name }, "The questions are open.");
  button.setAttribute("aria-label", `${button.textContent}: ${name}`);
  const progress = begun ? `${finished} done, ${begun - finished} on their way` : "nobody has answered";
  return make("p", { class: "row" }, button, make("span", {}, `${name}: ${progress}`));
}

function feedbackItem(question) {
  const counted = question.answers.filter(([, count]) => count).map(([text, count]) => `${text} ${count}`);
  return make("p", {}, make("b", {}, question.question), ` ${counted.join(" · ") || "–"}`);
}

function drawQuestions(state) {
  put("room-questions", state, () => [
    make("h3", {}, "Five questions before and after, and feedback"),
    ...QUESTIONNAIRES.map((name) => questionRow(state, name)),
    ...state.feedback.map(feedbackItem),
    make("p", { class: "row" },
      questionButton("Right answers on the chart", "questions-answers", { shown: !state.answers_shown }, "", state.answers_shown),
      questionButton("Keep a summary, and tell the room", "summary", { keep: !state.keeps_summary }, "", state.keeps_summary)),
  ]);
}
