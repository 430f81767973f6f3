// Numbers and moments as people read them.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** A number as text; one that a manifest does not have stays undefined. */
export const count = (number) => (Number.isFinite(number) ? whole.format(number) : undefined);
export const decimal = (number) => (Number.isFinite(number) ? one.format(number) : undefined);
export const rowsOf = (number) => `${count(number)} ${number === 1 ? "row" : "rows"}`;

/** A share in percent that says 0 or 100 only where it is exactly that. */
export function share(part, total) {
  if (!total || !part) return "0 %";
  if (part === total) return "100 %";
  return `${one.format(Math.min(99.9, Math.max(0.1, (100 * part) / total)))} %`;
}

/** The time zone chosen in Airflow, which keeps it in the browser; the browser's own unless one was chosen. */
export const zone = chosenZone();

const moments = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });

export const moment = (text) => (text ? moments.format(new Date(text)) : "");

function chosenZone() {
  try {
    return named(JSON.parse(localStorage.getItem("timezone")) ?? undefined);
  } catch {
    return named(undefined);
  }
}

function named(timeZone) {
  return new Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone;
}
