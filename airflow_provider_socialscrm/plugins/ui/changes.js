// How an input differs from what earlier imports had accepted: the manifest's `changes`.

import { labelOf, sentIn, totalIn } from "./buckets.js";
import { copyable, facts, html, section, table } from "./dom.js";
import { count, rowsOf } from "./format.js";

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

/** Say in a few words what a run with a ledger did. */
export function headlineOfChanges({ rows, changes, dry_run: dry }) {
  const { unchanged = 0, known_bad: bad = 0 } = rows;
  if (changes.adopted !== undefined) return adoption(changes, dry);
  const left = [
    unchanged ? `${count(unchanged)} unchanged` : null,
    bad ? `${count(bad)} known bad` : null,
  ].filter(Boolean);
  const sent = sentIn(rows);
  const due = totalIn(rows) - unchanged - bad - (rows.duplicate ?? 0);
  if (!due) return `Nothing changed: ${bad ? left.join(", ") : `${rowsOf(unchanged)} unchanged`}`;
  if (sent === due) return [`${rowsOf(sent)} ${dry ? "would be sent" : "sent"}`, ...left].join(", ");
  return [`${count(sent)} of ${rowsOf(due)} ${dry ? "could be sent" : "accepted"}`, ...left].join(", ");
}

function adoption(changes, dry) {
  const due = ["new", "changed", "aged", "retried"].reduce((sum, name) => sum + (changes[name] ?? 0), 0);
  return dry ? `${rowsOf(due)} would be adopted without a call` : `${rowsOf(changes.adopted)} adopted without a call`;
}
