// The two charts, as inline SVG. A table beside each has the same numbers.

import { bucketsOf, colourOf, lengths } from "./buckets.js";
import { html, svg } from "./dom.js";
import { count, counted, moment, rowsOf } from "./format.js";

const WIDTH = 1000;
const HEIGHT = 160;
const DEPTH = 40;
const FEWEST = 12; // columns that the chart has room for at least, so that one import is not as wide as the page
const MOST_DATES = 6;
const UNCHANGED = "unchanged";
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

/**
 * Draw several imports, oldest first: a column each, whose height is its number of rows. Unchanged rows hang below the line
 * on a scale of their own, so that three rows that were sent are seen beside a million that were not.
 */
export function columns(imports) {
  const text = `Rows of the last ${counted(imports.length, "import")} by bucket, oldest first; the table below has the numbers`;
  const above = side(imports, ({ name }) => name !== UNCHANGED);
  const below = side(imports, ({ name }) => name === UNCHANGED);
  return html(
    "div", { class: "columns" },
    scale(count(above.most), "0"),
    picture(text, `0 0 ${WIDTH} ${HEIGHT}`, "chart", above.drawn(HEIGHT, (y, height) => HEIGHT - y - height)),
    below.total
      ? [
          scale("", count(below.most)),
          picture("Unchanged rows of the same imports", `0 0 ${WIDTH} ${DEPTH}`, "chart below", below.drawn(DEPTH, (y) => y)),
        ]
      : null,
    dates(imports),
  );
}

const scale = (...ends) =>
  html("div", { class: "scale", "aria-hidden": "true" }, ends.map((end) => html("span", null, end)));

/** Return what is on one side of the line: the longest column, all rows, and a function that draws the columns. */
function side(imports, isHere) {
  const buckets = imports.map(({ manifest }) => (manifest ? filled(manifest.rows).filter(isHere) : []));
  const sums = buckets.map((some) => some.reduce((sum, { number }) => sum + number, 0));
  const most = Math.max(1, ...sums);
  const step = stepOf(imports);
  const place = (index) => ({ x: index * step + (step * GAP) / 2, width: step * (1 - GAP) });
  const drawn = (length, turned) =>
    imports.map((one, index) => column(one, buckets[index], { ...place(index), height: (length * sums[index]) / most, turned, length }));
  return { most, total: sums.reduce((sum, number) => sum + number, 0), drawn };
}

const stepOf = (imports) => WIDTH / Math.max(imports.length, FEWEST);

function column({ instance, manifest }, buckets, { x, width, height, turned, length }) {
  const all = manifest ? filled(manifest.rows).map(({ label, number }) => `${count(number)} ${label}`).join(", ") : "";
  const said = svg("title", null, `${moment(instance.run_after)}: ${all || (manifest ? "no rows" : "no report")}`);
  if (!buckets.length) {
    const stub = svg("rect", { class: "bucket none", x, y: turned(0, 2), width, height: all ? 0 : 2 });
    return svg("g", null, said, length === DEPTH ? null : stub);
  }
  const parts = lengths(buckets.map(({ number }) => number), height, LEAST.column);
  const starts = runningSum(parts);
  const rectangles = buckets.map((bucket, index) => {
    const y = turned(starts[index], parts[index]);
    return svg("rect", { class: colourOf(bucket.name), x, y, width, height: parts[index] });
  });
  return svg("g", null, said, rectangles);
}

/** Build the axis: the day of each column where it is another than the one before, as many as there is room for. */
function dates(imports) {
  const days = imports.map(({ instance }) => moment(instance.run_after).slice(0, 10));
  const first = days.map((day, index) => [day, index]).filter(([day, index]) => day !== days[index - 1]);
  const every = Math.ceil(first.length / MOST_DATES);
  const labels = first.filter((_, index) => index % every === 0).map(([day, index]) => {
    const label = html("span", null, day.slice(5));
    label.style.left = `${((index + 0.5) * stepOf(imports) * 100) / WIDTH}%`;
    return label;
  });
  return html("div", { class: "dates", "aria-hidden": "true" }, labels);
}

const filled = (rows) => bucketsOf(rows).filter(({ number }) => number);

const picture = (text, viewBox, name, children) =>
  svg("svg", { role: "img", "aria-label": text, viewBox, preserveAspectRatio: "none", class: name }, children);

const runningSum = (parts) => parts.map((_, index) => parts.slice(0, index).reduce((sum, part) => sum + part, 0));
