// Builds elements. Text stays text: none of these files parses HTML.

const SVG = "http://www.w3.org/2000/svg";

export const html = (name, attributes, ...children) =>
  filled(document.createElement(name), attributes, children);

export const svg = (name, attributes, ...children) =>
  filled(document.createElementNS(SVG, name), attributes, children);

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Build a table with a caption for screen readers. A column is {title, cell, number, tight, name, heading, detail, wide, named,
 * spare, second}: a name may break anywhere. On a narrow page a detail gets a line of its own below its row, a spare and then a
 * wide column is left out, a named one has its title in the cell, and the second ones follow the others in a new line.
 */
export function table(caption, columns, rows) {
  const head = columns.map((column) => html("th", { scope: "col", role: "columnheader", class: side(column) }, column.title));
  const line = (row) => html("tr", { role: "row", class: row.kind }, columns.map((column) => cell(column, row)));
  return html(
    "div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    html(
      "table", { role: "table" }, // the roles stay where the style sheet makes lines of the cells
      html("caption", { class: "hidden" }, caption),
      html("thead", { role: "rowgroup" }, html("tr", { role: "row" }, head)),
      html("tbody", { role: "rowgroup" }, rows.map(line)),
    ),
  );
}

function cell(column, row) {
  const role = column.heading ? "rowheader" : "cell";
  const attributes = { class: side(column), role, scope: column.heading ? "row" : undefined, "data-title": column.named ? column.title : undefined };
  return html(column.heading ? "th" : "td", attributes, column.cell(row));
}

const side = (column) => ["number", "tight", "name", "detail", "wide", "spare", "second"].filter((name) => column[name]).join(" ") || undefined;

/** Build a text with a button that copies it; `what` names it in words, `lead` is what stands before it. */
export function copyable(value, what, lead) {
  const text = html("code", { tabindex: "0" }, value);
  const button = html("button", { type: "button" }, `Copy ${what}`);
  button.addEventListener("click", async () => {
    // Browsers offer the clipboard only over https; without it the text is selected for copying by hand.
    getSelection().selectAllChildren(text);
    const copied = await navigator.clipboard?.writeText(value).then(() => true, () => false);
    button.textContent = copied ? "Copied" : "Selected: press Ctrl+C";
  });
  return html("p", { class: "path" }, lead ? html("span", null, lead) : null, text, " ", button);
}

/** Return a name that breaks after its joints rather than in the middle of a word. */
export const breakable = (name) => name.split(/(?<=[_.-])/).map((part, index) => (index ? [html("wbr"), part] : part));

export const section = (title, ...children) => html("section", null, html("h2", null, title), children);

/** Build a list of names and values, without the pairs that have no value. */
export const facts = (pairs) =>
  html("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined).map(fact));

const fact = ([name, value]) => html("div", null, html("dt", null, name), html("dd", null, value));
