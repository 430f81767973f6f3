// The states of task instances: their badges, and a sentence for each where there is no report.

import { html } from "./dom.js";

const UNDER_WAY = new Set(["scheduled", "queued", "running", "restarting", "up_for_reschedule", "deferred"]);

export const isUnderWay = ({ state }) => state === null || UNDER_WAY.has(state);

export const badge = ({ state }) =>
  html("span", { class: `badge ${state ?? "none"}` }, (state ?? "no status").replaceAll("_", " "));

const SENTENCES = {
  success: "The task's return value is missing: it was deleted, not pushed (do_xcom_push=False), or is in an XCom backend.",
  failed: "The import failed before it could count any rows, or its worker was killed. The task's log says why.",
  up_for_retry: "This try failed before it could count any rows, or its worker was killed. Airflow retries the task; its log says why.",
  upstream_failed: "The import did not run, because an upstream task failed.",
  skipped: "The import was skipped.",
  removed: "The import was removed from its DAG.",
};

/** Return a sentence that explains why a task that has ended has no report. */
export const reasonFor = ({ state }) => SENTENCES[state] ?? "There is no report of this import.";

/** The states to choose from. */
export const STATES = ["success", "failed", "up_for_retry", "upstream_failed", "skipped", "running"];

/** Return whether a try failed, so that its log ends with why. */
export const hasFailed = ({ state }) => state === "failed" || state === "up_for_retry";
