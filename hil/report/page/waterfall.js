// The waterfall: a lane a source, a row a mark, whiskers for its error, and a cursor at the moment that is looked at.
"use strict";

const SAME_S = 0.001;
// What these tell happens when somebody wants it: the time since the last of them took nobody any.
const EVENTS = ["hil", "qmp"];
const FIRST_LANES = ["hil", "console", "matchbox", "dnsmasq", "packets", "qmp"];
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600];
const TICKS = 7;

/** Marks of each source, those of one moment together. */
function lanes(marks) {
  const found = new Map();
  for (const mark of marks) {
    if (!found.has(mark.source)) found.set(mark.source, []);
    const rows = found.get(mark.source);
    const last = rows.at(-1);
    if (last && Math.abs(last[0].seconds - mark.seconds) < SAME_S && holds(last[0]) === holds(mark)) last.push(mark);
    else rows.push([mark]);
  }
  const rank = (source) => (FIRST_LANES.includes(source) ? FIRST_LANES.indexOf(source) : FIRST_LANES.length);
  return [...found].sort(([one], [other]) => rank(one) - rank(other));
}

/** Whether a mark says that something does not hold (hil.readiness: "false: ..."). */
function holds(mark) {
  return !/^(false|unknown): /.test(mark.evidence);
}

/**
 * Draws the marks of a boot over `[0, end]` seconds; `chosen(seconds)` is called when a person picks a moment.
 * `sources` of all boots on the page: each has one colour in all of them.
 */
class Waterfall {
  constructor(boot, end, sources, chosen) {
    this.end = end;
    this.chosen = chosen;
    this.buttons = [];
    this.evidence = having(el("p", "evidence"), { "aria-live": "polite" });
    const drawn = lanes(boot.marks).map(([source, rows]) => this.lane(source, rows, sources.indexOf(source) % 6));
    const hint = "Point at a mark for its evidence; click a moment to have the console show it; arrow keys move.";
    this.evidence.textContent = hint;
    const since = boot.marks.some((mark) => mark.stage === "attached") ? "when it was attached to" : "power-on";
    this.element = section("Timeline",
      el("p", "aside", `seconds from ${since}${boot.power_on ? `, ${boot.power_on}` : ""}`),
      boot.marks.length ? el("div", "waterfall", this.over(boot), this.axis(boot), drawn, wattsLane(boot.power, end, (curve) => this.plot(curve))) : el("p", "note", "no marks are recorded"),
      this.evidence);
    this.element.classList.add("timeline-part");
    this.element.addEventListener("keydown", (event) => this.pressed(event));
  }

  at(time) {
    return `${Math.min(100, Math.max(0, (time / this.end) * 100)).toFixed(3)}%`;
  }

  place(element, from, to) {
    element.style.left = this.at(from);
    if (to !== undefined) element.style.width = `calc(${this.at(to)} - ${this.at(from)})`;
    return element;
  }

  axis(boot) {
    const step = STEPS.find((size) => this.end / size <= TICKS) ?? this.end / TICKS;
    const ticks = [];
    for (let number = 0; number * step <= this.end * 0.985; number += 1) {
      ticks.push(this.place(el("span", "tick", `${Number((number * step).toFixed(2))}`), number * step));
    }
    this.clock = el("span", "clock");
    const resets = boot.resets.map((time) => this.place(el("span", "flag", "reset"), time));
    return el("div", "line axis", el("span", "label", ""), this.plot(ticks, resets, this.clock), el("span", "at"));
  }

  /** What goes through all lanes: where the machine stood still or started again, and the cursor. */
  over(boot) {
    this.cursor = el("i", "cursor");
    const pauses = boot.pauses.map(([from, to]) => this.place(el("i", "pause"), from, to ?? this.end));
    const resets = boot.resets.map((time) => this.place(el("i", "reset"), time));
    return el("div", "line over", el("span"), el("div", "plot", pauses, resets, this.cursor), el("span"));
  }

  plot(...children) {
    const made = el("div", "plot", children);
    made.addEventListener("click", (event) => {
      const box = made.getBoundingClientRect();
      this.chosen(Math.max(0, ((event.clientX - box.left) / box.width) * this.end));
    });
    return made;
  }

  lane(source, rows, hue) {
    // What the console says first took all the time since power-on; another source was only asked late.
    let before = source === "console" ? 0 : null;
    const lines = rows.map((marks) => {
      const line = this.row(marks, before);
      before = EVENTS.includes(source) ? null : marks[0].seconds;
      return line;
    });
    return el("div", `lane hue-${hue}`, el("h3", "", source), lines);
  }

  row(marks, before) {
    const [mark] = marks;
    const error = Math.max(...marks.map((each) => each.error));
    const more = marks.length > 1 ? el("span", "more", `+${marks.length - 1}`) : null;
    const label = having(el("button", "label", el("span", "stage", mark.stage), more), { type: "button", tabindex: this.buttons.length ? -1 : 0 });
    const words = marks.map((each) => `${each.stage}: ${each.evidence}`);
    const bar = before === null ? null : this.place(el("i", "bar"), before, mark.seconds);
    const whisker = this.place(el("i", "whisker"), mark.seconds - error, mark.seconds + error);
    const point = this.place(el("i", holds(mark) ? "point" : "point unmet"), mark.seconds);
    const line = el("div", "line", label, this.plot(bar, whisker, point), el("span", "at", SECONDS.format(mark.seconds)));
    const since = before === null ? "" : `, ${seconds(mark.seconds - before)} after the one before`;
    const tell = () => this.tell(`${seconds(mark.seconds)} ${bound(error)}${since}`, words);
    line.addEventListener("pointerenter", tell);
    label.addEventListener("focus", tell);
    label.addEventListener("click", () => {
      tell();
      this.chosen(mark.seconds);
    });
    this.buttons.push(label);
    return line;
  }

  tell(when, words) {
    this.evidence.replaceChildren(el("b", "", when), ...words.map((each) => el("span", "", each)));
  }

  /** Put the cursor at a moment. */
  show(time) {
    if (!this.clock) return;
    this.place(this.cursor, time).classList.add("set");
    this.clock.textContent = SECONDS.format(time);
    this.place(this.clock, time);
    this.clock.classList.toggle("beyond", time > this.end);
  }

  pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = this.buttons.indexOf(document.activeElement);
    const next = { Home: this.buttons[0], End: this.buttons.at(-1) }[event.key] ?? (step && this.buttons[here + step]);
    if (here < 0 || !next) return;
    event.preventDefault();
    this.buttons[here].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    next.click();
  }
}
