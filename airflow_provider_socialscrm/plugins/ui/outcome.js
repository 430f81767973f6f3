// What a person needs first: how the task ended, in its own last sentence, and what to do next; or how far it is.

import { html } from "./dom.js";
import { count, rowsOf, share, span } from "./format.js";
import { airflowLink } from "./links.js";
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
    html("p", null, nextStep(instance, manifest), " ", airflowLink(place, "Open the task and its log"), "."),
  );
}

/** Say that the run did not come to its end; manifests of older versions do not know. */
function brokeOff(manifest) {
  const broke = manifest?.broke_off;
  if (!broke) return null;
  const stage = STAGES[broke.while] ?? broke.while;
  return html("p", null, "The import broke off while ", stage, " (", html("code", null, broke.error), ").");
}

const FIX_FIRST = {
  SettingError: "Fix the connection under Admin > Connections first.",
  RejectedRowsError: "Fix the rows below first, or raise max_rejected.",
  InputError: "Fix the input or the task's arguments first.",
  LedgerError: "Fix the ledger first.",
  CheckpointError: "Fix the storage of the checkpoint or the dead letter first.",
  ExtensionFieldsError: "Fix the extension fields first, in the CRM or in the task's arguments.",
};

function nextStep({ state }, manifest) {
  if (state === "up_for_retry") return "Airflow runs the task again; with a checkpoint only the rows that are left are sent.";
  const error = manifest?.broke_off?.error ?? (manifest ? "RejectedRowsError" : null); // that one ends a run that is complete
  const first = FIX_FIRST[error];
  if (state !== "failed") return first ?? "";
  const again = manifest?.changes
    ? "the task to run it again: the ledger leaves out what the CRM accepted."
    : "the task to run it again: that sends every row again, also those with a welcome.";
  return first ? `${first} Then clear ${again}` : `Clear ${again}`;
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
