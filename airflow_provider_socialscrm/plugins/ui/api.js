// Airflow's REST API, with the session and the permissions of the person who looks.

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

/** Fetch the latest imports of a DAG, or of all DAGs, newest first: each task instance with its manifest or null. */
export async function imports(dagId, limit) {
  const query = { operator: OPERATORS, order_by: "-run_after", limit };
  const found = await get(["dags", dagId ?? "~", "dagRuns", "~", "taskInstances"], query);
  const ours = found.task_instances.filter((instance) => OPERATORS.includes(instance.operator));
  // The API does not list XComs with their values, so fetch each; the browser limits how many run at once.
  const manifests = await Promise.all(ours.map((instance) => manifest(placeOf(instance))));
  return ours.map((instance, index) => ({ instance, manifest: manifests[index] }));
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
