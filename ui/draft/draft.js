// A text area that loses nothing. Every input goes to localStorage at once and to the server after a pause (data.pause_ms), on leaving the
// field, and before Ctrl+Enter. While an input method composes, nothing is sent. Text that the server never confirmed is put back
// after a reload. data: {value, rev, storage, label, placeholder, height, focus_key, mend_key, mend_where, pause_ms, forget, restored}.
const fields = new WeakMap();

function build(parent) {
  const box = document.createElement("div");
  box.style.cssText = "display:flex;flex-direction:column;gap:4px;width:100%";
  const label = document.createElement("label");
  label.style.cssText = "font-size:14px;color:var(--st-text-color)";
  const area = document.createElement("textarea");
  area.rows = 1;
  area.style.cssText = "width:100%;box-sizing:border-box;resize:vertical;padding:8px;border-radius:6px;font:inherit;font-size:14px;line-height:1.5;"
    + "color:var(--st-text-color);background:var(--st-secondary-background-color);border:1px solid var(--st-border-color,#8886)";
  const state = document.createElement("div");
  state.style.cssText = "font-size:12px;opacity:.75;color:var(--st-text-color);white-space:nowrap";
  state.setAttribute("role", "status");
  const name = `fs-draft-${Math.random().toString(36).slice(2)}`;
  area.id = name;
  label.htmlFor = name;
  const head = document.createElement("div");
  head.style.cssText = "display:flex;justify-content:space-between;align-items:baseline;gap:8px";
  head.append(label, state);
  box.append(head, area);
  parent.replaceChildren(box);
  return { box, label, area, state, timer: null, composing: false, sent: null, rev: null, calls: 0, storage: null };
}

function remember(field) {
  try { localStorage.setItem(field.storage, field.area.value); } catch { /* private mode: the server alone keeps it */ }
}
function recall(storage) {
  try { return localStorage.getItem(storage); } catch { return null; }
}
function forget(storage) {
  try { localStorage.removeItem(storage); } catch { /* nothing was kept there */ }
}

function send(field) {
  clearTimeout(field.timer);
  field.timer = null;
  if (field.composing || field.area.value === field.sent) return;
  field.sent = field.area.value;
  field.setStateValue("typed", { text: field.area.value, rev: field.rev });
}

function changed(field) {
  remember(field);
  field.state.textContent = field.data.words.typing;
  clearTimeout(field.timer);
  if (!field.composing) field.timer = setTimeout(() => send(field), field.data.pause_ms);
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  let field = fields.get(parentElement);
  const first = !field;
  if (first) {
    field = build(parentElement);
    fields.set(parentElement, field);
    const { area } = field;
    area.addEventListener("input", () => changed(field));
    area.addEventListener("compositionstart", () => { field.composing = true; clearTimeout(field.timer); });
    area.addEventListener("compositionend", () => { field.composing = false; changed(field); });
    area.addEventListener("blur", () => { field.composing = false; send(field); });
    area.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(field);
      if (event.key === "Escape") area.blur();
    });
    field.onkey = (event) => {
      const where = event.composedPath()[0];
      const typing = where instanceof HTMLElement && (where.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(where.tagName));
      if (typing && event.key === "Escape" && !event.isComposing && where !== area) {
        setTimeout(() => where.blur(), 0); // after the field's own handler, which closes its list: Esc leaves any field of the form
        return;
      }
      if (typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
      if (event.key.toLowerCase() === field.data.mend_key) {
        const first = document.querySelector(`${field.data.mend_where} :is(input, textarea)`);
        if (first) { event.preventDefault(); first.focus(); }
        return;
      }
      if (event.key.toLowerCase() !== field.data.focus_key) return;
      event.preventDefault();
      area.focus();
      area.setSelectionRange(area.value.length, area.value.length);
    };
    field.onhide = () => { if (field.area.value !== field.sent) remember(field); };
    document.addEventListener("keydown", field.onkey);
    window.addEventListener("pagehide", field.onhide);
  }
  field.calls += 1;
  const call = field.calls;
  field.data = data;
  field.setStateValue = setStateValue;
  for (const storage of data.forget) forget(storage);
  field.label.textContent = data.label;
  field.area.placeholder = data.placeholder;
  field.area.style.minHeight = `${data.height}px`;
  if (field.storage !== data.storage || field.rev !== data.rev) { // another text, or the server gave this one anew
    const fresh = field.storage !== data.storage;
    field.storage = data.storage;
    field.rev = data.rev;
    field.sent = data.value;
    if (fresh && data.focus_key && document.activeElement?.getAttribute("role") === "combobox") {
      document.activeElement.blur(); // a choice of what to work on has been made: letters are keys again
    }
    const kept = fresh ? recall(data.storage) : null;
    field.area.value = kept ?? data.value;
    if (kept !== null && kept !== data.value) {
      field.state.textContent = data.words.restored;
      field.timer = setTimeout(() => send(field), 50);
    } else {
      field.state.textContent = "";
      forget(data.storage);
    }
  } else if (data.value === field.area.value && field.sent === data.value && field.timer === null) {
    if (recall(data.storage) !== null) field.state.textContent = data.words.kept;
    forget(data.storage);
  }
  if (first && data.autofocus) field.area.focus();
  field.area.dataset.ready = data.storage;
  return () => {
    if (call !== field.calls) return;
    if (field.timer !== null) send(field);
    document.removeEventListener("keydown", field.onkey);
    window.removeEventListener("pagehide", field.onhide);
    fields.delete(parentElement);
  };
}
