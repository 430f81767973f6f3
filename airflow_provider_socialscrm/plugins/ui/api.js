// Airflow's REST API, with the session and so the rights of whoever looks.

const ROOT = new URL("../api/v2/", document.baseURI);

/** What `operator` a task instance of ours has; Airflow keeps the name of its class. */
export const OPERATORS = ["SocialSCRMImportOperator", "SocialSCRMDecoratedOperator"];

/** What went wrong, in a sentence for a person. */
export class Trouble extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const SENTENCES = {
  401: "You are not logged in to Airflow any more. Log in, then load this page again.",
  403: "Your Airflow user may not read this. A report is an XCom of its task: ask for the right to read XComs of this DAG.",
  404: "Airflow knows no such DAG, run or task. It may have been deleted since.",
};

async function get(parts, query = {}) {
  const address = new URL(parts.map(encodeURIComponent).join("/"), ROOT);
  address.search = new URLSearchParams(Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, one])));
  const answer = await fetch(address, { headers: { Accept: "application/json" } }).catch(() => {
    throw new Trouble(0, "Airflow does not answer. Is its api-server running?");
  });
  if (answer.ok) return answer.json();
  throw new Trouble(answer.status, SENTENCES[answer.status] ?? `Airflow answers with HTTP ${answer.status}.`);
}

const taskPath = ({ dagId, runId, taskId }) => ["dags", dagId, "dagRuns", runId, "taskInstances", taskId];

/** One task instance, as the API describes it. */
export function taskInstance(place) {
  return get(place.mapIndex < 0 ? taskPath(place) : [...taskPath(place), place.mapIndex]);
}

/** The latest imports of a DAG, or of all, newest first: task instances, each with its manifest or null. */
export async function imports(dagId, limit) {
  const query = { operator: OPERATORS, order_by: "-run_after", limit };
  const found = await get(["dags", dagId ?? "~", "dagRuns", "~", "taskInstances"], query);
  const ours = found.task_instances.filter((instance) => OPERATORS.includes(instance.operator));
  // The API has no list of XComs with their values, so each is asked for; a browser does so a few at a time.
  const manifests = await Promise.all(ours.map((instance) => manifest(placeOf(instance))));
  return ours.map((instance, index) => ({ instance, manifest: manifests[index] }));
}

/** What a task instance returned, if it is the manifest of an import; null if there is nothing. */
export async function manifest(place) {
  try {
    const xcom = await get([...taskPath(place), "xcomEntries", "return_value"], { map_index: place.mapIndex });
    return asManifest(xcom.value);
  } catch (trouble) {
    if (trouble.status === 404) return null;
    throw trouble;
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
