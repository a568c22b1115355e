// The source viewer. ui/code_view/__init__.py says what `data` holds; this file turns it into a read-only CodeMirror.
//
// render(component) is called at the first mount and for every change of `data`; the editor of an element is kept, and only what
// changed is applied. A trigger is sent for a click of the user and for nothing else. Content is only ever text nodes.
import { EditorState, StateEffect, StateField, RangeSetBuilder } from "@codemirror/state";
import {
  Decoration, EditorView, GutterMarker, gutter, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers,
} from "@codemirror/view";
import { defaultKeymap } from "@codemirror/commands";
import { cpp } from "@codemirror/lang-cpp";
import { foldGutter, syntaxHighlighting } from "@codemirror/language";
import { classHighlighter } from "@lezer/highlight";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { STYLE } from "./style.js";

const MAX_COLOURED = 4 * 1024 * 1024; // characters; a larger text is shown without colours
const EXPRESSION = /[A-Za-z_]\w*(?:\s*(?:->|\.)\s*[A-Za-z_]\w*|\[[^\]\n]*\])*/y;
const setMarks = StateEffect.define();
const viewers = new WeakMap();

/** The range that a mark covers in the document, or null when the document has no such line. */
function rangeOf(doc, mark) {
  if (mark.line < 1 || mark.line > doc.lines) return null;
  const line = doc.line(mark.line);
  const column = Math.min(Math.max((mark.column ?? 1) - 1, 0), line.length);
  EXPRESSION.lastIndex = column;
  const found = EXPRESSION.exec(line.text);
  const length = found ? found[0].length : 1;
  const from = Math.min(line.from + column, line.to);
  return { from, to: Math.min(from + length, line.to) };
}

class SiteDot extends GutterMarker {
  constructor(marks, current) { super(); this.marks = marks; this.current = current; }
  eq(other) { return other.marks.length === this.marks.length && other.current === this.current && other.marks.every((m, i) => m === this.marks[i]); }
  toDOM() {
    const dot = document.createElement("span");
    dot.className = `fs-dot fs-task-${this.marks[0].task} fs-status-${this.marks[0].status}${this.current ? " fs-current" : ""}`;
    dot.title = this.marks.map((m) => m.label).join("\n");
    dot.textContent = this.marks[0].status === "open" ? "○" : "●";
    return dot;
  }
}

/** Decorations for the marks, the highlighted lines and the line jumped to, and the marks with their ranges (for clicks). */
function decorate(doc, { marks, evidence, line, current }) {
  const placed = [];
  for (const mark of marks) {
    const range = rangeOf(doc, mark);
    if (range) placed.push({ ...mark, ...range });
  }
  const lines = new Map();
  const add = (number, cls) => { if (number >= 1 && number <= doc.lines) lines.set(number, `${lines.get(number) ?? ""} ${cls}`); };
  for (const number of evidence) add(number, "fs-evidence");
  if (line) add(line, "fs-jump");
  const ranges = [...lines].map(([number, cls]) => Decoration.line({ class: cls.trim() }).range(doc.line(number).from));
  for (const p of placed) {
    if (p.to <= p.from) continue;
    const cls = `fs-mark fs-task-${p.task} fs-status-${p.status}${p.id === current ? " fs-current" : ""}`;
    ranges.push(Decoration.mark({ class: cls, attributes: { "data-item": p.id, title: p.label } }).range(p.from, p.to));
  }
  const byLine = new Map();
  for (const p of placed) {
    const at = doc.lineAt(p.from).from;
    byLine.set(at, [...(byLine.get(at) ?? []), p]);
  }
  const dots = new RangeSetBuilder();
  for (const at of [...byLine.keys()].sort((a, b) => a - b)) {
    const here = byLine.get(at);
    here.sort((a, b) => (a.id === current ? -1 : b.id === current ? 1 : a.from - b.from));
    dots.add(at, at, new SiteDot(here, here[0].id === current));
  }
  return { placed, lines: Decoration.set(ranges, true), dots: dots.finish(), byLine };
}

const NOTHING = { marks: [], evidence: [], line: null, current: null };
const marksField = StateField.define({
  create: (state) => decorate(state.doc, NOTHING),
  update(value, tr) {
    for (const effect of tr.effects) if (effect.is(setMarks)) return decorate(tr.newDoc, effect.value);
    return value;
  },
  provide: (field) => EditorView.decorations.from(field, (value) => value.lines),
});

class Viewer {
  constructor(parent) {
    this.frame = document.createElement("div");
    this.frame.className = "fs-frame";
    const style = document.createElement("style");
    style.textContent = STYLE;
    parent.replaceChildren(style, this.frame);
    this.parent = parent;
    this.url = null;
    this.jumped = null;
    this.view = new EditorView({ parent: this.frame, root: parent instanceof ShadowRoot ? parent : undefined, state: this.state("") });
    this.down = null;
    this.frame.addEventListener("mousedown", (event) => { this.down = { x: event.clientX, y: event.clientY }; });
    this.frame.addEventListener("mouseup", (event) => this.clicked(event));
  }

  state(text) {
    return EditorState.create({
      doc: text,
      extensions: [
        EditorState.lineSeparator.of("\n"), // as the parser counts lines
        EditorState.readOnly.of(true), EditorView.editable.of(false), EditorView.contentAttributes.of({ tabindex: "0" }),
        lineNumbers(), marksField,
        gutter({ class: "fs-dots", markers: (view) => view.state.field(marksField).dots }),
        foldGutter(), highlightSpecialChars(), highlightActiveLine(), highlightSelectionMatches(), search({ top: true }),
        keymap.of([...searchKeymap, ...defaultKeymap]),
        syntaxHighlighting(classHighlighter),
        text.length <= MAX_COLOURED ? cpp() : [],
        EditorState.tabSize.of(8),
        EditorState.phrases.of(this.phrases ?? {}),
      ],
    });
  }

  async show(component) {
    const { data, setTriggerValue } = component;
    this.pick = (id) => setTriggerValue("picked", id);
    this.phrases = data.phrases;
    this.frame.style.height = data.height;
    this.colour();
    if (data.url !== this.url) {
      this.url = data.url;
      this.frame.removeAttribute("data-ready");
      this.frame.classList.add("fs-loading");
      const wanted = data.url;
      let text;
      try {
        const answer = await fetch(data.url, { credentials: "same-origin" });
        if (!answer.ok) throw new Error(`${answer.status}`);
        text = (await answer.text()).replaceAll("\r\n", "\n");
      } catch (error) {
        if (wanted === this.url) { this.url = null; this.fail(data.failed); }
        return;
      }
      if (wanted !== this.url) return; // another source was asked for meanwhile
      this.frame.classList.remove("fs-loading");
      this.view.setState(this.state(text));
      this.jumped = null;
    }
    this.apply(this.latest);
  }

  apply(data) {
    const { marks, evidence, line, current } = data;
    const effects = [setMarks.of({ marks, evidence, line, current })];
    const jump = `${line}@${data.jump}`;
    if (line && line <= this.view.state.doc.lines && jump !== this.jumped) {
      effects.push(EditorView.scrollIntoView(this.view.state.doc.line(line).from, { y: "center" }));
      this.jumped = jump;
    }
    this.view.dispatch({ effects });
    this.frame.setAttribute("data-ready", data.url);
    this.frame.setAttribute("data-line", String(line ?? ""));
  }

  fail(message) {
    this.view.setState(this.state(message));
    this.frame.classList.remove("fs-loading");
    this.frame.setAttribute("data-ready", "failed");
  }

  clicked(event) {
    const moved = this.down && (Math.abs(event.clientX - this.down.x) > 4 || Math.abs(event.clientY - this.down.y) > 4);
    if (event.button !== 0 || moved) return; // a selection, not a click
    const field = this.view.state.field(marksField);
    const where = event.composedPath()[0];
    const pos = this.view.posAtCoords({ x: event.clientX, y: event.clientY }, false);
    if (where instanceof Element && where.closest(".fs-dots")) {
      const block = this.view.lineBlockAtHeight(event.clientY - this.view.documentTop);
      const here = field.byLine.get(block.from);
      if (here) this.pick(here[0].id);
      return;
    }
    if (!(where instanceof Node && this.view.contentDOM.contains(where))) return;
    const inside = field.placed.filter((p) => p.from <= pos && pos <= p.to);
    inside.sort((a, b) => (a.to - a.from) - (b.to - b.from)); // the innermost of nested sites
    if (inside.length) this.pick(inside[0].id);
  }

  /** Follows Streamlit's theme: dark when its background is. */
  colour() {
    const host = this.parent instanceof ShadowRoot ? this.parent.host : this.parent;
    const back = getComputedStyle(host).getPropertyValue("--st-background-color").trim();
    const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(back);
    const rgb = hex ? hex.slice(1, 4).map((h) => parseInt(h, 16)) : (back.match(/\d+/g) ?? [255, 255, 255]).slice(0, 3).map(Number);
    const dark = rgb[0] * 0.299 + rgb[1] * 0.587 + rgb[2] * 0.114 < 128;
    this.frame.dataset.theme = dark ? "dark" : "light";
  }

  close() { this.url = null; this.view.destroy(); }
}

export function render(component) {
  const parent = component.parentElement;
  let viewer = viewers.get(parent);
  if (!viewer) { viewer = new Viewer(parent); viewers.set(parent, viewer); }
  viewer.latest = component.data;
  const call = viewer.calls = (viewer.calls ?? 0) + 1;
  viewer.show(component);
  return () => { // Streamlit also cleans up a call that a newer one has overtaken: then the editor is still wanted
    if (call !== viewer.calls) return;
    viewer.close();
    viewers.delete(parent);
  };
}
