// Shows what the page's address asks for: a report, the imports of a DAG, or those of all.

import { Trouble } from "./api.js";
import { html } from "./dom.js";
import { history } from "./history.js";
import { wanted } from "./links.js";
import { report } from "./report.js";

const REFRESH_MILLISECONDS = 5000;

const main = document.querySelector("main");
const asked = wanted(location.search);

async function show() {
  const { nodes, changes } = await (asked.taskId ? report(asked) : history(asked.dagId)).catch(trouble);
  const next = html("div", null, nodes);
  // A refresh that brings nothing new leaves alone what somebody reads or has focused.
  if (next.textContent !== main.textContent) main.replaceChildren(...next.childNodes);
  main.setAttribute("aria-busy", "false");
  if (changes) setTimeout(show, REFRESH_MILLISECONDS);
}

function trouble(problem) {
  if (!(problem instanceof Trouble)) console.error(problem);
  const text = problem instanceof Trouble ? problem.message : "This page failed; the browser's console says where.";
  return { nodes: [html("p", { role: "alert", class: "trouble" }, text)] };
}

show();
