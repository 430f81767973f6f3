// Airflow's REST API, with the session and the permissions of the person who looks.

import { hasFailed, isUnderWay } from "./states.js";

const ROOT = new URL("../api/v2/", document.baseURI);

/** The `operator` of a task instance that imports; Airflow stores the name of the class. */
export const OPERATORS = ["SocialSCRMImportOperator", "SocialSCRMDecoratedOperator"];

/** A failed request, with a sentence for the user. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const SENTENCES = {
  401: "Your Airflow session has ended. Log in and reload this page.",
  403: "Your Airflow user may not read this. The report is an XCom of the task: ask for permission to read this DAG's XComs.",
  404: "This DAG, run or task does not exist in Airflow. It may have been deleted.",
};

async function get(parts, query = {}) {
  const address = new URL(parts.map(encodeURIComponent).join("/"), ROOT);
  address.search = new URLSearchParams(Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, one])));
  const response = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => {
    throw new ApiError(0, "Airflow does not respond. Is its api-server running?");
  });
  if (response.ok) return response.json();
  throw new ApiError(response.status, SENTENCES[response.status] ?? `Airflow returned HTTP ${response.status}.`);
}

const taskPath = ({ dagId, runId, taskId }) => ["dags", dagId, "dagRuns", runId, "taskInstances", taskId];

/** Fetch one task instance. */
export function taskInstance(place) {
  return get(place.mapIndex < 0 ? taskPath(place) : [...taskPath(place), place.mapIndex]);
}

/**
 * Fetch the latest imports of a DAG, or of all DAGs, newest first, perhaps of one state only: each task instance with its
 * manifest, its progress while it runs, and the sentence with which it failed. The mapped instances of a task in one run are
 * one of the `limit` imports, and all of them are there.
 */
export async function imports(dagId, limit, state) {
  const ours = await latest(dagId, limit, state);
  // The API does not list XComs with their values, so fetch each; the browser limits how many run at once.
  return Promise.all(ours.map((instance) => (isUnderWay(instance) ? withDetails(instance) : onceWithDetails(instance))));
}

async function latest(dagId, limit, state) {
  const query = { operator: OPERATORS, order_by: "-run_after", limit: PAGE, ...(state ? { state } : {}) };
  const fetched = [];
  let isAll = false;
  while (!isAll && fetched.length < MOST_INSTANCES && groupsOf(fetched).size <= limit) {
    const found = await get(["dags", dagId ?? "~", "dagRuns", "~", "taskInstances"], { ...query, offset: fetched.length });
    fetched.push(...found.task_instances);
    isAll = !found.task_instances.length || fetched.length >= found.total_entries;
  }
  const end = fetched.at(-1)?.run_after;
  const whole = isAll ? fetched : fetched.filter(({ run_after: at }) => at !== end); // of the oldest run parts may be missing
  const kept = new Set([...groupsOf(whole.length ? whole : fetched)].slice(0, limit));
  return fetched.filter((instance) => OPERATORS.includes(instance.operator) && kept.has(groupKey(instance)));
}

const groupsOf = (instances) => new Set(instances.filter(({ operator }) => OPERATORS.includes(operator)).map(groupKey));

/** Return what the mapped instances of a task in one run have in common. */
export const groupKey = (instance) => JSON.stringify([instance.dag_id, instance.dag_run_id, instance.task_id]);

const ended = new Map();

// The page fetches the list again while an import runs; what has ended does not change.
function onceWithDetails(instance) {
  const key = JSON.stringify([instance.id, instance.try_number, instance.state, instance.end_date]);
  if (!ended.has(key)) ended.set(key, withDetails(instance));
  return ended.get(key);
}

async function withDetails(instance) {
  const place = placeOf(instance);
  const [found, progress, sentence] = await Promise.all([
    instance.state === "running" ? null : manifest(place),
    instance.state === "running" ? progressOf(place) : null,
    hasFailed(instance) ? lastSentence(place, instance.try_number) : null,
  ]);
  return { instance, manifest: found, progress, sentence: sentenceOf(sentence, instance, found) };
}

/** Fetch the manifest that a task instance returned; null if there is none. */
export async function manifest(place) {
  try {
    const xcom = await get([...taskPath(place), "xcomEntries", "return_value"], { map_index: place.mapIndex });
    return asManifest(xcom.value);
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** Fetch the progress that a running import keeps in its task's state; null if there is none, as before Airflow 3.3. */
export async function progressOf(place) {
  const found = await perhaps(get([...taskPath(place), "state-store"], { map_index: place.mapIndex }));
  const value = found?.task_state_store?.find(({ key }) => key === PROGRESS)?.value;
  return typeof value === "string" ? parse(value) : (value ?? null);
}

/** Fetch the sentence with which a try failed, from its log; null if the log is gone or the user may not read it. */
export async function lastSentence(place, tryNumber) {
  const log = await perhaps(get([...taskPath(place), "logs", tryNumber], { map_index: place.mapIndex }));
  const lines = Array.isArray(log?.content) ? log.content : [];
  const errors = lines.findLast(({ error_detail: detail }) => detail?.length)?.error_detail;
  return errors?.[0].exc_value ?? null;
}

/** Return the sentence with which a try failed, from its log or from its manifest; null if neither has it. */
export const sentenceOf = (fromLog, instance, manifest) =>
  fromLog ?? (hasFailed(instance) ? (manifest?.broke_off?.sentence ?? null) : null);

/** Return whether Airflow's list has a connection: one of a variable or a secrets backend is not in it. */
export async function hasConnection(id) {
  if (!id) return true; // the link leads to the whole list
  return get(["connections", id]).then(() => true, ({ status }) => status !== 404);
}

/** Fetch the manifest of the import before this one, of the same task; null if there is none. */
export async function previous(place, runAfter) {
  const query = { operator: OPERATORS, run_after_lt: runAfter, map_index: place.mapIndex, order_by: "-run_after", limit: PREVIOUS };
  const found = await perhaps(get(["dags", place.dagId, "dagRuns", "~", "taskInstances"], query));
  for (const instance of found?.task_instances ?? []) {
    if (instance.task_id !== place.taskId || instance.map_index !== place.mapIndex || instance.state !== "success") continue;
    const its = await manifest(placeOf(instance));
    if (its && !its.dry_run) return { instance, manifest: its };
  }
  return null;
}

const PREVIOUS = 10;
const PAGE = 100; // Airflow's own maximum, unless it was changed
const MOST_INSTANCES = 1000;
const PROGRESS = "socialscrm_progress";

/** Return what was fetched, or null: the page shows the rest without it. */
const perhaps = (request) => request.catch((error) => (error instanceof ApiError ? null : Promise.reject(error)));

export const placeOf = (instance) => ({
  dagId: instance.dag_id,
  runId: instance.dag_run_id,
  taskId: instance.task_id,
  mapIndex: instance.map_index,
});

function asManifest(value) {
  const parsed = typeof value === "string" ? parse(value) : value;
  return Number.isInteger(parsed?.rows?.total) && Array.isArray(parsed.refusals) ? parsed : null;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
