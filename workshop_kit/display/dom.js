// How widgets make what is on the page; stands before a widget's own script.

const SVG = "http://www.w3.org/2000/svg";

// Every text is set as text: what a log line holds never becomes a tag.
function element(tag, attributes = {}, ...children) {
  const node = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text; // unchanged text is not announced again
}
