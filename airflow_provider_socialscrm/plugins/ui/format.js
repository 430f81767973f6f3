// Numbers and times as text.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** Format a number; a number that the manifest lacks stays undefined. */
export const count = (number) => (Number.isFinite(number) ? whole.format(number) : undefined);
export const decimal = (number) => (Number.isFinite(number) ? one.format(number) : undefined);
export const rowsOf = (number) => `${count(number)} ${number === 1 ? "row" : "rows"}`;

/** Format a share in percent; 0 % and 100 % appear only for exactly 0 and 100. */
export function share(part, total) {
  if (!total || !part) return "0 %";
  if (part === total) return "100 %";
  return `${one.format(Math.min(99.9, Math.max(0.1, (100 * part) / total)))} %`;
}

/** The time zone chosen in Airflow, which stores it in the browser; otherwise the browser's. */
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
