// How widgets make what is on the page; stands before a widget's own script.

const SVG = "http://www.w3.org/2000/svg";

// Every text is set as text: what a log line holds never becomes a tag.
function element(tag, attributes = {}, ...children) {
  const node = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// How long nothing came since a moment, in steps that a screen reader can bear: "6 s", "40 s", "3 min".
function lasted(since) {
  const seconds = Math.floor((performance.now() - since) / 1000);
  if (seconds < 10) return `${seconds} s`;
  if (seconds < 60) return `${10 * Math.floor(seconds / 10)} s`;
  return `${Math.floor(seconds / 60)} min`;
}

function unanswered(since) {
  return performance.now() - since < 1000 ? "No kernel answers" : `No kernel has answered for ${lasted(since)}`;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text; // unchanged text is not announced again
}
