// Makes elements whose words are text, never markup. Knows nothing of boots.
"use strict";

const SECONDS = new Intl.NumberFormat("en", { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const COUNT = new Intl.NumberFormat("en");

/** An element of a class with children: strings and numbers become text, null and undefined nothing. */
function el(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/** Attributes of an element, set; returns it. */
function having(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** Seconds as a person reads them, "" for none. */
function seconds(value) {
  return typeof value === "number" ? `${SECONDS.format(value)} s` : "";
}

/** An error bound: in ms where it is small. */
function bound(value) {
  if (typeof value !== "number") return "";
  return value < 0.1 ? `± ${(value * 1000).toPrecision(value < 0.001 ? 1 : 2)} ms` : `± ${value.toPrecision(2)} s`;
}

/** A moment as a link that has timeline and console show it; nothing for none. */
function moment(value) {
  if (typeof value !== "number") return "";
  return having(el("a", "number moment", SECONDS.format(value)), { href: `#t=${Math.max(0, value).toFixed(3)}` });
}

/** A part of the page under a heading. */
function section(title, ...children) {
  return el("section", "part", el("h2", "", title), ...children);
}

/** A table whose cells know their column, so that a narrow screen can show them below each other. */
function table(columns, rows, className = "") {
  const body = rows.map((cells) => {
    const row = el("tr", "", cells.map((cell, number) => {
      const made = el("td", "", cell);
      made.dataset.column = columns[number];
      return made;
    }));
    return row;
  });
  const head = el("thead", "", el("tr", "", columns.map((column) => having(el("th", "", column), { scope: "col" }))));
  return el("div", "scroll", el("table", className, head, el("tbody", "", body)));
}

/** Names and values in two columns; pairs without a value are left out. */
function list(pairs) {
  const shown = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return el("dl", "", shown.map(([name, value]) => [el("dt", "", name), el("dd", "", value)]));
}
