// A form of settings; Python starts the service with them and tells what came of it. widget_job.js stands before this.

const LABEL = "Start it with your settings";

function row(id, name, value, told) {
  const input = element("input", { id, type: "text", spellcheck: "false", autocomplete: "off", autocapitalize: "off" });
  const out = element("input", { id: `${id}-out`, type: "checkbox" });
  const label = element("label", { for: id }, element("code", {}, name));
  const leave = element("label", { for: `${id}-out` }, out, " leave it out");
  out.setAttribute("aria-label", `leave it out: ${name}`); // every row has one
  function reset() {
    input.value = value;
    out.checked = !told;
    input.dataset.out = String(out.checked);
  }
  input.addEventListener("input", () => { out.checked = false; input.dataset.out = "false"; }); // who types means it
  out.addEventListener("change", () => { input.dataset.out = String(out.checked); });
  reset();
  return { nodes: [label, input, leave], name, reset, value: () => (out.checked ? null : input.value) };
}

function render({ model, el }) {
  const id = `wk-${Math.random().toString(36).slice(2)}`;
  const rows = model.get("fields").map((one, index) => row(`${id}-${index}`, one.name, one.value, one.told));
  const more = element("input", { id: `${id}-more`, type: "text", spellcheck: "false", autocomplete: "off", autocapitalize: "off", placeholder: "NAME=value" });
  const start = element("button", { type: "submit", "data-first": "true" }, "Start with these settings");
  const again = element("button", { type: "button" }, "Back to the current settings");
  const grid = element("div", { class: "wk-sf-grid" }, ...rows.flatMap((one) => one.nodes), element("label", { for: `${id}-more` }, "Another variable"), more);
  const form = element("form", {}, grid, element("div", { class: "wk-ex-bar" }, start, again));
  const working = workingRow(model, "Starting it");
  const result = element("div", { role: "region", "aria-label": "What came of it", "aria-live": "polite" });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (talk.busy()) return;
    talk.send({ do: "start", values: Object.fromEntries(rows.map((one) => [one.name, one.value()])), more: more.value });
  });
  again.addEventListener("click", () => {
    rows.forEach((one) => one.reset());
    more.value = "";
  });

  function draw() {
    start.setAttribute("aria-disabled", String(talk.busy())); // not `disabled`: that would throw the focus away
    setHtml(result, model.get("result"));
    working.draw(talk);
  }

  const talk = conversation(model, { draw: () => draw(), answered: () => keepTwin(el, LABEL, model.get("page"), model.get("page_text")) });
  el.append(widgetRoot("wk-settings", LABEL, element("p", { class: "wk-ex-title" }, LABEL), form, working.node, result));
  draw();
  return talk.end;
}

export default { render };
