// What JupyterLab's page does in the workshop. JupyterLab loads it as an extension; in this form it needs no build.

const POLL_MS = 2000;
const RETRY_MS = 500;
const REPEATABLE = ["GET", "PUT", "PATCH"]; // twice is as good as once

// An open file that a cell or a command has written is read again. Unsaved typing stays, and a message names the file.
async function followFiles(app) {
  const changes = new WeakMap(); // by document: the time of a change that was seen
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (document.hidden) continue;
    const contexts = new Set([...app.shell.widgets("main")].map((tab) => tab.context));
    for (const context of contexts) {
      if (context?.isReady && context.contentsModel) await followFile(app, context, changes).catch(() => {}); // it was deleted, or the server is away
    }
  }
}

async function followFile(app, context, changes) {
  const { last_modified: changed } = await app.serviceManager.contents.get(context.path, { content: false });
  const earlier = changes.get(context);
  if (changed === context.contentsModel.last_modified || changed === earlier?.named) return;
  if (changed !== earlier?.seen) { // JupyterLab's own save may be under way: look once more
    changes.set(context, { seen: changed });
  } else if (!context.model.dirty) {
    await context.revert();
  } else {
    changes.set(context, { named: changed });
    const message = `${context.path} was changed on the disk, and its tab has typing that is not saved. File > Reload from Disk shows the new text, File > Save keeps yours.`;
    await app.commands.execute("apputils:notify", { message, type: "warning", options: { autoClose: false } });
  }
}

// Chromium drops requests while Docker makes a network or a container (ERR_NETWORK_CHANGED): they are sent once more.
function repeatLostRequests(settings) {
  const send = settings.fetch;
  settings.fetch = async (request, ...more) => {
    const copy = request.clone();
    try {
      return await send(request, ...more);
    } catch (error) {
      if (!REPEATABLE.includes(request.method)) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      return send(copy, ...more);
    }
  };
}

function loadLostStylesheets() {
  for (const link of document.querySelectorAll("link[rel=stylesheet]")) if (!link.sheet) load(link);
  document.addEventListener("error", ({ target }) => { if (target.rel === "stylesheet") load(target); }, true);
}

function load(link) {
  if (link.dataset.repeated) return;
  link.dataset.repeated = "true";
  setTimeout(() => { link.href = link.getAttribute("href"); }, RETRY_MS);
}

const plugin = {
  id: "container-workshop:page",
  autoStart: true,
  activate(app) {
    repeatLostRequests(app.serviceManager.serverSettings);
    loadLostStylesheets();
    app.restored.then(() => followFiles(app));
  },
};

window._JUPYTERLAB = { ...window._JUPYTERLAB, "container-workshop": { init() {}, get: async () => () => ({ __esModule: true, default: plugin }) } };
