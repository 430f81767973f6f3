// Shows a report, the imports of a DAG, or those of all DAGs, as the page's query says.

import { ApiError } from "./api.js";
import { html } from "./dom.js";
import { history } from "./history.js";
import { wanted } from "./links.js";
import { report } from "./report.js";

const REFRESH_MILLISECONDS = 5000;

const main = document.querySelector("main");
const asked = wanted(location.search);

let latest = 0;

async function show() {
  const turn = ++latest;
  const { nodes, changes } = await (asked.taskId ? report(asked) : history(asked.dagId)).catch(failure);
  if (turn !== latest) return; // a filter was changed meanwhile
  const next = html("div", null, nodes);
  const chosen = document.activeElement?.name;
  // Replace nothing if nothing is new, so that selection and focus stay.
  if (next.textContent !== main.textContent) {
    main.replaceChildren(...next.childNodes);
    if (chosen) main.querySelector(`[name=${chosen}]`)?.focus();
  }
  main.setAttribute("aria-busy", "false");
  if (changes) setTimeout(() => turn === latest && show(), REFRESH_MILLISECONDS);
}

document.addEventListener("filter", show);

function failure(error) {
  if (!(error instanceof ApiError)) console.error(error);
  const text = error instanceof ApiError ? error.message : "This page failed; see the browser's console.";
  return { nodes: [html("p", { role: "alert", class: "error" }, text)] };
}

show();
