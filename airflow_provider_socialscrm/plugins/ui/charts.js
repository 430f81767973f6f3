// The two charts, as inline SVG. A table beside each has the same numbers.

import { bucketsOf, colourOf, lengths } from "./buckets.js";
import { html, svg } from "./dom.js";
import { count, moment, rowsOf } from "./format.js";

const WIDTH = 1000;
const HEIGHT = 160;
const GAP = 0.3;
const LEAST = { bar: 8, column: 4 };

/** Draw one import: a bar of its rows by bucket. */
export function bar(rows) {
  const buckets = filled(rows);
  const parts = lengths(buckets.map(({ number }) => number), WIDTH, LEAST.bar);
  const starts = runningSum(parts);
  const rectangles = buckets.map((bucket, index) =>
    svg(
      "rect", { class: colourOf(bucket.name), x: starts[index], y: 0, width: parts[index], height: 1 },
      svg("title", null, `${bucket.label}: ${rowsOf(bucket.number)}`),
    ),
  );
  const text = buckets.map(({ label, number }) => `${label} ${count(number)}`);
  return picture(`Rows by bucket: ${text.join(", ") || "none"}`, `0 0 ${WIDTH} 1`, "bar", rectangles);
}

/** Draw several imports, oldest first: a column each, whose height is its number of rows. */
export function columns(imports) {
  const most = Math.max(1, ...imports.map(({ manifest }) => manifest?.rows.total ?? 0));
  const step = WIDTH / Math.max(imports.length, 12);
  const drawn = imports.map((one, index) => column(one, index * step + (step * GAP) / 2, step * (1 - GAP), most));
  const text = `Rows of the last ${imports.length} imports by bucket, oldest first; the table below has the numbers`;
  return html(
    "div", { class: "columns" },
    html("div", { class: "scale", "aria-hidden": "true" }, html("span", null, count(most)), html("span", null, "0")),
    picture(text, `0 0 ${WIDTH} ${HEIGHT}`, "chart", drawn),
  );
}

function column({ instance, manifest }, x, width, most) {
  const when = moment(instance.run_after);
  if (!manifest?.rows.total) {
    const stub = svg("rect", { class: "bucket none", x, y: HEIGHT - 2, width, height: 2 });
    return svg("g", null, svg("title", null, `${when}: ${manifest ? "no rows" : "no report"}`), stub);
  }
  const buckets = filled(manifest.rows);
  const height = (HEIGHT * manifest.rows.total) / most;
  const parts = lengths(buckets.map(({ number }) => number), height, LEAST.column);
  const ends = runningSum(parts);
  const rectangles = buckets.map((bucket, index) => {
    const y = HEIGHT - ends[index] - parts[index];
    return svg("rect", { class: colourOf(bucket.name), x, y, width, height: parts[index] });
  });
  const text = buckets.map(({ label, number }) => `${count(number)} ${label}`);
  return svg("g", null, svg("title", null, `${when}: ${text.join(", ")}`), rectangles);
}

const filled = (rows) => bucketsOf(rows).filter(({ number }) => number);

const picture = (text, viewBox, name, children) =>
  svg("svg", { role: "img", "aria-label": text, viewBox, preserveAspectRatio: "none", class: name }, children);

const runningSum = (parts) => parts.map((_, index) => parts.slice(0, index).reduce((sum, part) => sum + part, 0));
