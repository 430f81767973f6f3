// Numbers and times as text.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** Format a number; a number that the manifest lacks stays undefined. */
export const count = (number) => (Number.isFinite(number) ? whole.format(number) : undefined);
export const decimal = (number) => (Number.isFinite(number) ? one.format(number) : undefined);
export const rowsOf = (number) => counted(number, "row");

/** Format a share in percent; 0 % and 100 % appear only for exactly 0 and 100. */
export function share(part, total) {
  if (!total || !part) return "0 %";
  if (part === total) return "100 %";
  return `${one.format(Math.min(99.9, Math.max(0.1, (100 * part) / total)))} %`;
}

/** Format the shares of numbers in percent so that they add up to 100 %; one of a row or more is at least 0.1 %. */
export function shares(numbers) {
  const total = numbers.reduce((sum, number) => sum + number, 0);
  const exact = numbers.map((number) => (total ? (1000 * number) / total : 0));
  const tenths = exact.map((part) => (part ? Math.max(1, Math.floor(part)) : 0));
  const byRest = exact.map((part, index) => [part - tenths[index], index]).sort(([one], [other]) => other - one);
  let left = total ? 1000 - tenths.reduce((sum, part) => sum + part, 0) : 0;
  for (const [, index] of byRest) if (left > 0 && tenths[index]) [tenths[index], left] = [tenths[index] + 1, left - 1];
  tenths[tenths.indexOf(Math.max(...tenths))] += left; // below 0 if several parts were raised
  return tenths.map((part) => `${one.format(part / 10)} %`);
}

const MINUTE = 60;
const HOUR = 3600;

/** Format a duration in the unit that fits, as the log does. */
export function span(seconds) {
  if (seconds < 2 * MINUTE) return `${count(seconds)} s`;
  return seconds < 2 * HOUR ? `${count(seconds / MINUTE)} min` : `${decimal(seconds / HOUR)} h`;
}

export const counted = (number, noun) => `${count(number)} ${number === 1 ? noun : `${noun}s`}`;

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
