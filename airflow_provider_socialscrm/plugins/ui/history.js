// The list of imports of a DAG, or of all DAGs.

import { imports, placeOf } from "./api.js";
import { bucketsOf, colourOf, notAcceptedIn, sentIn, sorted, unchangedIn } from "./buckets.js";
import { columns } from "./charts.js";
import { html, section, table } from "./dom.js";
import { count, decimal, moment, zone } from "./format.js";
import { nameOf, pageOf } from "./links.js";
import { badge, isUnderWay } from "./states.js";

const LIMIT = 30;

/** Return the nodes for a DAG, or for all DAGs if dagId is null, and whether they will change. */
export async function history(dagId) {
  const found = await imports(dagId, LIMIT);
  if (!found.length) return { nodes: [html("p", null, nothing(dagId))] };
  const title = dagId ? `Imports of ${found[0].instance.dag_display_name}` : "Imports into SocialsCRM";
  const nodes = [
    html("header", null, html("h1", null, title), html("p", { class: "soft" }, summary(found))),
    dagId ? section("Rows of each import", columns(found.toReversed()), legend(found)) : null,
    section(dagId ? "Each import" : "Latest imports", list(found, dagId)),
  ];
  return { nodes: nodes.filter(Boolean), changes: found.some(({ instance }) => isUnderWay(instance)) };
}

const nothing = (dagId) =>
  dagId
    ? "No task of this DAG has imported into SocialsCRM."
    : "Nothing has been imported into SocialsCRM yet. Imports appear here once a task has run one.";

function summary(found) {
  const reports = found.filter(({ manifest }) => manifest && !manifest.dry_run).map(({ manifest }) => manifest.rows);
  const sum = (number) => count(reports.reduce((total, rows) => total + number(rows), 0));
  const what = found.length === LIMIT ? `The latest ${LIMIT} imports` : `${found.length} imports`;
  const unchanged = sum(unchangedIn);
  const others = unchanged === "0" ? `${sum(notAcceptedIn)} not` : `${unchanged} unchanged, ${sum(notAcceptedIn)} not accepted`;
  return `${what}: ${sum(sentIn)} rows accepted, ${others}.`;
}

function legend(found) {
  const names = new Set(found.flatMap(({ manifest }) => (manifest ? shown(manifest.rows) : [])));
  const one = (name) => html("li", null, html("i", { class: colourOf(name) }), name.replaceAll("_", " "));
  const [last, first] = [found[0], found.at(-1)].map(({ instance }) => moment(instance.run_after).slice(0, 10));
  const span = html("li", null, first === last ? first : `${first} to ${last}`);
  return html("ul", { class: "legend", "aria-hidden": "true" }, sorted(names).map(one), span);
}

const shown = (rows) => bucketsOf(rows).filter(({ number }) => number).map(({ name }) => name);

function list(found, dagId) {
  const ofReport = (read) => ({ manifest }) => (manifest ? read(manifest) : "");
  const hasLedger = found.some(({ manifest }) => manifest?.changes);
  const all = [
    { title: `Run after (${zone})`, heading: true, cell: ({ instance }) => link(instance) },
    dagId ? null : { title: "DAG", cell: ({ instance }) => instance.dag_display_name },
    { title: "Task", cell: ({ instance, manifest }) => [nameOf(instance), manifest?.dry_run ? " (dry run)" : null] },
    { title: "State", cell: ({ instance }) => badge(instance) },
    { title: "Rows", number: true, wide: true, cell: ofReport(({ rows }) => count(rows.total)) },
    { title: "Accepted", number: true, named: true, cell: ofReport(({ rows }) => count(rows.accepted)) },
    hasLedger ? { title: "Unchanged", number: true, named: true, cell: ofReport(({ rows, changes }) => (changes ? count(rows.unchanged) : "")) } : null,
    { title: "Not accepted", number: true, named: true, cell: ofReport(({ rows }) => count(notAcceptedIn(rows))) },
    { title: "Main reason", detail: true, cell: ofReport(({ refusals }) => reason(refusals[0])) },
    { title: "Rows/s", number: true, wide: true, cell: ofReport((manifest) => decimal(manifest.rows_per_second)) },
  ];
  return table("Imports, newest first", all.filter(Boolean), found);
}

const link = (instance) => html("a", { href: pageOf(placeOf(instance)) }, moment(instance.run_after));

const reason = (refusal) => (refusal ? [html("code", null, String(refusal.code)), ` ${refusal.meaning}`] : "");
