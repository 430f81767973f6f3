// What a person needs first: how the task ended, in its own last sentence, and what to do next; or how far it is.

import { copyable, html } from "./dom.js";
import { count, rowsOf, share, span } from "./format.js";
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
export function outcome(instance, manifest, sentence, place) {
  const { state } = instance;
  if (state !== "failed" && state !== "up_for_retry" && !manifest?.broke_off) return null;
  return html(
    "div", { class: "error" },
    sentence ? html("p", { class: "sentence" }, sentence) : null,
    brokeOff(manifest),
    html("p", null, nextStep(instance, manifest, sentence)),
    isForRows(manifest) && rejectsOf(manifest) ? rejects(manifest.rejects_path) : null,
    html(
      "p", { class: "actions" },
      causeOf(manifest, sentence) === "SettingError" ? connectionButton(instance) : null,
      airflowLink(place, state === "failed" ? "Open the task and its log, to clear it" : "Open the task and its log", "button"),
    ),
  );
}

const connectionButton = ({ rendered_fields: fields }) =>
  connectionLink(fields?.socialscrm_conn_id, `Open the connection${fields?.socialscrm_conn_id ? ` ${fields.socialscrm_conn_id}` : ""}`, "button");

/** Return the path of the rejected rows if there are some and the run wrote the file; manifests of older versions do not say. */
export const rejectsOf = (manifest) =>
  manifest.refusals.length && (manifest.rejects_written ?? cameToRows(manifest)) ? manifest.rejects_path : null;

const cameToRows = ({ broke_off: broke }) => !["reading", "comparing"].includes(broke?.while);

/** Return whether rows that the file has are why the task failed. */
export const isForRows = (manifest) => manifest && (manifest.broke_off?.error ?? "RejectedRowsError") === "RejectedRowsError";

/** Build where the rejected rows are, and how they are imported again. */
export function rejects(path) {
  const use = "This file has the rows that were not accepted, each with its reason. Fix them in it, check it, and use the file as data.";
  return [
    html("p", { class: "soft" }, use),
    copyable(path, "the path"),
    copyable(`python -m airflow_provider_socialscrm check ${inShell(path)}`, "the command that checks it"),
  ];
}

const inShell = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

// Without a manifest the sentence says what is wrong: the connection was read before anything else.
const causeOf = (manifest, sentence) => manifest?.broke_off?.error ?? (!manifest && /^Connection /.test(sentence ?? "") ? "SettingError" : null);

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
  SettingError: "Fix the connection under Admin > Connections first.",
  RejectedRowsError: "Fix the rows below first, or raise max_rejected.",
  InputError: "Fix the input or the task's arguments first.",
  LedgerError: "Fix the ledger first.",
  CheckpointError: "Fix the storage of the checkpoint or the dead letter first.",
  ExtensionFieldsError: "Fix the extension fields first, in the CRM or in the task's arguments.",
};

function nextStep({ state }, manifest, sentence) {
  if (state === "up_for_retry") return "Airflow runs the task again; with a checkpoint only the rows that are left are sent.";
  const error = causeOf(manifest, sentence) ?? (manifest ? "RejectedRowsError" : null); // that one ends a run that is complete
  const first = FIX_FIRST[error];
  if (state !== "failed") return first ?? "";
  if (!manifest) return first ? `${first} Then clear the task to run it again.` : "Clear the task to run it again.";
  const again = manifest.changes
    ? "the task to run it again: the ledger leaves out what the CRM accepted."
    : "the task to run it again: that sends every row again, also those with a welcome.";
  const instead = isForRows(manifest) && rejectsOf(manifest) ? " To send only the fixed rows, do not clear it: import the file below." : "";
  return first ? `${first} Then clear ${again}${instead}` : `Clear ${again}${instead}`;
}

/** Build the progress of a task that is under way, from its state in Airflow. */
export function progress(instance, numbers) {
  if (!isUnderWay(instance)) return null;
  if (!numbers) return html("p", null, waiting(instance));
  if (numbers.rows === undefined) return html("p", null, `Read ${rowsOf(numbers.rows_read)} so far; nothing is sent yet.`);
  const { rows, total } = numbers;
  return html(
    "div", { class: "progress" },
    html("progress", { value: rows, max: Math.max(1, total), "aria-label": `${share(rows, total)} of the rows` }),
    html("p", null, `${progressText(numbers)}.`),
  );
}

/** Say in a few words how far an import is. */
export function progressText(numbers) {
  if (numbers.rows === undefined) return `${rowsOf(numbers.rows_read)} read so far`;
  const { rows, total, refused, rows_per_second: rate, seconds_left: left } = numbers;
  return [
    `${count(rows)} of ${rowsOf(total)} (${share(rows, total)})`,
    `${count(rate)} a second`,
    left >= 0 ? `${span(left)} left` : null,
    `${count(refused)} refused so far`,
  ].filter(Boolean).join(", ");
}

const waiting = ({ state }) =>
  state === "running"
    ? "The import has not finished. Its log shows the progress; the report appears when it ends."
    : "The import has not started. Its report appears when it ends.";
