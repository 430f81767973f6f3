// Shows a report, the imports of a DAG, or those of all DAGs, as the page's query says.

import { ApiError } from "./api.js";
import { html } from "./dom.js";
import { history } from "./history.js";
import { wanted } from "./links.js";
import { report } from "./report.js";

const REFRESH_MILLISECONDS = 5000;

const main = document.querySelector("main");
const asked = wanted(location.search);

async function show() {
  const { nodes, changes } = await (asked.taskId ? report(asked) : history(asked.dagId)).catch(failure);
  const next = html("div", null, nodes);
  // Replace nothing if nothing is new, so that selection and focus stay.
  if (next.textContent !== main.textContent) main.replaceChildren(...next.childNodes);
  main.setAttribute("aria-busy", "false");
  if (changes) setTimeout(show, REFRESH_MILLISECONDS);
}

function failure(error) {
  if (!(error instanceof ApiError)) console.error(error);
  const text = error instanceof ApiError ? error.message : "This page failed; see the browser's console.";
  return { nodes: [html("p", { role: "alert", class: "error" }, text)] };
}

show();
