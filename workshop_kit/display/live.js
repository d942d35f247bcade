// A picture that is replaced a few times a second. Python draws; this shows it, and says so when nothing comes.

const STALE_AFTER_MS = 5000;

function render({ model, el }) {
  // JupyterLab would take `b` on a focused button for "insert a cell below": the keys stay in here.
  const root = element("section", { class: "wk-picture wk-live-chart", role: "group", "aria-label": model.get("title"), "data-lm-suppress-shortcuts": "true" });
  const image = element("img", { role: "img", alt: "" });
  const button = element("button", { type: "button", "aria-disabled": "false" }, "Stop");
  const status = element("p", { class: "wk-status", role: "status", "aria-live": "polite" });
  const bar = element("div", { class: "wk-bar" });
  let lastFrame = performance.now();
  let shown = 0; // the number of the newest frame on the page: decoding may overtake
  let decodeCount = 0;
  let address = "";
  let stopping = false;
  let gone = false;

  function say(text, stale) {
    root.dataset.stale = String(stale);
    setText(status, text);
  }
  function look() {
    const silent = performance.now() - lastFrame;
    if (silent < STALE_AFTER_MS) return say(stopping ? "Stopping …" : model.get("paused") || "Live", false);
    return say(`No data for ${lasted(lastFrame)} (kernel stopped?)`, true);
  }
  async function draw() {
    const bytes = model.get("frame");
    if (!bytes || !bytes.byteLength) return;
    const number = ++decodeCount;
    const next = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    const decoded = new Image();
    decoded.src = next;
    try {
      await decoded.decode(); // only a decoded picture is swapped in: no flicker
    } catch {
      return URL.revokeObjectURL(next);
    }
    if (gone || number < shown) return URL.revokeObjectURL(next);
    shown = number;
    image.src = next;
    image.alt = model.get("alt");
    if (address) URL.revokeObjectURL(address);
    address = next;
    lastFrame = performance.now();
    return look();
  }

  function end() {
    const picture = model.get("ending");
    if (!picture) return;
    gone = true;
    clearInterval(timer);
    el.innerHTML = picture;
  }

  function pressed(label, message) {
    const node = element("button", { type: "button" }, label);
    node.addEventListener("click", () => model.send(message()));
    return node;
  }
  // What there is to choose. The buttons stay where they are: focus and habit rely on it.
  const boxes = model.get("choices").map(({ key, label, options }) => {
    const box = element("select", { "aria-label": label });
    box.append(...options.map(([value, text]) => element("option", { value }, text)));
    box.addEventListener("change", () => model.send({ choose: key, value: box.value }));
    return { key, box, shown: element("label", {}, `${label} `) };
  });
  const pause = pressed("Pause", () => ({ pause: !model.get("paused") }));
  function control() {
    const paused = model.get("paused");
    for (const { key, box } of boxes) box.value = model.get("chosen")[key];
    pause.textContent = paused ? "Resume" : "Pause";
    look();
  }
  function alive() {
    lastFrame = performance.now();
    look();
  }

  button.addEventListener("click", () => {
    if (stopping) return;
    stopping = true;
    button.setAttribute("aria-disabled", "true"); // not `disabled`: that would throw the keyboard focus away
    model.send({ stop: true });
    look();
  });
  root.addEventListener("keydown", (event) => event.stopPropagation());
  for (const { box, shown } of boxes) shown.append(box);
  if (boxes.length) bar.append(...boxes.map(({ shown }) => shown), pause);
  bar.append(button, status);
  root.append(image, bar);
  el.append(root);
  model.on("change:frame", draw);
  model.on("change:ending", end);
  model.on("change:beat", alive);
  model.on("change:paused change:chosen", control);
  const timer = setInterval(look, 1000);
  control();
  draw();
  end();
  // The first message of a comm may wait for a busy kernel; later ones do not. So the first is not the click.
  model.send({ hello: true });
  return () => {
    gone = true;
    clearInterval(timer);
    model.off("change:frame", draw);
    model.off("change:ending", end);
    model.off("change:beat", alive);
    model.off("change:paused change:chosen", control);
    if (address) URL.revokeObjectURL(address);
  };
}

export default { render };
