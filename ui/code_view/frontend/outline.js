// The outline: what a file defines, nested, with the sites to label inside, a filter, and the place of the reader marked.
import { el, keepKeys } from "./dom.js";

const MOST = 3000; // rows drawn; the filter finds the others
const OPEN_UP_TO = 60; // a file with more symbols comes with its functions folded
const GLYPHS = {
  function: "ƒ", struct: "S", union: "U", enum: "E", enumerator: "e", macro: "#", typedef: "T", global: "v", variable: "v", field: "·",
  prototype: "p", site: "○",
};

/** Symbols as the server gives them, with the sites put into the innermost symbol around each. Keys are stable for a file. */
export function tree(symbols, marks, unnamed) {
  const copy = (symbol, path) => {
    const key = `${path}/${symbol.kind}:${symbol.name}:${symbol.line}`;
    return { ...symbol, name: symbol.name || unnamed, key, children: (symbol.children ?? []).map((child) => copy(child, key)) };
  };
  const root = { children: symbols.map((symbol) => copy(symbol, "")), key: "" };
  const within = (symbol, mark) => symbol.start <= mark.line && mark.line <= symbol.end_line;
  for (const mark of marks) {
    let home = root;
    for (let inner = home; inner; inner = home.children.find((child) => child.kind !== "site" && within(child, mark))) home = inner;
    home.children.push({
      kind: "site", name: mark.name ?? `${mark.line}`, line: mark.line, column: mark.column ?? 1, start: mark.line, end_line: mark.line, children: [], key: `site:${mark.id}`,
      task: mark.task, label: mark.label, open: mark.status === "open",
    });
  }
  const sort = (nodes) => { nodes.sort((a, b) => a.line - b.line || a.column - b.column); for (const node of nodes) sort(node.children); };
  sort(root.children);
  return root.children;
}

/** The symbols around a line, outer one first; sites are no rooms. */
export function around(nodes, line) {
  const found = [];
  for (let inner = nodes; inner;) {
    const last = inner.findLast((node) => node.kind !== "site" && node.start <= line && line <= node.end_line);
    if (!last) break;
    const next = inner.find((node) => node.start === last.start && node.children.length) ?? last; // of `struct { ... } a, b;` a has the members
    found.push(next);
    inner = next.children;
  }
  return found;
}

export class Outline {
  constructor({ go, close }) {
    this.go = go;
    this.nodes = [];
    this.turned = new Map(); // key -> opened or shut by hand
    this.here = null;
    this.input = el("input", { type: "search", spellcheck: "false", autocomplete: "off", oninput: () => this.draw() });
    this.rows = el("div", { class: "fs-rows", role: "tree", onclick: (event) => this.clicked(event) });
    this.said = el("div", { class: "fs-said" });
    this.box = el("aside", { class: "fs-outline" }, this.input, this.rows, this.said);
    keepKeys(this.box, (event) => this.key(event, close));
  }

  words(words) {
    this.said_words = words;
    this.input.placeholder = words.filter;
    this.input.setAttribute("aria-label", words.filter);
    this.rows.setAttribute("aria-label", words.outline);
  }

  show(nodes, problem = null) {
    this.nodes = nodes;
    this.problem = problem;
    let count = 0;
    const walk = (list) => { for (const node of list) { count += 1; walk(node.children); } };
    walk(nodes);
    this.many = count > OPEN_UP_TO;
    this.draw();
  }

  isOpen(node) { return this.turned.get(node.key) ?? (!this.many || node.kind === "enum" && node.children.length < 12); }

  draw() {
    const wanted = this.input.value.trim().toLowerCase();
    const fits = (node) => node.name.toLowerCase().includes(wanted);
    const holds = (node) => fits(node) || node.children.some(holds);
    const rows = [];
    let count = 0;
    const add = (node, level) => {
      if (wanted && !holds(node)) return;
      count += 1;
      const open = wanted ? node.children.some(holds) : this.isOpen(node);
      if (rows.length < MOST) rows.push(this.row(node, level, open));
      if (open) for (const child of node.children) add(child, level + 1);
    };
    for (const node of this.nodes) add(node, 1);
    this.rows.replaceChildren(...rows);
    const empty = this.nodes.length ? this.said_words?.no_match : this.problem ?? this.said_words?.nothing;
    this.said.textContent = count === 0 ? empty ?? "" : count > MOST ? this.said_words?.more ?? "" : "";
    this.mark(this.here, false);
  }

  row(node, level, open) {
    const shut = node.children.length > 0;
    const kind = this.said_words?.kinds?.[node.kind] ?? node.kind;
    return el(
      "div",
      {
        class: `fs-row fs-kind-${node.kind}`, role: "treeitem", tabindex: "-1", "aria-level": level, "aria-expanded": shut ? open : null,
        "data-key": node.key, style: `padding-left: ${0.35 + (level - 1) * 0.9}rem`, title: `${node.label ?? `${kind} ${node.name}`} · ${node.line}`,
      },
      el("span", { class: "fs-turn", "aria-hidden": "true" }, shut ? (open ? "▾" : "▸") : ""),
      el("span", { class: `fs-glyph${node.task ? ` fs-task-${node.task}` : ""}`, "aria-hidden": "true" }, node.kind === "site" && !node.open ? "●" : GLYPHS[node.kind] ?? "·"),
      el("span", { class: "fs-name" }, node.name),
      el("span", { class: "fs-at" }, String(node.line)),
    );
  }

  find(key, nodes = this.nodes) {
    for (const node of nodes) {
      const found = node.key === key ? node : this.find(key, node.children);
      if (found) return found;
    }
    return null;
  }

  turn(node, open) {
    if (!node.children.length) return;
    this.turned.set(node.key, open);
    this.draw();
    this.rowOf(node.key)?.focus();
  }

  rowOf(key) { return [...this.rows.children].find((row) => row.dataset.key === key); }

  clicked(event) {
    const row = event.target instanceof Element ? event.target.closest(".fs-row") : null;
    const node = row && this.find(row.dataset.key);
    if (!node) return;
    if (event.target.closest(".fs-turn") && node.children.length) this.turn(node, row.getAttribute("aria-expanded") !== "true");
    else this.go(node);
  }

  /** Whether the key was one of the outline's. */
  key(event, close) {
    const rows = [...this.rows.children];
    const at = rows.indexOf(event.target);
    const node = at >= 0 ? this.find(rows[at].dataset.key) : null;
    if (event.key === "Escape") {
      if (this.input.value) { this.input.value = ""; this.draw(); this.input.focus(); } else close();
    } else if (event.key === "ArrowDown") rows[at + 1]?.focus();
    else if (event.key === "ArrowUp") (at > 0 ? rows[at - 1] : this.input).focus();
    else if (event.key === "Enter") { const chosen = node ?? this.best(); if (chosen) this.go(chosen); }
    else if (node && event.key === "ArrowRight") this.turn(node, true);
    else if (node && event.key === "ArrowLeft") this.turn(node, false);
    else if (node && event.key === "Home") rows[0].focus();
    else if (node && event.key === "End") rows.at(-1).focus();
    else return false;
    return true;
  }

  /** Of what the filter left: the first whose own name fits, one that begins so before others. */
  best() {
    const wanted = this.input.value.trim().toLowerCase();
    const shown = [...this.rows.children].map((row) => this.find(row.dataset.key));
    const fitting = shown.filter((node) => node.name.toLowerCase().includes(wanted));
    return fitting.find((node) => node.name.toLowerCase().startsWith(wanted)) ?? fitting[0] ?? null;
  }

  /** Marks the row of the innermost symbol shown around the reader's place. */
  mark(line, scroll = true) {
    this.here = line;
    const chain = line === null ? [] : around(this.nodes, line).map((node) => node.key).reverse();
    const rows = new Map([...this.rows.children].map((row) => [row.dataset.key, row]));
    const here = rows.get(chain.find((key) => rows.has(key)));
    for (const row of this.rows.querySelectorAll(".fs-here")) if (row !== here) row.classList.remove("fs-here");
    if (!here) return;
    here.classList.add("fs-here");
    if (scroll && !this.box.contains(this.box.getRootNode().activeElement)) {
      const top = here.offsetTop - this.rows.offsetTop;
      if (top < this.rows.scrollTop || top > this.rows.scrollTop + this.rows.clientHeight - 24) this.rows.scrollTop = top - this.rows.clientHeight / 2;
    }
  }
}
