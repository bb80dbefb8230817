// What is known of a boot besides its course: verdict, conditions, identity, image, arguments, tests, files.
"use strict";

const SIGNS = { ready: "✓", failed: "✕", broken: "⚠", interrupted: "◼", running: "…", unknown: "?" };
const HOLDS = { true: ["✓ holds", "good"], false: ["✕ does not", "bad"], unknown: ["? unknown", "doubt"] };

/** The verdict, what it means, and the error. */
function verdict(boot) {
  const time = boot.seconds_to_ready === null ? null : el("span", "took", `${seconds(boot.seconds_to_ready)} from power-on`);
  const names = [boot.name, boot.image && `image ${boot.image}`].filter(Boolean).join(" · ");
  return el("header", `verdict is-${boot.verdict}`,
    el("p", "who", names),
    el("h1", "", having(el("span", "sign", SIGNS[boot.verdict]), { "aria-hidden": "true" }), boot.headline, time),
    el("p", "meaning", boot.meaning),
    boot.simulated ? el("p", "simulated", `Simulated: ${boot.simulated}`) : null,
    energy(boot),
    boot.stopped ? el("p", "note", boot.stopped) : null,
    boot.missing.map((why) => el("p", "note", why)),
    boot.error ? failure(boot.error) : null);
}

function failure(error) {
  const parts = [el("p", "message", error.message)];
  if (error.hint) parts.push(el("p", "hint", el("b", "", "What to do: "), error.hint));
  if (error.evidence.length) {
    parts.push(el("details", "", el("summary", "", `Evidence and ${error.kind || "error"}`), el("pre", "", error.evidence.join("\n"))));
  }
  return el("div", "failure", parts);
}

/** The table of conditions. */
function conditions(boot) {
  if (!boot.conditions.length) {
    return section("Conditions", el("p", "aside", "none were asked: the image says by itself when it is ready, or nobody got that far"));
  }
  const rows = boot.conditions.map((row) => {
    const [words, tone] = HOLDS[row.truth] ?? HOLDS.unknown;
    return [el("code", "", row.name), el("span", tone, words), row.observed, row.expected, row.source, moment(row.seconds)];
  });
  const met = boot.conditions.filter((row) => row.truth === "true").length;
  return section("Conditions", el("p", "aside", `${met} of ${boot.conditions.length} hold`),
    table(["condition", "holds", "observed", "expected", "asked of", "since, s"], rows, "conditions"));
}

/** Image digests and kernel arguments. */
function image(boot) {
  const digests = boot.assets.map((asset) => [el("code", "", asset.name), el("code", "digest", asset.sha256), asset.origin]);
  const given = boot.arguments;
  return section("Image",
    digests.length ? table(["file", "sha256", "made of"], digests, "named") : el("p", "aside", "the record names no files of it"),
    el("h3", "", "Kernel arguments"),
    given ? el("p", "aside", `as the kernel said on the console${given.seconds === null ? "" : ` at ${seconds(given.seconds)}`}`) : null,
    given ? el("pre", "arguments", given.words) : el("p", "aside", "the kernel did not say them on the console"));
}

/** Identity, machine and programs. */
function machine(boot) {
  if (!boot.facts.length && !boot.programs.length) return section("Machine", el("p", "aside", "the record says nothing of it"));
  return section("Machine", list(boot.facts), boot.programs.length ? [el("h3", "", "Versions"), list(boot.programs)] : null);
}

/** The tests that ran on it, and the files of its record. */
function record(boot) {
  const files = boot.files.map(([name, href]) => el("li", "", having(el("a", "", name), { href })));
  const tests = boot.runs.map((name) => el("li", "", el("code", "", name)));
  return section("Record",
    el("h3", "", "Tests that ran on it"),
    tests.length ? el("ul", "", tests) : el("p", "aside", "none"),
    el("h3", "", "Files"), el("p", "aside", el("code", "", boot.folder)), el("ul", "files", files));
}
