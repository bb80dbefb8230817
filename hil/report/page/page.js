// Puts the parts of the page together, and has all of them look at the same moment; `#t=12.3` names one.
"use strict";

/** The moment that the page's address names, or null. */
function named() {
  const found = /^#t=(\d{1,7}(?:\.\d{1,9})?)$/.exec(location.hash);
  return found ? Number(found[1]) : null;
}

/** Shows the data of this page. */
function page(data) {
  const marks = data.boots.flatMap((boot) => boot.marks);
  const end = Math.max(1e-3, ...marks.map((mark) => mark.seconds + mark.error)) * 1.02;
  const sources = lanes(marks).map(([source]) => source);
  const views = [];
  const look = (time, scrolled) => {
    for (const view of views) {
      view.waterfall.show(time);
      view.console.show(time, { scroll: view.console !== scrolled });
    }
    document.body.dataset.moment = time.toFixed(3);
  };
  const choose = (time) => {
    look(time, null);
    history.replaceState(null, "", `#t=${time.toFixed(3)}`);
  };
  const boots = data.boots.map((boot) => {
    const view = { console: new ConsoleView(boot.console, (time) => look(time, view.console)), waterfall: new Waterfall(boot, end, sources, choose) };
    views.push(view);
    return el("article", "boot", verdict(boot),
      el("div", "course", view.waterfall.element, view.console.element),
      conditions(boot), wire(boot), el("div", "beside", image(boot), machine(boot), record(boot)));
  });
  document.getElementById("page").append(...(data.comparison ? [pair(boots, comparison(data.comparison, data.boots))] : boots));
  document.body.classList.toggle("two", boots.length > 1);
  if (named() !== null) look(named(), null);
  window.addEventListener("hashchange", () => {
    if (named() === null) return;
    look(named(), null);
    views[0].waterfall.element.scrollIntoView({ block: "nearest" });
  });
}

function pair(boots, between) {
  const courses = boots.map((boot, number) => {
    boot.querySelector(".verdict").prepend(el("span", "letter", "AB"[number]));
    return el("div", "boot", boot.querySelector(".verdict"), boot.querySelector(".course"));
  });
  return el("div", "pair", el("div", "boots aligned", courses), between, el("div", "boots", boots));
}

page(JSON.parse(document.getElementById("data").textContent));
