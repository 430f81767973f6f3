// The report of one import.

import { manifest as manifestOf, OPERATORS, taskInstance } from "./api.js";
import { bucketsOf, colourOf, goodIn, labelOf, notAcceptedIn, totalIn } from "./buckets.js";
import { bar } from "./charts.js";
import { html, facts, section, table } from "./dom.js";
import { count, decimal, moment, rowsOf, share, zone } from "./format.js";
import { airflowLink, nameOf, pageOf } from "./links.js";
import { badge, isUnderWay, reasonFor } from "./states.js";

/** Return the nodes for a task instance, and whether they will change. */
export async function report(place) {
  const instance = await taskInstance(place);
  if (!OPERATORS.includes(instance.operator)) {
    return { nodes: [html("p", null, "This task is not an import into SocialsCRM, so it has no report.")] };
  }
  const manifest = await manifestOf(place);
  const body = manifest ? whole(manifest, instance) : [html("p", null, reasonFor(instance))];
  return { nodes: [heading(manifest, instance, place), ...body], changes: isUnderWay(instance) };
}

function heading(manifest, instance, place) {
  const title = manifest ? headline(manifest) : "No report yet";
  return html(
    "header", null,
    html("h1", null, manifest || isUnderWay(instance) ? title : "No report", " ", badge(instance)),
    html(
      "p", { class: "soft" },
      airflowLink(place, nameOf(instance)), " of ",
      html("a", { href: pageOf({ dagId: place.dagId }) }, instance.dag_display_name),
      `, run after ${moment(instance.run_after)} ${zone}`, instance.try_number ? `, try ${instance.try_number}` : null,
    ),
  );
}

function headline({ rows, dry_run: dry }) {
  if (!totalIn(rows)) return "The input had no rows";
  const some = notAcceptedIn(rows) ? `${count(goodIn(rows))} of` : "All";
  return `${some} ${rowsOf(totalIn(rows))} ${dry ? "could be sent" : "accepted"}`;
}

function whole(manifest, instance) {
  return [
    manifest.dry_run ? html("p", null, "This was a dry run: nothing was sent.") : null,
    section("Rows", bar(manifest.rows), rowsTable(manifest.rows)),
    manifest.refusals.length ? section("Why rows were not accepted", refusals(manifest)) : null,
    ...remarks(manifest),
    manifest.rejects_path ? section("Rejected rows", place(manifest.rejects_path)) : null,
    html("div", { class: "pair" }, section("Pace", pace(manifest)), section("Settings", settings(manifest, instance))),
  ].filter(Boolean);
}

const rowsTable = (rows) =>
  table("Rows by bucket", [
    { title: "Bucket", heading: true, cell: ({ name, label }) => [html("i", { class: colourOf(name) }), label] },
    { title: "Rows", number: true, cell: ({ number }) => count(number) },
    { title: "Share", number: true, cell: ({ number }) => share(number, rows.total) },
    { title: "What it means", cell: ({ meaning }) => meaning },
  ], bucketsOf(rows));

const refusals = (manifest) =>
  table("Why rows were not accepted", [
    { title: "Code", heading: true, cell: ({ code }) => html("code", null, String(code)) },
    { title: "Bucket", tight: true, cell: ({ bucket }) => [html("i", { class: colourOf(bucket) }), labelOf(bucket)] },
    { title: "Rows", number: true, cell: ({ rows }) => count(rows) },
    { title: "What is wrong, and what to do", cell: explained },
  ], manifest.refusals);

const explained = ({ meaning, hint, first_positions: first, rows }) => [
  html("div", null, meaning),
  html("div", null, hint),
  html("div", { class: "soft" }, `Positions in the input: ${first.join(", ")}${rows > first.length ? ", ..." : ""}`),
];

/** Build the section of remarks; manifests of older versions have none. */
function remarks({ remarks: found = [], ambiguous_numbers: pairs = {}, left_out: names = [] }) {
  const numbers = Object.entries(pairs).map(([countries, rows]) => `${countries}: ${count(rows)}`);
  const notes = [
    names.length ? html("p", null, `Columns that are not sent: ${names.join(", ")}.`) : null,
    numbers.length ? html("p", null, `Numbers that are valid in two countries: ${numbers.join(", ")}.`) : null,
    found.length ? remarksTable(found) : null,
  ].filter(Boolean);
  return notes.length ? [section("Worth knowing", ...notes)] : [];
}

const remarksTable = (found) =>
  table("Rows that were sent", [
    { title: "Code", heading: true, cell: ({ code }) => html("code", null, String(code)) },
    { title: "Rows", number: true, cell: ({ rows }) => count(rows) },
    { title: "Remark", cell: ({ meaning, hint }) => [html("div", null, meaning), html("div", null, hint)] },
  ], found);

function place(path) {
  const text = html("code", { tabindex: "0" }, path);
  const button = html("button", { type: "button" }, "Copy the path");
  button.addEventListener("click", async () => {
    // Browsers offer the clipboard only over https; without it the path is selected for copying by hand.
    getSelection().selectAllChildren(text);
    const copied = await navigator.clipboard?.writeText(path).then(() => true, () => false);
    button.textContent = copied ? "Copied" : "Selected: press Ctrl+C";
  });
  const use = "This file has the rows that were not accepted, each with its reason. Fix them and use the file as data.";
  return [html("p", { class: "soft" }, use), html("p", { class: "path" }, text, " ", button)];
}

const pace = ({ rows_per_second: rate, seconds, calls }) =>
  facts([
    ["Calls an import would make", count(calls)],
    ["Seconds it would take, at least", decimal(seconds)],
    ["Rows accepted a second", decimal(rate)],
    ["Seconds in total", decimal(seconds.total)],
    ["Calls", calls.unsaved_ends ? `at least ${count(calls.sent)}` : count(calls.sent)],
    ["Calls retried", count(calls.retries)],
    ["Calls signed again", count(calls.re_signed)],
    ["Calls split to find a bad row", count(calls.splits)],
    ["Seconds waited while the CRM was unavailable", decimal(seconds.waiting)],
    ["Seconds waited for the rate limit", decimal(seconds.pacing)],
  ]);

function settings(manifest, { rendered_fields: fields }) {
  const offset = manifest.clock_offset_seconds;
  return facts([
    ["Connection", fields?.socialscrm_conn_id],
    ["Rows per call, at most", count(manifest.rows_per_call)],
    ["Bytes per call, at most", count(manifest.bytes_per_call)],
    ["Rejects path", manifest.rejects_path || manifest.dry_run ? null : "none: set one to write rejected rows to a file"],
    ["Checkpoint path", fields?.checkpoint_path],
    ["The CRM's clock", offset ? `${decimal(offset)} s from ours` : offset === 0 ? "same as ours" : null],
  ]);
}
