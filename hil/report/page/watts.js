// The machine's power over time: an area in the waterfall, broken where nobody saw it, and the energy in words.
"use strict";

const THINNEST = 0.15;

/** The lane of a boot's power below those of its marks; null where it had no meter. `end` in seconds. */
function wattsLane(power, end, plot) {
  if (!power) return null;
  const highest = Math.max(1e-6, power.peak ?? 0) * 1.06;
  const areas = power.runs.map((run) => {
    const across = (time) => (time / end) * 100;
    const [first, last] = [across(run[0][0]), across(run.at(-1)[0])];
    const points = run.map(([time, watts]) => [across(time), 100 - (Math.max(0, watts) / highest) * 100]);
    points.push([Math.max(last, first + THINNEST), points.at(-1)[1]]);
    const corners = [[first, 100], ...points, [points.at(-1)[0], 100]].map(([x, y]) => `${x.toFixed(3)}% ${y.toFixed(2)}%`);
    const area = el("i", "area");
    area.style.clipPath = `polygon(${corners.join(", ")})`;
    return area;
  });
  const scale = power.peak === null ? [] : [el("span", "", `${power.peak.toFixed(1)} W`), el("span", "", "0 W")];
  return el("div", "lane", el("h3", "", power.simulated ? "power (simulated)" : "power"),
    el("div", "line watts", el("span", "scale", scale), plot(areas), el("span", "at")));
}

/** The energy of a boot on one line, and what to know of it. */
function energy(boot) {
  if (!boot.power) return null;
  return [el("p", "energy", el("b", "", "Energy: "), boot.power.words), boot.power.note ? el("p", "note", boot.power.note) : null];
}
