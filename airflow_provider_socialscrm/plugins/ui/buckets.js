// The buckets of a manifest's rows, with their meanings.

const MEANINGS = {
  accepted: "The CRM accepted them.",
  sendable: "An import would send them.",
  rejected: "The CRM rejected exactly these rows.",
  invalid: "They cannot be sent. The import found this before any call.",
  duplicate: "Another row of the input has the same number and is sent instead.",
  blank: "They have no value in any column.",
  unknown: "The CRM may have accepted them. The next try sends those without a welcome, if the run stopped before it could.",
  not_sent: "The run stopped before they were sent, or each of their calls was refused for certain.",
};

/** List the buckets in the manifest's order; a bucket that this page does not know has its name only. */
export const bucketsOf = (rows) =>
  Object.entries(rows)
    .filter(([name]) => name !== "total")
    .map(([name, number]) => ({ name, number, label: labelOf(name), meaning: MEANINGS[name] ?? "" }));

export const labelOf = (name) => name.replaceAll("_", " ");

/** Return the CSS class that gives a bucket its colour. */
export const colourOf = (name) => `bucket ${name in MEANINGS ? name : "other"}`;

/** Count the accepted rows; in a dry run, the sendable ones. */
export const goodIn = (rows) => rows.accepted ?? rows.sendable ?? 0;

/** Count the rows that have a value; a blank row is not a customer. */
export const totalIn = (rows) => rows.total - (rows.blank ?? 0);

/** Count the rows that have a value and were not accepted. */
export const notAcceptedIn = (rows) => totalIn(rows) - goodIn(rows);

/** Divide a length by numbers. A part above 0 gets at least `least`, so that three rows of a million are visible. */
export function lengths(numbers, length, least) {
  const total = numbers.reduce((sum, number) => sum + number, 0);
  const raised = numbers.map((number) => (number ? Math.max(least, (length * number) / total) : 0));
  const excess = raised.reduce((sum, part) => sum + part, 0) - (total ? length : 0);
  const largest = raised.indexOf(Math.max(...raised)); // gives up the excess of the others
  return raised.map((part, index) => (index === largest ? Math.max(least, part - excess) : part));
}
