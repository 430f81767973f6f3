// Links to these pages and to Airflow's own.

import { html } from "./dom.js";

const NAMES = { dagId: "dag_id", runId: "run_id", taskId: "task_id", mapIndex: "map_index" };

/** Parse the page's query. Airflow leaves an unknown value as {MAP_INDEX}, and 3.1 does not escape +. */
export function wanted(search) {
  const query = new URLSearchParams(search.replaceAll("+", "%2B"));
  const read = (name) => (/^\{.*\}$/.test(query.get(name) ?? "{}") ? null : query.get(name));
  const index = Number.parseInt(read(NAMES.mapIndex) ?? "-1", 10);
  return {
    dagId: read(NAMES.dagId),
    runId: read(NAMES.runId),
    taskId: read(NAMES.taskId),
    mapIndex: Number.isNaN(index) ? -1 : index,
  };
}

export const pageOf = (place) =>
  `./?${new URLSearchParams(Object.entries(place).map(([name, value]) => [NAMES[name], value]))}`;

/** Return a task instance's name, with its map index if the task is mapped. */
export const nameOf = ({ task_display_name: name, map_index: index }) => (index < 0 ? name : `${name}\u00a0[${index}]`);

/** Build a link to a task instance in Airflow, where its log is and where it is cleared. */
export function airflowLink(place, text, name) {
  const parts = ["dags", place.dagId, "runs", place.runId, "tasks", place.taskId];
  if (place.mapIndex >= 0) parts.push("mapped", place.mapIndex);
  return leaving(parts.map(encodeURIComponent).join("/"), text, name);
}

/** Build a link to a connection in Airflow's list of them, where its form opens. */
export const connectionLink = (connId, text, name) =>
  leaving(`connections?${new URLSearchParams(connId ? { name_pattern: connId } : {})}`, text, name);

function leaving(path, text, name) {
  const link = html("a", { href: `../${path}`, class: name }, text);
  link.addEventListener("click", leaveFrame);
  return link;
}

// Airflow shows this page in a frame that may not navigate its parent, so click a link in the parent.
function leaveFrame(event) {
  if (parent === window) return;
  event.preventDefault();
  const own = parent.document.createElement("a");
  own.href = event.currentTarget.href;
  own.click();
}
