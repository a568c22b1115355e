// The list below the code: several definitions of a name, or where it is used, by file; arrows and Enter go there, Escape closes.
import { el, filled, keepKeys } from "./dom.js";

export class Places {
  constructor({ go, close }) {
    this.go = go;
    this.title = el("span", { class: "fs-title" });
    this.shut = el("button", { type: "button", class: "fs-button", onclick: close }, "×");
    this.list = el("div", { class: "fs-list" });
    this.box = el("section", { class: "fs-places", hidden: "" }, el("header", {}, this.title, this.shut), this.list);
    keepKeys(this.box, (event) => this.key(event, close));
  }

  words(words) { this.said = words; this.shut.title = words.close; this.shut.setAttribute("aria-label", words.close); }

  /** answer: {places: [{file, line, column, kind, text, inside}], more}. here: the file that is shown. */
  show(title, name, answer, here) {
    this.title.textContent = title + (answer.more ? ` · ${filled(this.said.cut, { count: answer.places.length })}` : "");
    const rows = [];
    let file = null;
    for (const place of answer.places) {
      if (place.file !== file) rows.push(el("div", { class: `fs-file${place.file === here ? " fs-here" : ""}` }, place.file));
      file = place.file;
      rows.push(this.row(place, name));
    }
    this.list.replaceChildren(...rows);
    this.list.scrollTop = 0;
    this.box.hidden = false;
    this.buttons()[0]?.focus();
  }

  row(place, name) {
    const kind = this.said.kinds[place.kind] ?? place.kind;
    const text = el("code", {});
    const at = place.column !== null ? place.mark : -1;
    if (at >= 0) text.append(place.text.slice(0, at), el("b", {}, place.text.slice(at, at + name.length)), place.text.slice(at + name.length));
    else text.append(place.text);
    return el(
      "button", { type: "button", class: "fs-place", onclick: () => this.go(place), title: place.inside ? filled(this.said.inside, { name: place.inside }) : null },
      el("span", { class: "fs-at" }, String(place.line)), el("span", { class: "fs-what" }, kind), text,
    );
  }

  hide() { this.box.hidden = true; }

  buttons() { return [...this.list.querySelectorAll(".fs-place")]; }

  key(event, close) {
    const buttons = this.buttons();
    const at = buttons.indexOf(event.target);
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") buttons[Math.min(at + 1, buttons.length - 1)]?.focus();
    else if (event.key === "ArrowUp") buttons[Math.max(at - 1, 0)]?.focus();
    else if (event.key === "Home") buttons[0]?.focus();
    else if (event.key === "End") buttons.at(-1)?.focus();
    else return false;
    return true;
  }
}
