// The buckets of a manifest's rows, with what they mean.

const MEANINGS = {
  accepted: "The CRM took them.",
  sendable: "An import would send them.",
  rejected: "The CRM refused these very rows.",
  invalid: "They cannot be sent; found before any call.",
  duplicate: "Superseded by another row of the same input.",
  blank: "They have no value in any column.",
  unknown: "Sent, but the answer was lost, and sending again could do harm.",
  not_sent: "The run stopped before them.",
};

/** The buckets of some rows, in the manifest's order; a bucket this page does not know yet is shown by its name. */
export const bucketsOf = (rows) =>
  Object.entries(rows)
    .filter(([name]) => name !== "total")
    .map(([name, number]) => ({ name, number, label: labelOf(name), meaning: MEANINGS[name] ?? "" }));

export const labelOf = (name) => name.replaceAll("_", " ");

/** The class that gives a bucket its colour. */
export const colourOf = (name) => `bucket ${name in MEANINGS ? name : "other"}`;

/** Rows that went in; those of a dry run would. */
export const goodIn = (rows) => rows.accepted ?? rows.sendable ?? 0;

/** Rows that have any value; a blank one is nobody's. */
export const totalIn = (rows) => rows.total - (rows.blank ?? 0);

export const refusedIn = (rows) => totalIn(rows) - goodIn(rows);

/** Shares of a length, each at least `least` where there is anything, so that three rows of a million are seen too. */
export function lengths(numbers, length, least) {
  const total = numbers.reduce((sum, number) => sum + number, 0);
  const raised = numbers.map((number) => (number ? Math.max(least, (length * number) / total) : 0));
  const excess = raised.reduce((sum, part) => sum + part, 0) - (total ? length : 0);
  const largest = raised.indexOf(Math.max(...raised)); // gives up what the others got on top
  return raised.map((part, index) => (index === largest ? Math.max(least, part - excess) : part));
}
