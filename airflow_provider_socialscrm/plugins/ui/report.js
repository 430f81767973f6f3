// The report of one import.

import { hasConnection, lastSentence, manifest as manifestOf, OPERATORS, placeOf, previous, progressOf, sentenceOf, taskInstance } from "./api.js";
import { bucketsOf, colourOf, labelOf, notAcceptedIn, sentIn, totalIn } from "./buckets.js";
import { changesSection, headlineOfChanges } from "./changes.js";
import { bar } from "./charts.js";
import { facts, html, section, table } from "./dom.js";
import { count, decimal, moment, rowsOf, shares, zone } from "./format.js";
import { airflowLink, nameOf, pageOf } from "./links.js";
import { causesOf, connectionOf, isForRows, isOfConnection, outcome, progress as progressNode, rejects, rejectsOf } from "./outcome.js";
import { badge, hasFailed, isUnderWay, reasonFor } from "./states.js";

/** Return the nodes for a task instance, and whether they will change. */
export async function report(place) {
  const instance = await taskInstance(place);
  if (!OPERATORS.includes(instance.operator)) {
    return { nodes: [html("p", null, "This task is not an import into SocialsCRM, so it has no report.")] };
  }
  const [manifest, progress, logged, before] = await Promise.all([
    isUnderWay(instance) ? null : manifestOf(place), // a retry that runs still has the manifest of the try before
    instance.state === "running" ? progressOf(place) : null,
    hasFailed(instance) ? lastSentence(place, instance.try_number) : null,
    isUnderWay(instance) ? null : previous(place, instance.run_after),
  ]);
  const sentence = sentenceOf(logged, instance, manifest);
  const isStored = !isOfConnection(manifest, sentence) || (await hasConnection(connectionOf(instance)));
  const nodes = [
    heading(manifest, instance, place),
    outcome(instance, manifest, sentence, place, isStored),
    progressNode(instance, progress, place),
    ...(manifest ? whole(manifest, instance, before) : [noReport(instance, sentence)]),
  ];
  return { nodes: nodes.filter(Boolean), changes: isUnderWay(instance) };
}

function noReport(instance, sentence) {
  if (isUnderWay(instance)) return null;
  return html("p", null, sentence ? "There is no report: the task failed before it could count any rows." : reasonFor(instance));
}

function heading(manifest, instance, place) {
  const title = manifest ? headline(manifest) : isUnderWay(instance) ? "No report yet" : "No report";
  return html(
    "header", null,
    html("h1", null, title, " ", badge(instance)),
    html(
      "p", { class: "soft" },
      airflowLink(place, nameOf(instance)), " of ",
      html("a", { href: pageOf({ dagId: place.dagId }) }, instance.dag_display_name),
      ", run after ", html("span", { class: "tight" }, `${moment(instance.run_after)} ${zone}`),
      instance.try_number ? [", ", html("span", { class: "tight" }, `try ${instance.try_number}`)] : null,
    ),
  );
}

/** Say in a few words how a run ended. */
export function headline(manifest) {
  const { rows, changes, dry_run: dry } = manifest;
  if (!totalIn(rows)) return manifest.broke_off?.while === "reading" ? "No row was read" : "The input had no rows";
  if (changes) return headlineOfChanges(manifest);
  const some = notAcceptedIn(rows) ? `${count(sentIn(rows))} of` : "All";
  return `${some} ${rowsOf(totalIn(rows))} ${dry ? "could be sent" : "accepted"}`;
}

function whole(manifest, instance, before) {
  return [
    manifest.dry_run ? html("p", null, "This was a dry run: nothing was sent.") : null,
    section("Rows", bar(manifest.rows), rowsTable(manifest)),
    changesSection(manifest),
    manifest.refusals.length ? section("Why rows were not accepted", refusals(manifest)) : null,
    ...remarks(manifest),
    rejectsOf(manifest) && !(hasFailed(instance) && isForRows(manifest)) ? section("Rejected rows", rejects(manifest)) : null,
    before ? comparison(manifest, before) : null,
    html("div", { class: "pair" }, section("Pace", pace(manifest)), section("Settings", settings(manifest, instance))),
  ].filter(Boolean);
}

function rowsTable({ rows, changes }) {
  const buckets = bucketsOf(rows, Boolean(changes));
  const parts = shares(buckets.map(({ number }) => number));
  return table("Rows by bucket", [
    { title: "Bucket", heading: true, cell: ({ name, label }) => [html("i", { class: colourOf(name) }), label] },
    { title: "Rows", number: true, cell: ({ number }) => count(number) },
    { title: "Share", number: true, cell: ({ share }) => share },
    { title: "What it means", detail: true, cell: ({ meaning }) => meaning },
  ], buckets.map((bucket, index) => ({ ...bucket, share: parts[index] })));
}

/** Compare this import with the one of the run before. */
function comparison(manifest, { instance, manifest: before }) {
  const measures = [
    ["Rows", ({ rows }) => rows.total, count],
    ["Accepted", ({ rows }) => rows.accepted, count],
    ["Unchanged", ({ rows, changes }) => (changes ? rows.unchanged : undefined), count],
    ["Not accepted", ({ rows }) => notAcceptedIn(rows), count],
    ["Rows accepted a second", ({ rows_per_second: rate }) => rate, decimal],
  ];
  const lines = measures
    .map(([name, read, format]) => ({ name, now: read(manifest), then: read(before), format }))
    .filter(({ now, then }) => now !== undefined && then !== undefined);
  const when = html("a", { href: pageOf(placeOf(instance)) }, moment(instance.run_after));
  return section(
    "Compared with the run before",
    html("p", { class: "soft" }, "That of ", when, ", which succeeded."),
    table("Compared with the run before", [
      { title: "Measure", heading: true, cell: ({ name }) => name },
      { title: "This run", number: true, cell: ({ now, format }) => format(now) },
      { title: "Before", number: true, cell: ({ then, format }) => format(then) },
      { title: "Difference", number: true, cell: ({ now, then, format }) => signed(now - then, format) },
    ], lines),
  );
}

const signed = (difference, format) => `${difference > 0 ? "+" : ""}${format(difference)}`;

const refusals = (manifest) =>
  table("Why rows were not accepted", [
    { title: "Code", heading: true, cell: ({ code }) => html("code", null, String(code)) },
    { title: "Bucket", tight: true, cell: ({ bucket }) => [html("i", { class: colourOf(bucket) }), labelOf(bucket)] },
    { title: "Rows", number: true, named: true, cell: ({ rows }) => count(rows) },
    { title: "What is wrong, and what to do", detail: true, cell: explained },
  ], causesOf(manifest));

const explained = ({ meaning, hint, first_positions: first, rows }) => [
  html("div", null, meaning),
  html("div", null, hint),
  first.length
    ? html("div", { class: "soft" }, `${first.length === 1 ? "Position" : "Positions"} in the input, counted from 0: ${first.join(", ")}${rows > first.length ? ", ..." : ""}`)
    : null, // the run did not come to these rows
];

/** Build the section of remarks; manifests of older versions have none. */
function remarks({ remarks: found = [], ambiguous_numbers: pairs = {}, left_out: names = [] }) {
  const numbers = Object.entries(pairs).map(([countries, rows]) => `${count(rows)} (${countries})`);
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
    { title: "Rows", number: true, named: true, cell: ({ rows }) => count(rows) },
    { title: "Remark", detail: true, cell: ({ meaning, hint }) => [html("div", null, meaning), html("div", null, hint)] },
  ], found);

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
    ["The CRM's clock", offset ? `${decimal(offset)} s from ours` : null], // 0 also if no response has said
  ]);
}
