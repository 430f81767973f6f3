// The list of imports of a DAG, or of all DAGs.

import { imports, placeOf } from "./api.js";
import { bucketsOf, colourOf, notAcceptedIn, sentIn, sorted, unchangedIn } from "./buckets.js";
import { columns } from "./charts.js";
import { breakable, html, section, table } from "./dom.js";
import { count, counted, decimal, moment, rowsOf, zone } from "./format.js";
import { grouped } from "./groups.js";
import { nameOf, pageOf } from "./links.js";
import { brokeOffText, causesOf, progressText, stopText } from "./outcome.js";
import { badge, isUnderWay, reasonFor, STATES } from "./states.js";

const PAGE = 30;

// What is chosen in the filters, and how many imports; the page is loaded once and then refreshes.
const chosen = { dag: "", state: "", limit: PAGE };
const names = new Map();

/** Return the nodes for a DAG, or for all DAGs if dagId is null, and whether they will change. */
export async function history(dagId) {
  const found = await imports(dagId ?? (chosen.dag || null), chosen.limit, chosen.state);
  for (const { instance } of found) names.set(instance.dag_id, instance.dag_display_name);
  if (!found.length && !chosen.dag && !chosen.state) return { nodes: [html("p", null, nothing(dagId))] };
  const title = dagId ? `Imports of ${names.get(dagId) ?? dagId}` : "Imports into SocialsCRM";
  const groups = grouped(found);
  const nodes = [
    html("header", null, html("h1", null, title), html("p", { class: "soft" }, summary(groups, found))),
    filters(dagId),
    dagId && found.length ? section("Rows of each import", columns(groups.toReversed()), legend(groups)) : null,
    found.length ? section(dagId ? "Each import" : "Latest imports", list(groups, dagId)) : html("p", null, NONE_CHOSEN),
    groups.length === chosen.limit ? more() : null,
  ];
  return { nodes: nodes.filter(Boolean), changes: found.some(({ instance }) => isUnderWay(instance)) };
}

const NONE_CHOSEN = "No import matches these filters.";

function filters(dagId) {
  const dags = [...names].map(([value, text]) => ({ value, text }));
  const states = STATES.map((value) => ({ value, text: value.replaceAll("_", " ") }));
  return html(
    "form", { class: "filters" },
    dagId ? null : choice("dag", "DAG", [{ value: "", text: "all DAGs" }, ...dags]),
    choice("state", "State", [{ value: "", text: "all states" }, ...states]),
  );
}

function choice(name, label, options) {
  const select = html("select", { name }, options.map(({ value, text }) => html("option", { value }, text)));
  select.value = chosen[name];
  select.addEventListener("change", () => {
    chosen[name] = select.value;
    document.dispatchEvent(new Event("filter"));
  });
  return html("label", null, `${label} `, select);
}

/** Build the button that adds older imports, and their DAGs to the filter. */
function more() {
  const button = html("button", { type: "button", name: "more" }, `Show ${PAGE} older imports`);
  button.addEventListener("click", () => {
    chosen.limit += PAGE;
    button.textContent = "Loading ...";
    document.dispatchEvent(new Event("filter"));
  });
  return html("p", { class: "actions" }, button);
}

const nothing = (dagId) =>
  dagId
    ? "No task of this DAG has imported into SocialsCRM."
    : "Nothing has been imported into SocialsCRM yet. Imports appear here once a task has run one.";

function summary(groups, found) {
  const reports = found.filter(({ manifest }) => manifest && !manifest.dry_run).map(({ manifest }) => manifest.rows);
  const sum = (number) => reports.reduce((total, rows) => total + number(rows), 0);
  const what = groups.length === chosen.limit ? `The latest ${count(chosen.limit)} imports` : counted(groups.length, "import");
  const unchanged = sum(unchangedIn) ? `${count(sum(unchangedIn))} unchanged, ` : "";
  const bad = `${count(sum(notAcceptedIn))} not${unchanged ? " accepted" : ""}`;
  return `${what}: ${rowsOf(sum(sentIn))} accepted, ${unchanged}${bad}.`;
}

function legend(found) {
  const names = new Set(found.flatMap(({ manifest }) => (manifest ? shown(manifest.rows) : [])));
  const one = (name) => html("li", null, html("i", { class: colourOf(name) }), name.replaceAll("_", " "));
  const [last, first] = [found[0], found.at(-1)].map(({ instance }) => moment(instance.run_after).slice(0, 10));
  const span = html("li", null, first === last ? first : `${first} to ${last}`);
  return html("ul", { class: "legend", "aria-hidden": "true" }, sorted(names).map(one), span);
}

const shown = (rows) => bucketsOf(rows).filter(({ number }) => number).map(({ name }) => name);

function list(groups, dagId) {
  const hasLedger = groups.some(({ manifest }) => manifest?.changes);
  const ofReport = (read) => ({ manifest }) => (manifest ? (read(manifest) ?? "") : "");
  const all = [
    { title: `Run after (${zone})`, heading: true, cell: when },
    dagId ? null : { title: "DAG", name: true, cell: dag },
    { title: "Task", name: true, cell: task },
    { title: "State", second: true, cell: ({ instance }) => badge(instance) },
    { title: "Rows", number: true, wide: true, second: true, cell: ofReport(({ rows }) => count(rows.total)) },
    { title: "Accepted", number: true, named: true, second: true, cell: ofReport(({ rows }) => count(rows.accepted)) },
    hasLedger
      ? { title: "Unchanged", number: true, named: true, second: true, cell: ofReport(({ rows, changes }) => (changes ? count(rows.unchanged) : "")) }
      : null,
    { title: "Not accepted", number: true, named: true, second: true, cell: ofReport(({ rows }) => count(notAcceptedIn(rows))) },
    { title: "Main reason", detail: true, second: true, cell: reason },
    { title: "Rows/s", number: true, wide: true, spare: true, cell: ofReport((manifest) => decimal(manifest.rows_per_second)) },
  ];
  return table("Imports, newest first", all.filter(Boolean), groups.flatMap(lines));
}

const lines = (group) => [group, ...(group.parts ?? []).map((part) => ({ ...part, kind: "part" }))];

const when = ({ instance, parts }) => {
  const text = moment(instance.run_after);
  return parts ? text : html("a", { href: pageOf(placeOf(instance)) }, text);
};

const dag = ({ instance, kind }) =>
  kind === "part" ? "" : html("a", { href: pageOf({ dagId: instance.dag_id }) }, breakable(instance.dag_display_name));

const task = ({ instance, manifest, parts }) => [
  breakable(nameOf(instance)),
  parts ? `, ${counted(parts.length, "part")}` : null,
  manifest?.dry_run ? " (dry run)" : null,
];

/** Say why an import failed, how far one is that runs, or why most of the rows were not accepted that were not. */
export function reason({ manifest, progress, sentence, instance }) {
  if (progress) return progressText(progress);
  if (sentence) return sentence;
  if (stopText(manifest)) return stopText(manifest);
  if (manifest?.broke_off && !isUnderWay(instance)) return brokeOffText(manifest.broke_off); // what stopped it, not what it had found before
  const [refusal] = manifest ? causesOf(manifest) : [];
  if (refusal) return [html("code", null, String(refusal.code)), ` ${refusal.meaning}`];
  return !manifest && !isUnderWay(instance) && instance.state !== "success" ? reasonFor(instance) : "";
}
