// The source viewer. ui/code_view/__init__.py says what `data` holds; this file turns it into a read-only CodeMirror.
//
// render(component) is called at the first mount and for every change of `data`; the editor of an element is kept, and only what
// changed is applied. A trigger is sent for a click of the user and for nothing else. Content is only ever text nodes.
import { EditorState, StateEffect, StateField, RangeSetBuilder } from "@codemirror/state";
import {
  Decoration, EditorView, GutterMarker, drawSelection, gutter, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers,
} from "@codemirror/view";
import { defaultKeymap } from "@codemirror/commands";
import { cpp } from "@codemirror/lang-cpp";
import { foldGutter, foldKeymap, foldService, syntaxHighlighting } from "@codemirror/language";
import { classHighlighter } from "@lezer/highlight";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { el, filled } from "./dom.js";
import { around, Outline, tree } from "./outline.js";
import { Places } from "./places.js";
import { Trail } from "./trail.js";
import { STYLE } from "./style.js";

const MAX_COLOURED = 4 * 1024 * 1024; // characters; a larger text is shown without colours
const EXPRESSION = /[A-Za-z_]\w*(?:\s*(?:->|\.)\s*[A-Za-z_]\w*|\[[^\]\n]*\])*/y;
const NAME = /[A-Za-z_$][\w$]*/g;
const OUTLINE_KEPT = "flowsight/outline"; // in localStorage: whether the outline was open last
const ROOM_FOR_BOTH = 900; // pixels: below, the outline stays shut until it is asked for
const setMarks = StateEffect.define();
const setFolds = StateEffect.define();
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

/** Line number -> [from, to] of what the syntax tree lets fold there; null until it is known: then CodeMirror's own reader tells. */
const foldsField = StateField.define({
  create: () => null,
  update(value, tr) {
    for (const effect of tr.effects) if (effect.is(setFolds)) return effect.value;
    return value;
  },
});
const foldsOfTree = foldService.of((state, from) => {
  const range = state.field(foldsField)?.get(state.doc.lineAt(from).number);
  return range ? { from: range[0], to: range[1] } : null;
});

class Viewer {
  constructor(parent) {
    this.parent = parent;
    this.url = null; // of the text that is loaded
    this.lastAsked = null; // where the page sent us last: so that a rerun of the page for another reason scrolls nowhere
    this.expected = null; // a place we went to ourselves, and told the page of
    this.line = null; // the line that is marked as the one jumped to
    this.nodes = [];
    this.widened = []; // selections before each step outward
    this.trail = new Trail();
    this.outline = new Outline({ go: (node) => this.go({ line: node.line, column: node.column }), close: () => this.toggleOutline(false) });
    this.places = new Places({ go: (place) => this.chosen(place), close: () => this.closePlaces() });
    this.bar();
    this.editor = el("div", { class: "fs-editor" });
    this.help = el("section", { class: "fs-help", hidden: "", role: "dialog", tabindex: "-1" });
    this.frame = el("div", { class: "fs-frame" }, this.top, el("div", { class: "fs-body" }, this.outline.box, this.editor, this.help), this.places.box);
    parent.replaceChildren(el("style", {}, STYLE), this.frame);
    this.view = new EditorView({ parent: this.editor, root: parent instanceof ShadowRoot ? parent : undefined, state: this.state("") });
    this.down = null;
    this.editor.addEventListener("mousedown", (event) => { this.down = { x: event.clientX, y: event.clientY }; });
    this.editor.addEventListener("mouseup", (event) => this.clicked(event));
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.follow = (event) => this.frame.classList.toggle("fs-follow", event.ctrlKey || event.metaKey);
    for (const kind of ["keydown", "keyup"]) document.addEventListener(kind, this.follow);
    this.help.addEventListener("keydown", (event) => { if (event.key === "Escape") { this.toggleHelp(); event.stopPropagation(); } });
  }

  /** The row above the code: outline, back and forth, where the reader is, keys. */
  bar() {
    const button = (name, text, run) => (this[`${name}Button`] = el("button", { type: "button", class: `fs-button fs-${name}`, onclick: run }, text));
    this.crumbs = el("nav", { class: "fs-crumbs" });
    this.note = el("span", { class: "fs-note", role: "status" });
    this.top = el(
      "div", { class: "fs-bar" },
      button("outline-turn", "☰", () => this.toggleOutline()), button("back", "‹", () => this.step(-1)), button("forth", "›", () => this.step(1)),
      this.crumbs, this.note, button("keys", "?", () => this.toggleHelp()),
    );
  }

  state(text) {
    return EditorState.create({
      doc: text,
      extensions: [
        EditorState.lineSeparator.of("\n"), // as the parser counts lines
        EditorState.readOnly.of(true), EditorView.editable.of(false), EditorView.contentAttributes.of({ tabindex: "0" }),
        lineNumbers(), marksField,
        gutter({ class: "fs-dots", markers: (view) => view.state.field(marksField).dots }),
        foldsField, foldsOfTree, foldGutter(), highlightSpecialChars(), drawSelection(), highlightActiveLine(), highlightSelectionMatches(), search({ top: true }),
        keymap.of([...this.keys(), ...searchKeymap, ...foldKeymap, ...defaultKeymap]),
        EditorView.updateListener.of((update) => { if (update.selectionSet || update.geometryChanged || update.docChanged) this.moved(); }),
        EditorView.domEventHandlers({ scroll: () => { this.moved(); } }),
        syntaxHighlighting(classHighlighter),
        text.length <= MAX_COLOURED ? cpp() : [],
        EditorState.tabSize.of(8),
        EditorState.phrases.of(this.phrases ?? {}),
      ],
    });
  }

  keys() {
    const run = (action) => () => { action(); return true; };
    return [
      { key: "F12", run: run(() => this.ask("definitions")), shift: run(() => this.ask("references")) },
      { key: "Shift-Alt-ArrowRight", run: run(() => this.widen()) },
      { key: "Shift-Alt-ArrowLeft", run: run(() => this.narrow()) },
      { key: "Mod-i", run: run(() => this.widen()) },
    ];
  }

  /** Keys that work anywhere in the viewer. */
  key(event) {
    const plain = !event.ctrlKey && !event.metaKey;
    const typing = event.composedPath()[0] instanceof HTMLInputElement;
    if (plain && event.altKey && !event.shiftKey && event.key === "ArrowLeft") this.step(-1);
    else if (plain && event.altKey && !event.shiftKey && event.key === "ArrowRight") this.step(1);
    else if ((event.ctrlKey || event.metaKey) && event.shiftKey && event.code === "KeyO") this.toggleOutline();
    else if (!typing && plain && event.key === "?") this.toggleHelp();
    else if (event.key === "Escape" && !this.places.box.hidden) this.closePlaces();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async show(component) {
    const { data, setTriggerValue } = component;
    this.pick = (id) => setTriggerValue("picked", id);
    this.tell = (place) => setTriggerValue("went", place);
    this.speak(data);
    this.frame.style.height = data.height;
    this.colour();
    if (data.source !== this.source || data.current !== this.current) this.trail.reset(); // another source or item: another walk
    this.source = data.source;
    this.current = data.current;
    if (data.url !== this.url) {
      const from = this.file === undefined ? null : this.here();
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
      this.left = from;
      this.nodes = [];
      this.symbols = null;
      this.widened = [];
      this.view.setState(this.state(text));
      this.outline.show([]);
      this.lastAsked = null;
      this.load(wanted, data);
    }
    this.apply(this.latest);
  }

  /** The outline of the text comes after it. */
  async load(url, data) {
    let answer;
    try {
      answer = await this.json(data.outline, {});
    } catch (error) {
      answer = { symbols: [], problem: data.words.unreachable };
    }
    if (url !== this.url) return;
    this.symbols = answer.symbols ?? [];
    this.problem = answer.problem ?? null;
    const folds = new Map();
    for (const [line, column, endLine, endColumn] of answer.folds ?? []) {
      if (!folds.has(line)) folds.set(line, [this.position(line, column), this.position(endLine, endColumn)]); // the outermost comes first
    }
    this.view.dispatch({ effects: setFolds.of(folds) });
    this.grow();
    this.frame.setAttribute("data-outline", url);
  }

  grow() {
    if (this.symbols === null) return;
    const marks = this.latest.marks.map((mark) => ({ ...mark, name: this.nameOf(mark) }));
    this.nodes = tree(this.symbols, marks, this.words.unnamed);
    this.outline.show(this.nodes, this.problem);
    this.moved();
  }

  nameOf(mark) {
    const range = rangeOf(this.view.state.doc, mark);
    return range ? this.view.state.sliceDoc(range.from, range.to) : String(mark.line);
  }

  apply(data) {
    const { marks, evidence, line, current } = data;
    const asked = `${data.file}:${line}@${data.jump}`;
    let to = null;
    if (asked !== this.lastAsked) {
      const own = this.expected !== null && this.expected.file === data.file && this.expected.line === line ? this.expected : null;
      const cameBack = this.lastAsked !== null;
      if (own) { // we are there already, or come to another file that we asked for
        if (!cameBack || own.file !== this.file) to = own;
      } else if (line && line <= this.view.state.doc.lines) {
        to = { file: data.file, line, column: 1 };
        const from = this.left ?? (cameBack ? this.here() : null);
        if (from) this.trail.visit(from, to);
      } else if (this.left) this.trail.visit(this.left, { file: data.file, line: 1, column: 1 });
      if (!own || to) this.line = line;
      this.expected = null;
      this.left = null;
      this.lastAsked = asked;
    }
    this.file = data.file;
    const known = JSON.stringify(marks);
    if (known !== this.known) { this.known = known; this.grow(); }
    this.decorate({ marks, evidence, current }, to);
    if (this.wantsFocus) this.view.focus();
    this.wantsFocus = false;
    this.frame.setAttribute("data-ready", data.url);
  }

  /** Draws marks, evidence and the line jumped to; with `to`, scrolls there and puts the cursor there. */
  decorate({ marks, evidence, current }, to) {
    const effects = [setMarks.of({ marks, evidence, line: this.line, current })];
    const change = {};
    if (to) {
      const line = this.view.state.doc.line(Math.min(to.line, this.view.state.doc.lines));
      const at = Math.min(line.from + Math.max((to.column ?? 1) - 1, 0), line.to);
      effects.push(EditorView.scrollIntoView(line.from, { y: "center" }));
      change.selection = { anchor: at };
    }
    this.view.dispatch({ ...change, effects });
    this.frame.setAttribute("data-line", String(this.line ?? ""));
    this.moved();
  }

  /** Goes to a place of this file, or of another one by way of the page, and tells the page. */
  go(place, { remember = true } = {}) {
    const to = { file: place.file ?? this.file, line: place.line, column: place.column ?? 1 };
    if (remember) this.trail.visit(this.here(), to);
    this.expected = to;
    if (to.file === this.file) {
      this.line = to.line;
      this.decorate(this.latest, to);
      this.view.focus();
    } else this.wantsFocus = true;
    this.tell({ file: to.file, line: to.line });
  }

  here() {
    const head = this.view.state.selection.main.head;
    const line = this.view.state.doc.lineAt(head);
    return { file: this.file, line: line.number, column: head - line.from + 1 };
  }

  step(by) {
    const to = this.trail.step(by, this.here());
    if (to) this.go(to, { remember: false });
    this.moved();
  }

  /** The name at a position: {name, line, column}, or null. */
  nameAt(pos) {
    const line = this.view.state.doc.lineAt(pos);
    NAME.lastIndex = 0;
    for (const found of line.text.matchAll(NAME)) {
      const from = line.from + found.index;
      if (from <= pos && pos <= from + found[0].length) return { name: found[0], line: line.number, column: found.index + 1 };
    }
    return null;
  }

  /** Asks the server for the definitions of, or the references to, the name at a position. */
  async ask(what, pos = this.view.state.selection.main.head) {
    const words = this.words;
    const name = this.nameAt(pos);
    if (!name || !this.latest.browse) { this.say(words.no_name); return; }
    const asked = (this.asked = (this.asked ?? 0) + 1);
    this.say(words.looking, 0);
    let answer;
    try {
      const query = { ...name, file: this.file };
      answer = await this.json(`${this.latest.browse}/${what}`, query);
      while (answer.state === "indexing" && asked === this.asked) {
        this.say(words.indexing, 0);
        await new Promise((wake) => { setTimeout(wake, 1000); });
        answer = await this.json(`${this.latest.browse}/${what}`, query);
      }
    } catch (error) {
      answer = { problem: words.unreachable };
    }
    if (asked !== this.asked) return;
    if (answer.problem) { this.say(answer.problem); return; }
    this.say("");
    this.found(what, name, answer);
  }

  found(what, name, answer) {
    const { words, places } = this;
    const others = what === "definitions" ? answer.places.filter((p) => p.file !== this.file || p.line !== name.line) : answer.places;
    if (!answer.places.length) { this.say(filled(words[`no_${what}`], { name: name.name })); return; }
    if (what === "definitions" && answer.places.length === 1) {
      if (others.length) this.go(others[0]); else this.say(filled(words.is_here, { name: name.name }));
      return;
    }
    const count = answer.places.length + (answer.more ?? 0);
    places.show(filled(words[`found_${what}`], { name: name.name, count }), name.name, answer, this.file);
    this.listed = what;
  }

  chosen(place) {
    if (this.listed === "definitions") this.closePlaces();
    this.go(place);
  }

  closePlaces() { this.places.hide(); this.view.focus(); }

  async json(url, query) {
    const full = new URL(url, window.location.origin);
    for (const [name, value] of Object.entries({ ...query, lang: this.latest.lang })) full.searchParams.set(name, String(value));
    const answer = await fetch(full, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer.json();
  }

  /** Selects the node of the syntax tree around the selection, and each time the one around that. */
  async widen() {
    const { main } = this.view.state.selection;
    const doc = this.view.state.doc;
    const place = (pos) => { const line = doc.lineAt(pos); return `${line.number}.${pos - line.from + 1}`; };
    const url = this.url;
    let ranges;
    try {
      ({ ranges } = await this.json(this.latest.enclosing, { from: place(main.from), to: place(main.to) }));
    } catch (error) {
      this.say(this.words.unreachable);
      return;
    }
    if (url !== this.url) return;
    for (const [line, column, endLine, endColumn] of ranges ?? []) {
      const from = this.position(line, column);
      const to = this.position(endLine, endColumn);
      if (from > main.from || to < main.to || (from === main.from && to === main.to)) continue;
      this.widened.push(main);
      this.view.dispatch({ selection: { anchor: from, head: to }, scrollIntoView: false, userEvent: "select.widen" });
      return;
    }
  }

  position(line, column) {
    const at = this.view.state.doc.line(Math.min(line, this.view.state.doc.lines));
    return Math.min(at.from + column - 1, at.to);
  }

  narrow() {
    const before = this.widened.pop();
    if (before) this.view.dispatch({ selection: before, userEvent: "select.narrow" });
  }

  say(text, after_ms = 5000) {
    this.note.textContent = text;
    clearTimeout(this.silence);
    if (text && after_ms) this.silence = setTimeout(() => { this.note.textContent = ""; }, after_ms);
  }

  /** Draws where the reader is, at most once a frame. */
  moved() {
    if (this.drawing) return;
    this.drawing = requestAnimationFrame(() => {
      this.drawing = null;
      if (!this.words) return;
      const line = this.reader();
      this.outline.mark(line);
      this.backButton.disabled = !this.trail.can(-1);
      this.forthButton.disabled = !this.trail.can(1);
      const chain = around(this.nodes, line);
      const key = [this.file, ...chain.map((node) => node.key)].join("\n");
      if (key === this.drawn) return;
      this.drawn = key;
      const path = (this.file ?? "").split("/");
      const crumbs = [el("span", { class: "fs-path", title: this.file ?? "" }, path.slice(0, -1).map((part) => `${part} / `).join(""), el("b", {}, path.at(-1)))];
      for (const node of chain) {
        crumbs.push(el("span", { class: "fs-then", "aria-hidden": "true" }, "›"));
        const title = `${this.words.kinds[node.kind] ?? node.kind} ${node.name} · ${node.line}`;
        crumbs.push(el("button", { type: "button", class: "fs-crumb", title, onclick: () => this.go({ line: node.line, column: node.column }) }, node.name));
      }
      this.crumbs.replaceChildren(...crumbs);
    });
  }

  /** The reader's line: the cursor's while it is in sight, else the first one in sight. */
  reader() {
    const { state, scrollDOM } = this.view;
    const cursor = this.view.lineBlockAt(state.selection.main.head);
    const top = scrollDOM.scrollTop;
    if (cursor.bottom > top && cursor.top < top + scrollDOM.clientHeight) return state.doc.lineAt(cursor.from).number;
    return state.doc.lineAt(this.view.lineBlockAtHeight(top + 8).from).number;
  }

  toggleOutline(open = this.frame.dataset.outlineOpen !== "1") {
    this.wants = open;
    try { localStorage.setItem(OUTLINE_KEPT, open ? "1" : "0"); } catch { /* a browser that keeps nothing */ }
    this.fit();
    if (open) this.outline.input.focus(); else this.view.focus();
  }

  /** Whether the outline stands beside the code: as was chosen last, else where there is room for both. */
  fit() {
    if (this.wants === undefined) {
      let kept = null;
      try { kept = localStorage.getItem(OUTLINE_KEPT); } catch { /* a browser that keeps nothing */ }
      this.wants = kept === null ? this.frame.clientWidth >= ROOM_FOR_BOTH : kept === "1";
    }
    this.frame.dataset.outlineOpen = this.wants ? "1" : "0";
    this.outline.box.hidden = !this.wants;
    this["outline-turnButton"].setAttribute("aria-pressed", String(this.wants));
    this.moved();
  }

  toggleHelp() {
    this.help.hidden = !this.help.hidden;
    if (this.help.hidden) this.view.focus(); else this.help.focus();
  }

  /** The words of the session's language, where they changed. */
  speak(data) {
    this.phrases = data.phrases;
    if (JSON.stringify(data.words) === this.spoken) return;
    this.spoken = JSON.stringify(data.words);
    this.words = data.words;
    const { words } = this;
    this.outline.words(words);
    this.places.words(words);
    for (const [name, key] of [["outline-turn", "outline"], ["back", "back"], ["forth", "forth"], ["keys", "keys"]]) {
      const button = this[`${name}Button`];
      button.title = words[`${key}_button`];
      button.setAttribute("aria-label", words[`${key}_button`]);
    }
    this.crumbs.setAttribute("aria-label", words.crumbs);
    this.help.setAttribute("aria-label", words.keys_title);
    this.help.replaceChildren(
      el("header", {}, el("b", {}, words.keys_title), el("button", { type: "button", class: "fs-button", "aria-label": words.close, title: words.close, onclick: () => this.toggleHelp() }, "×")),
      el("dl", {}, ...words.keys.flatMap(([keys, what]) => [el("dt", {}, ...keys.split(" / ").flatMap((key, i) => (i ? [" ", el("kbd", {}, key)] : [el("kbd", {}, key)]))), el("dd", {}, what)])),
    );
    this.fit();
  }

  fail(message) {
    this.view.setState(this.state(message));
    this.symbols = [];
    this.nodes = [];
    this.outline.show([]);
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
    if (event.ctrlKey || event.metaKey) { this.ask("definitions", pos); return; }
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

  close() {
    this.url = null;
    for (const kind of ["keydown", "keyup"]) document.removeEventListener(kind, this.follow);
    this.view.destroy();
  }
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
