// What went over the machine's wire: DHCP, TFTP and HTTP, a row each; or why there is nothing to show.
"use strict";

/** The wire of a boot. */
function wire(boot) {
  const { why, note } = boot.wire;
  if (why) return section("On the wire", el("p", "note", `No packets: ${why}.`));
  const said = `${COUNT.format(boot.wire.packets ?? 0)} packets, ${COUNT.format(boot.wire.bytes ?? 0)} bytes`;
  return section("On the wire",
    el("p", "aside", boot.wire.payloads === "cut" ? `${said}; bodies were not kept` : said),
    note ? el("p", "note", note) : null,
    conversation("DHCP", ["at, s", "message", "from", "to", "address", "boot file", "asked by"], boot.wire.dhcp, dhcpCells),
    conversation("TFTP", ["at, s", "file", "outcome", "bytes", "blocks", "sent again", "took"], boot.wire.tftp, tftpCells),
    conversation("HTTP", ["at, s", "request", "client", "status", "bytes", "outcome", "first byte", "took"], boot.wire.http, httpCells));
}

function conversation(name, columns, rows, cells) {
  if (!rows.length) return [el("h3", "", name), el("p", "aside", "none")];
  return [el("h3", "", name), table(columns, rows.map(cells), "wire")];
}

function span(row, end) {
  return typeof row.seconds === "number" && typeof end === "number" ? el("span", "number", seconds(end - row.seconds)) : "";
}

function count(value) {
  return el("span", "number", typeof value === "number" ? COUNT.format(value) : "");
}

function dhcpCells(row) {
  const options = row.options.map(([name, value]) => `${name}: ${value}`).join("\n");
  const message = options
    ? el("details", "", el("summary", "", el("b", "", row.message)), el("pre", "", options))
    : el("b", "", row.message);
  const asked = [row.client, row.client_arch !== undefined && row.client_arch !== null ? `architecture ${row.client_arch}` : ""];
  return [moment(row.seconds), message, row.from, row.to, row.address, row.boot_file, asked.filter(Boolean).join(", ")];
}

function tftpCells(row) {
  // RFC 1350, error code 1: file not found. A Raspberry Pi and iPXE look for files that need not be there.
  const tone = { done: "good", error: /^1\b/.test(row.error) ? "aside" : "bad" }[row.outcome] ?? "";
  const outcome = el("span", tone, row.error ? `${row.outcome}: ${row.error}` : row.outcome);
  return [moment(row.seconds), el("code", "", row.file), outcome, count(row.bytes), count(row.blocks), count(row.retransmissions),
    span(row, row.end_seconds)];
}

function asker(row) {
  return row.user_agent ? [row.client, " ", el("span", "aside", row.user_agent)] : row.client;
}

function httpCells(row) {
  const tone = row.status >= 400 ? "bad" : row.status >= 200 ? "good" : "";
  const outcome = el("span", row.outcome === "done" ? "" : "bad", row.outcome);
  return [moment(row.seconds), el("code", "", `${row.method} ${row.target}`), asker(row), el("span", tone, row.status ?? "none"), count(row.bytes), outcome,
    span(row, row.first_byte_seconds), span(row, row.end_seconds)];
}
