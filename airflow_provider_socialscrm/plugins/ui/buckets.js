// The buckets of a manifest's rows, with their meanings.

const MEANINGS = {
  accepted: "The CRM accepted them.",
  sendable: "An import would send them.",
  unchanged: "The CRM accepted them as they are in an earlier import, so they are not sent.",
  known_bad: "The CRM rejected them as they are in an earlier import, so they are not sent. Fix them, or allow them with max_rejected.",
  rejected: "The CRM rejected exactly these rows.",
  invalid: "They cannot be sent. The import found this before any call.",
  duplicate: "Another row of the input has the same number and is sent instead.",
  blank: "They have no value in any column.",
  unknown: "The CRM may have accepted them. If the run stopped early, the next try sends those without a welcome again.",
  not_sent: "The run stopped before they were sent, or each of their calls was refused for certain.",
};

const OF_A_LEDGER = ["unchanged", "known_bad"];

/** The order of the bars and tables: what is good, what is left alone, what a person has to look at, the rest. */
const ORDER = ["accepted", "sendable", "unchanged", "known_bad", "rejected", "invalid", "unknown", "duplicate", "not_sent", "blank"];

/** List the buckets, those of a ledger only where there is one; a bucket that this page does not know has its name only. */
export const bucketsOf = (rows, hasLedger = true) =>
  Object.entries(rows)
    .filter(([name, number]) => name !== "total" && (hasLedger || number || !OF_A_LEDGER.includes(name)))
    .map(([name, number]) => ({ name, number, label: labelOf(name), meaning: MEANINGS[name] ?? "", kind: number ? undefined : "zero" }))
    .sort((one, other) => placeOf(one) - placeOf(other));

/** Sort names of buckets as the bars and tables have them. */
export const sorted = (names) => [...names].map((name) => ({ name })).sort((one, other) => placeOf(one) - placeOf(other)).map(({ name }) => name);

const placeOf = ({ name }) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);

export const labelOf = (name) => name.replaceAll("_", " ");

/** Return the CSS class that gives a bucket its colour. */
export const colourOf = (name) => `bucket ${name in MEANINGS ? name : "other"}`;

/** Count the rows that are as they should be in the CRM: accepted now, or before and unchanged. */
export const goodIn = (rows) => sentIn(rows) + unchangedIn(rows);

/** Count the accepted rows; in a dry run, the sendable ones. */
export const sentIn = (rows) => rows.accepted ?? rows.sendable ?? 0;

export const unchangedIn = (rows) => rows.unchanged ?? 0;

/** Count the rows that have a value; a blank row is not a customer. */
export const totalIn = (rows) => rows.total - (rows.blank ?? 0);

/** Count the rows that have a value and that the CRM has not accepted, now or before. */
export const notAcceptedIn = (rows) => totalIn(rows) - goodIn(rows);

/** Count the rows that a person has to look at. */
export const refusedIn = ({ rejected = 0, invalid = 0, unknown = 0, known_bad: bad = 0 }) => rejected + invalid + unknown + bad;

/** Return whether a reason says that the run stopped, not why. */
export const isStop = ({ code }) => code === "stopped";

/**
 * Sort what a stop left behind to the end: it is the largest group and the least of a reason. If the run stopped, what was
 * wrong with the call that stopped it comes first.
 */
export const causesFirst = (refusals, hasStopped = false) =>
  [...refusals].sort((one, other) => lateness(one, hasStopped) - lateness(other, hasStopped));

function lateness(refusal, hasStopped) {
  if (isStop(refusal)) return 2;
  if (refusal.bucket !== "not_sent") return 0;
  return hasStopped ? -1 : 1;
}

/** Divide a length by numbers. A part above 0 gets at least `least`, so that three rows of a million are visible. */
export function lengths(numbers, length, least) {
  const total = numbers.reduce((sum, number) => sum + number, 0);
  const raised = numbers.map((number) => (number ? Math.max(least, (length * number) / total) : 0));
  const excess = raised.reduce((sum, part) => sum + part, 0) - (total ? length : 0);
  const largest = raised.indexOf(Math.max(...raised)); // gives up the excess of the others
  return raised.map((part, index) => (index === largest ? Math.max(least, part - excess) : part));
}
