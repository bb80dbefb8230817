// The colours of a console. Escape stands as its picture in the data, so a sequence that is no colour is simply seen.
"use strict";

const SEQUENCE = /\u241b(?:\[([0-9;]{0,20})m|\[[0-?]{0,20}[ -/]{0,4}[@-~])|[\u2400-\u241f\u2421]|\u27e8U\+[0-9A-F]{4,5}\u27e9/g;

/** Nodes for a row: coloured and bold runs, and control characters in a quieter tone. */
function coloured(words) {
  const nodes = [];
  const style = { colour: "", bold: false };
  let place = 0;
  const take = (run) => {
    if (!run) return;
    const names = [style.colour && `ansi-${style.colour}`, style.bold && "ansi-bold"].filter(Boolean).join(" ");
    nodes.push(names ? el("span", names, run) : document.createTextNode(run));
  };
  for (const found of words.matchAll(SEQUENCE)) {
    take(words.slice(place, found.index));
    place = found.index + found[0].length;
    if (found[1] === undefined) nodes.push(el("span", "control", caret(found[0])));
    else restyle(style, found[1]);
  }
  take(words.slice(place));
  return nodes;
}

/** Control pictures, which few fonts have, as `cat -v` writes them: ^[ for escape. */
function caret(words) {
  const shown = (picture) => `^${String.fromCharCode((picture.charCodeAt(0) - 0x2400) ^ 0x40)}`;
  return words.replace(/\u2421/g, "^?").replace(/[\u2400-\u241f]/g, shown);
}

// ECMA-48, 8.3.117 (SGR). White and black are left to the page, which has a light and a dark side of its own.
function restyle(style, parameters) {
  for (const code of parameters.split(";").map(Number)) {
    if (code === 0) Object.assign(style, { colour: "", bold: false });
    else if (code === 1) style.bold = true;
    else if (code === 22) style.bold = false;
    else if ((code >= 31 && code <= 36) || (code >= 91 && code <= 96)) style.colour = String(code % 10);
    else if (code === 90) style.colour = "grey";
    else if ([30, 37, 39, 97].includes(code)) style.colour = "";
    else if (code === 38 || code === 48) return;
  }
}
