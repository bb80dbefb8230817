// Two boots beside each other: how far apart each stage is, and what else differs.
"use strict";

/** The comparison of two boots. */
function comparison(both, boots) {
  const names = [`A: ${boots[0].label}`, `B: ${boots[1].label}`];
  const stages = both.stages.map((row) => {
    const which = row.nth > 1 ? `${row.stage} (${row.nth})` : row.stage;
    return [el("code", "", which), row.source, timed(row.one), timed(row.other), apart(row)];
  });
  const facts = (rows) => table(["", ...names], rows.map((row) => [row.name, row.one || "–", row.other || "–"]), "named");
  const differing = both.facts.filter((row) => row.differs);
  const same = both.facts.filter((row) => !row.differs);
  return section("A and B",
    both.note ? el("p", "note", both.note) : null,
    el("h3", "", "Stages"), el("p", "aside", "seconds from each one's power-on; B − A with the bounds of both added, pale where it is within them"),
    table(["stage", "seen by", ...names, "B − A"], stages, "stages"),
    el("h3", "differs", `What else differs: ${differing.length} of ${both.facts.length}`),
    differing.length ? facts(differing) : null,
    same.length ? el("details", "", el("summary", "aside", `${same.length} that are the same`), facts(same)) : null);
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
