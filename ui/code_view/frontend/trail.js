// Where the reader was, and comes back to: a list of places and the one that is looked at.
const MOST = 200;

export class Trail {
  constructor() { this.reset(); }

  reset() { this.places = []; this.at = -1; }

  /** A jump from one place to another. Places that were gone back from are forgotten, as in any browser. */
  visit(from, to) {
    if (this.at < 0) this.places = [from];
    else this.places[this.at] = from;
    this.places.length = Math.max(this.at, 0) + 1;
    if (from.file !== to.file || from.line !== to.line) this.places.push(to);
    this.places = this.places.slice(-MOST);
    this.at = this.places.length - 1;
  }

  /** The place one step back (-1) or forth (1) of the one left now; null at either end. */
  step(by, from) {
    if (!this.can(by)) return null;
    this.places[this.at] = from;
    this.at += by;
    return this.places[this.at];
  }

  can(by) { return this.at >= 0 && this.at + by >= 0 && this.at + by < this.places.length; }
}
