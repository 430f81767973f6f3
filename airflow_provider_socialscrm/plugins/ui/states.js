// The states of task instances: their look, and what they say where there is no report.

import { html } from "./dom.js";

const UNDER_WAY = new Set(["scheduled", "queued", "running", "restarting", "up_for_reschedule", "deferred"]);

export const isUnderWay = ({ state }) => state === null || UNDER_WAY.has(state);

export const badge = ({ state }) =>
  html("span", { class: `badge ${state ?? "none"}` }, (state ?? "no status").replaceAll("_", " "));

const SENTENCES = {
  success: "What the task returned is gone: it was deleted, or an XCom backend or do_xcom_push=False keeps it elsewhere.",
  failed: "The import failed before it had a table to account for. The task's log says why.",
  up_for_retry: "This try failed before it had a table to account for. Airflow tries again; the task's log says why.",
  upstream_failed: "The import did not run, because a task before it failed.",
  skipped: "The import was skipped.",
  removed: "The import was removed from its DAG.",
};

/** Why there is no report, in a sentence. */
export const reasonFor = (instance) =>
  isUnderWay(instance)
    ? "The import has not finished. Its log says how far it is; the report comes when it ends."
    : (SENTENCES[instance.state] ?? "There is no report of this import.");
