// Acts as a person would on a page with one boot, and leaves what came of it in the body's data-probe.
"use strict";

(() => {
  const found = {};
  const marked = () => document.querySelector(".row.marked .words")?.textContent;
  const console_ = document.querySelector(".console");

  const plot = document.querySelector(".axis .plot").getBoundingClientRect();
  const middle = { bubbles: true, clientX: plot.left + plot.width / 2, clientY: plot.top + 1 };
  document.querySelector(".axis .plot").dispatchEvent(new MouseEvent("click", middle));
  found.clicked = [document.body.dataset.moment, marked(), location.hash, console_.scrollTop > 0];

  // A scroll that is the page's own is no person's; the browser draws no frames here, so its event is made.
  console_.dispatchEvent(new Event("scroll"));
  found.still = document.body.dataset.moment;
  for (const [name, top] of [["bottom", console_.scrollHeight], ["top", 0]]) {
    console_.dispatchEvent(new WheelEvent("wheel"));
    console_.scrollTop = top;
    console_.dispatchEvent(new Event("scroll"));
    found[name] = [document.body.dataset.moment, marked(), document.querySelector(".cursor").style.left];
  }

  const labels = [...document.querySelectorAll("button.label")];
  labels[0].focus();
  labels[0].dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
  found.key = [document.activeElement.textContent, document.body.dataset.moment, document.querySelector(".evidence").textContent];
  document.body.dataset.probe = JSON.stringify(found);
})();
