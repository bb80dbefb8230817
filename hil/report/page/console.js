// The console: rows with their times, a moment that is marked among them, and a scroll that tells which moment it shows.
"use strict";

const CHUNK = 200;
// What a person scrolls with; a scroll without one of these is the page's own, or the browser's as rows get their heights.
const HANDS = ["wheel", "touchmove", "pointerdown", "keydown"];

/** Shows what a console said; `moved(seconds)` is called when a person scrolled to another moment. */
class ConsoleView {
  constructor(said, moved) {
    this.times = said.rows.map((row) => row[0]);
    this.marked = null;
    this.byHand = false;
    this.scroller = having(el("div", "console"), { tabindex: "0", role: "region", "aria-label": "console" });
    this.rows = this.draw(said);
    const kept = `${COUNT.format(said.bytes)} bytes, ${COUNT.format(said.rows.length)} rows`;
    const timed = this.times.some((time) => time !== null);
    this.element = section("Console", el("p", "aside", said.bytes ? kept : "nothing was said"),
      said.note ? el("p", "note", said.note) : null, this.scroller);
    this.element.classList.add("console-part");
    if (timed) this.scroller.addEventListener("scroll", () => this.scrolled(moved), { passive: true });
    for (const hand of HANDS) this.scroller.addEventListener(hand, () => { this.byHand = true; }, { passive: true });
    this.scroller.addEventListener("click", (event) => this.clicked(event, moved));
  }

  draw(said) {
    const rows = [];
    let before = null;
    for (let start = 0; start < said.rows.length; start += CHUNK) {
      const chunk = el("div", "rows");
      said.rows.slice(start, start + CHUNK).forEach(([time, words], number) => {
        if (start + number === said.gap) chunk.append(el("div", "gap", "what stood here is left out"));
        const label = time === null || time === before ? "" : SECONDS.format(time);
        before = time;
        const row = el("div", "row", el("span", "time", label), el("span", "words", coloured(words)));
        rows.push(row);
        chunk.append(row);
      });
      this.scroller.append(chunk);
    }
    return rows;
  }

  /** The first row of those that came last before a moment; 0 when none had come. */
  rowAt(time) {
    let low = 0;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.times[middle] ?? -Infinity) <= time) low = middle + 1;
      else high = middle;
    }
    let found = Math.max(0, low - 1);
    while (found > 0 && this.times[found - 1] === this.times[found]) found -= 1;
    return found;
  }

  /** Mark the row of a moment, and bring it into view. */
  show(time, { scroll }) {
    const row = this.rows[this.rowAt(time)];
    if (!row || this.times[this.rowAt(time)] === null) return;
    this.marked?.classList.remove("marked");
    this.marked = row;
    row.classList.add("marked");
    if (!scroll) return;
    this.byHand = false;
    const offset = row.getBoundingClientRect().top - this.scroller.getBoundingClientRect().top;
    this.scroller.scrollTop += offset - this.scroller.clientHeight / 3;
  }

  scrolled(moved) {
    if (!this.byHand) return;
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // At the top this is the first row, at the bottom the last, and both can be reached.
    const part = scrollHeight > clientHeight ? scrollTop / (scrollHeight - clientHeight) : 0;
    const line = this.scroller.getBoundingClientRect().top + part * clientHeight;
    let low = 0;
    let high = this.rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.rows[middle].getBoundingClientRect().top <= line) low = middle;
      else high = middle - 1;
    }
    if (typeof this.times[low] === "number") moved(this.times[low]);
  }

  clicked(event, moved) {
    const number = this.rows.indexOf(event.target.closest(".row"));
    if (number >= 0 && typeof this.times[number] === "number") moved(this.times[number]);
  }
}
