// Two boots beside each other: how far apart each stage is, and what else differs.
"use strict";

/** The comparison of two boots. */
function comparison(both, boots) {
  const names = [`A: ${boots[0].name}`, `B: ${boots[1].name}`];
  const stages = both.stages.map((row) => {
    const which = row.nth > 1 ? `${row.stage} (${row.nth})` : row.stage;
    return [el("code", "", which), row.source, timed(row.one), timed(row.other), apart(row)];
  });
  const facts = both.facts.map((row) => [row.name, row.one || "–", row.other || "–", row.differs ? el("b", "differs", "≠ differs") : el("span", "aside", "same")]);
  const differing = both.facts.filter((row) => row.differs).length;
  const table2 = table(["", ...names, ""], facts, "facts");
  table2.querySelectorAll("tbody tr").forEach((row, number) => row.classList.toggle("same", !both.facts[number].differs));
  return section("A and B",
    both.note ? el("p", "note", both.note) : null,
    el("h3", "", "Stages"), el("p", "aside", "seconds from each one's power-on; B − A with the bounds of both added"),
    table(["stage", "seen by", ...names, "B − A"], stages, "stages"),
    el("h3", "", "What else differs"), el("p", "aside", `${differing} of ${both.facts.length}`), table2);
}

function timed(mark) {
  return mark ? el("span", "number", `${SECONDS.format(mark.seconds)} `, el("span", "aside", bound(mark.error))) : el("span", "aside", "not seen");
}

function apart(row) {
  if (row.apart === undefined) return "";
  const sign = row.apart > 0 ? "+" : row.apart < 0 ? "−" : "";
  const words = `${sign}${SECONDS.format(Math.abs(row.apart))} `;
  return el("span", row.certain ? "number" : "number within", words, el("span", "aside", bound(row.bound)));
}
