// What a person needs first: how the task ended, in its own last sentence, and what to do next; or how far it is.

import { causesFirst, isStop } from "./buckets.js";
import { copyable, html } from "./dom.js";
import { count, decimal, rowsOf, share, span } from "./format.js";
import { airflowLink, connectionLink } from "./links.js";
import { isUnderWay } from "./states.js";

const STAGES = {
  reading: "reading the input, before the first call",
  comparing: "comparing the input with the ledger, before the first call",
  preparing: "preparing the rows, before the first call of this try",
  sending: "sending rows",
  finishing: "saving the results, after the last call",
};

/** Build the box about a task that did not succeed; null for one that did. */
export function outcome(instance, manifest, sentence, place, isStored = true) {
  const { state } = instance;
  if (state !== "failed" && state !== "up_for_retry" && !manifest?.broke_off) return null;
  const said = sentence ?? stopText(manifest);
  return html(
    "div", { class: "error" },
    said ? html("p", { class: "sentence" }, said) : null,
    brokeOff(manifest),
    html("p", null, nextStep(instance, manifest, sentence)),
    isOfConnection(manifest, sentence) && !isStored ? html("p", null, whereDefined(connectionOf(instance))) : null,
    isForRows(manifest) && rejectsOf(manifest) ? rejects(manifest) : null,
    html(
      "p", { class: "actions" },
      isOfConnection(manifest, sentence) && isStored ? connectionButton(connectionOf(instance)) : null,
      airflowLink(place, state === "failed" ? `${OPEN}, to clear it` : OPEN, "button"),
    ),
  );
}

const OPEN = "Open the task and its log";

/** The errors that a field of the connection may cause. */
const OF_THE_CONNECTION = ["SettingError", "ServiceError"];

/** Return whether a field of the connection may be why the task failed. */
export const isOfConnection = (manifest, sentence) => OF_THE_CONNECTION.includes(causeOf(manifest, sentence));

export const connectionOf = ({ rendered_fields: fields }) => fields?.socialscrm_conn_id;

const connectionButton = (id) => connectionLink(id, `Open the connection${id ? ` ${id}` : ""}`, "button");

/** Say where a connection is that Airflow's list does not have. */
const whereDefined = (id) =>
  `Airflow's list of connections does not have ${id}: change it where it is defined, in the variable AIRFLOW_CONN_${id.toUpperCase()} or in a secrets backend.`;

/** Return the path of the rejected rows if there are some and the run wrote the file; manifests of older versions do not say. */
export const rejectsOf = (manifest) =>
  manifest.refusals.length && (manifest.rejects_written ?? cameToRows(manifest)) ? manifest.rejects_path : null;

const cameToRows = ({ broke_off: broke }) => !["reading", "comparing"].includes(broke?.while);

/** Return whether rows that the file has are why the task failed. */
export const isForRows = (manifest) => manifest && (manifest.broke_off?.error ?? "RejectedRowsError") === "RejectedRowsError";

/** Return the groups of rows that were not accepted, those first that say why the run ended as it did. */
export const causesOf = (manifest) => causesFirst(manifest.refusals, !isForRows(manifest));

/** Say what was wrong with the call that stopped a run; null if none did. */
export function stopText(manifest) {
  if (!manifest?.broke_off || isForRows(manifest)) return null;
  const [cause] = causesOf(manifest).filter((refusal) => refusal.bucket === "not_sent" && !isStop(refusal));
  return cause ? `${cause.code}: ${cause.meaning} ${cause.hint}` : null;
}

/** Build where the rejected rows are, and how they are imported again. */
export function rejects(manifest) {
  const path = rejectsOf(manifest);
  const [own, doubts] = [hasIn(manifest, OWN_FAULTS), hasIn(manifest, ["unknown"])];
  if (!own && !doubts) {
    return [html("p", { class: "soft" }, "This file has the rows that were not sent. There is nothing to fix in them."), copyable(path, "the path")];
  }
  const use = "This file has the rows that were not accepted, each with its reason. Fix them in it, check it with the task's columns and other arguments as options, and use the file as data.";
  return [
    own ? html("p", { class: "soft" }, use) : null,
    doubts ? html("p", null, IF_UNKNOWN) : null,
    copyable(path, "the path"),
    copyable(`python -m airflow_provider_socialscrm check ${inShell(path)}`, "the command that checks it"),
  ].filter(Boolean);
}

/** The buckets of rows that are not accepted for their own sake. */
const OWN_FAULTS = ["rejected", "invalid", "known_bad"];

const hasIn = ({ refusals }, buckets) => refusals.some(({ bucket }) => buckets.includes(bucket));

const IF_UNKNOWN =
  "Its unknown rows may have been accepted. Do not import those with a welcome before you have looked the customers up in the CRM, or import them without a value of welcome.";

const inShell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

// Without a manifest the sentence says what is wrong: the connection was read before anything else.
function causeOf(manifest, sentence) {
  if (manifest || !sentence) return manifest?.broke_off?.error ?? null;
  return /^(Connection|The conn_id) /.test(sentence) ? "SettingError" : "InputError";
}

/** Say that the run did not come to its end; manifests of older versions do not know. */
function brokeOff(manifest) {
  const broke = manifest?.broke_off;
  if (!broke) return null;
  return html("p", null, "The import broke off while ", stageOf(broke), " (", html("code", null, broke.error), ").");
}

const stageOf = (broke) => STAGES[broke.while] ?? broke.while;

/** Say in a few words what ended a run early. */
export const brokeOffText = (broke) => `broke off while ${stageOf(broke)} (${broke.error})`;

const FIX_FIRST = {
  SettingError: "Fix the connection first.",
  ServiceError: "Wait until the CRM is available. If it is, check the connection's Base URL and the worker's network.",
  InputError: "Fix the input or the task's arguments first.",
  LedgerError: "Fix the ledger first.",
  UnusableLedgerError: "Fix the ledger first.",
  CheckpointError: "Fix the storage of the checkpoint or the dead letter first.",
  ExtensionFieldsError: "Fix the extension fields first, in the CRM or in the task's arguments.",
};

/** Say what to do about the rows for which a complete run failed. */
function fixRows(manifest) {
  const lookUp = hasIn(manifest, ["unknown"]) ? "Look up the customers of the unknown rows in the CRM first: they may have got their welcome." : null;
  const fix = !lookUp || hasIn(manifest, OWN_FAULTS) ? "Fix the rows below first, or raise max_rejected." : null;
  return [lookUp, fix].filter(Boolean).join(" ");
}

/** Only a log without an error, or none, leaves this open. */
const IF_KILLED =
  "Read in its log why it ended, and how many rows were sent by then: without a ledger a run from the start sends them again.";

function nextStep({ state }, manifest, sentence) {
  if (state === "up_for_retry") return "Airflow runs the task again; with a checkpoint only the rows that are left are sent.";
  const error = causeOf(manifest, sentence) ?? (manifest ? "RejectedRowsError" : null); // that one ends a run that is complete
  const first = error === "RejectedRowsError" ? fixRows(manifest) : FIX_FIRST[error];
  if (state !== "failed") return first ?? "";
  if (!manifest) return `${first ?? IF_KILLED} Then clear the task to run it again.`;
  const left = hasIn(manifest, OWN_FAULTS) ? "fixed rows" : "rows that are left";
  const file = rejectsOf(manifest);
  if (welcomesAgain(manifest)) {
    const rows = file ? `import the ${left} from the file below` : `import only the ${left}`;
    return `${first ? `${first} ` : ""}Do not clear the task, which would send each welcome again: ${rows}.`;
  }
  const again = `the task to run it again${mayRepeat(manifest)}`;
  const instead = isForRows(manifest) && file ? ` To send only the ${left}, do not clear it: import the file below.` : "";
  return first ? `${first} Then clear ${again}${instead}` : `Clear ${again}${instead}`;
}

/** Return whether a run from the start sends welcomes that somebody has, or may have. */
const welcomesAgain = ({ rows, changes, has_welcome: hasWelcome = true }) => !changes && hasWelcome && Boolean(rows.accepted || rows.unknown);

/** Say what a run from the start sends again, if an earlier call had a row accepted or may have. */
function mayRepeat({ rows, changes }) {
  if (changes) return ": the ledger leaves out what the CRM accepted.";
  return rows.accepted || rows.unknown ? ": that sends every row again." : ".";
}

/** Build the progress of a task that is under way, from its state in Airflow. */
export function progress(instance, numbers, place) {
  if (!isUnderWay(instance)) return null;
  return html("div", { class: "progress" }, howFar(instance, numbers), html("p", { class: "actions" }, airflowLink(place, OPEN, "button")));
}

function howFar(instance, numbers) {
  if (!numbers) return html("p", null, waiting(instance));
  if (numbers.rows === undefined) return html("p", null, `Read ${rowsOf(numbers.rows_read)} so far; nothing is sent yet.`);
  const { rows, total } = numbers;
  return [
    html("progress", { value: rows, max: Math.max(1, total), "aria-label": `${share(rows, total)} of the rows` }),
    html("p", null, `${progressText(numbers)}.`),
  ];
}

/** Say in a few words how far an import is. */
export function progressText(numbers) {
  if (numbers.rows === undefined) return `${rowsOf(numbers.rows_read)} read so far`;
  const { rows, total, refused, rows_per_second: rate, seconds_left: left } = numbers;
  return [
    `${count(rows)} of ${rowsOf(total)} (${share(rows, total)})`,
    numbers.waiting >= 0 ? waitText(numbers) : rate || left < 0 ? `${count(rate)} a second` : "less than 1 a second",
    left >= 0 ? `${span(left)} left` : null,
    `${count(refused)} refused so far`,
  ].filter(Boolean).join(", ");
}

/** Say how long no call has succeeded; the worker says the same in its log. */
function waitText({ waiting: since, next_call_in: next, given_up_after: limit }) {
  const call = next ? ` the next call in ${span(next)};` : "";
  return `waiting for SocialsCRM for ${span(since)};${call} gives up after ${limit < 60 ? `${limit} s` : `${decimal(limit / 60)} min`}`;
}

const waiting = ({ state }) =>
  state === "running"
    ? "The import has not finished. Its log shows the progress; the report appears when it ends."
    : "The import has not started. Its report appears when it ends.";
