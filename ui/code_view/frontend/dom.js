// Elements of the viewer's own panels. Names, paths and code are content of hostile files: they only ever become text nodes.

/** An element with attributes (on… are listeners, null is left out) and children (strings become text). */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}

/** Keys that are meant for a panel stay in it: Streamlit's shortcuts are single letters on the page. */
export function keepKeys(panel, onKey) {
  panel.addEventListener("keydown", (event) => {
    if (onKey(event)) event.preventDefault();
    event.stopPropagation();
  });
}

/** The words with {name} filled in. */
export function filled(words, values) {
  return words.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
