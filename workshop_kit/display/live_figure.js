// A picture that is replaced once a second. Python draws; this shows it, and says so when nothing comes.

const STALE_AFTER_MS = 5000;

function render({ model, el }) {
  const root = element("section", { class: "wk-picture wk-live-figure", role: "group", "aria-label": model.get("title") });
  const image = element("img", { role: "img", alt: "" });
  const status = element("p", { role: "status", "aria-live": "polite" });
  let newest = performance.now();

  function look() {
    const stale = !model.get("ended") && performance.now() - newest > STALE_AFTER_MS;
    root.dataset.stale = String(stale);
    if (stale) setText(status, `No data for ${lasted(newest)} (kernel stopped?)`);
    else setText(status, model.get("ended") ? "Ended" : "Live");
  }
  async function show() {
    newest = performance.now();
    look();
    const address = URL.createObjectURL(new Blob([model.get("png")], { type: "image/png" }));
    const next = new Image();
    next.src = address;
    await next.decode().catch(() => {}); // only a decoded picture is swapped in: no flicker
    const former = image.src;
    image.src = address;
    image.alt = model.get("alt");
    URL.revokeObjectURL(former);
  }

  root.append(image, status);
  el.append(root);
  model.on("change:count", show);
  model.on("change:ended", look);
  const timer = setInterval(look, 1000);
  if (model.get("count")) show();
  else look();
  return () => {
    clearInterval(timer);
    model.off("change:count", show);
    model.off("change:ended", look);
  };
}

export default { render };
