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

/** Build a table with a caption for screen readers; a column is {title, cell, number, tight, heading}. */
export function table(caption, columns, rows) {
  const head = columns.map((column) => html("th", { scope: "col", class: side(column) }, column.title));
  const line = (row) => html("tr", null, columns.map((column) => cell(column, row)));
  return html(
    "div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    html(
      "table", null,
      html("caption", { class: "hidden" }, caption),
      html("thead", null, html("tr", null, head)),
      html("tbody", null, rows.map(line)),
    ),
  );
}

function cell(column, row) {
  const attributes = { class: side(column), scope: column.heading ? "row" : undefined };
  return html(column.heading ? "th" : "td", attributes, column.cell(row));
}

const side = ({ number, tight }) => (number ? "number" : tight ? "tight" : undefined);

export const section = (title, ...children) => html("section", null, html("h2", null, title), children);

/** Build a list of names and values, without the pairs that have no value. */
export const facts = (pairs) =>
  html("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined).map(fact));

const fact = ([name, value]) => html("div", null, html("dt", null, name), html("dd", null, value));
