// How an input differs from what earlier imports had accepted: the manifest's `changes`.

import { bucketsOf, labelOf, sentIn } from "./buckets.js";
import { copyable, facts, html, section, table } from "./dom.js";
import { count, counted, rowsOf } from "./format.js";

const MEANINGS = {
  new: "The ledger did not have their number.",
  changed: "They differ from what the CRM last answered to.",
  aged: "They did not change, and are sent again because of resend_after or resend.",
  retried: "They did not change. The CRM had rejected them, and they are sent again.",
  adopted: "They were taken for accepted without a call.",
  in_doubt:
    "A call with a field that is sent once was cut short. The CRM may have accepted that field, so it is not sent again. " +
    "Look these customers up in the CRM: the ledger has their numbers, where once_<field> is true and taken_<field> is false.",
  gone: "Numbers that the ledger has and the input has not. They stay in the CRM; gone_path writes them to a file.",
  newly_gone: "Those of them that the input of the run before still had.",
};

/** Build the section of what changed; a run without a ledger has none. */
export function changesSection({ changes, dry_run: dry, rows }) {
  if (!changes) return null;
  const counted = Object.keys(MEANINGS)
    .filter((name) => changes[name])
    .map((name) => ({ name, number: changes[name] }));
  return section(
    "Changes",
    counted.length ? counts(counted) : html("p", null, "No row differs from the ledger, and no number is gone."),
    html(
      "div", { class: "pair" },
      fields("Fields that changed", "Changed rows by field", changes.by_field),
      fields("Values that became empty: the CRM keeps the old ones", "Rows by field that became empty", changes.emptied),
      html(
        "div", null,
        html("h3", null, "The ledger"),
        facts([
          ["Numbers before the run", count(changes.ledger)],
          [dry ? "Generation" : "Generation after the run", count(changes.generation)],
        ]),
      ),
    ),
    dry && rows.sendable ? approval(changes.digest) : null,
  );
}

const counts = (counted) =>
  table("Changes", [
    { title: "Change", heading: true, cell: ({ name }) => labelOf(name) },
    { title: "Rows", number: true, named: true, cell: ({ number }) => count(number) },
    { title: "What it means", detail: true, cell: ({ name }) => MEANINGS[name] },
  ], counted);

function fields(title, caption, rows) {
  const found = Object.entries(rows ?? {});
  if (!found.length) return null;
  const columns = [
    { title: "Field", heading: true, cell: ([name]) => html("code", null, name) },
    { title: "Rows", number: true, cell: ([, number]) => count(number) },
  ];
  return html("div", null, html("h3", null, title), table(caption, columns, found));
}

/** Show how to send exactly the difference that a dry run found. */
function approval(digest) {
  const use =
    "To send exactly this and nothing else, give this digest to the import as expected_changes of its ledger. If the input " +
    "or the ledger has changed by then, it stops before its first call.";
  return [html("h3", null, "Digest"), html("p", { class: "soft" }, use), copyable(digest, "the digest")];
}

/** Say in a few words what a run with a ledger did: what was sent, then all rows that were not, so that the numbers add up. */
export function headlineOfChanges({ rows, changes, dry_run: dry }) {
  if (changes.adopted !== undefined) return adoption(changes, dry);
  const left = bucketsOf(rows).filter(({ name, number }) => number && !["accepted", "sendable", "blank"].includes(name));
  const names = new Set(left.map(({ name }) => name));
  const sent = sentIn(rows);
  const isAll = left.every(({ name }) => AS_THEY_ARE.includes(name));
  if (sent) return listed([{ number: sent, label: dry ? "would be sent" : isAll ? "sent" : "accepted" }, ...left]);
  if (isAll) return `Nothing changed: ${names.size ? listed(left) : "0 rows unchanged"}`;
  if (OF_THE_CRM.some((name) => names.has(name))) return listed([{ number: 0, label: "accepted" }, ...left]);
  return `Nothing to send: ${listed(left)}`;
}

const AS_THEY_ARE = ["unchanged", "known_bad", "duplicate"];
const OF_THE_CRM = ["rejected", "unknown", "not_sent"]; // rows that an import sends, or was going to

const listed = ([first, ...others]) =>
  [`${rowsOf(first.number)} ${first.label}`, ...others.map(({ name, number, label }) => (name === "duplicate" ? counted(number, label) : `${count(number)} ${label}`))].join(", ");

function adoption(changes, dry) {
  const due = ["new", "changed", "aged", "retried"].reduce((sum, name) => sum + (changes[name] ?? 0), 0);
  return dry ? `${rowsOf(due)} would be adopted without a call` : `${rowsOf(changes.adopted)} adopted without a call`;
}
