// Times in files, and the periods that they belong to.

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const EXTENDED = /^(\d{4})-(\d\d)(?:-(\d\d))?(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?\s*(Z|z|UTC|[+-]\d\d:?\d\d)?$/;
const BASIC = /^(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?)?(Z|[+-]\d\d:?\d\d)?$/;
const MAIL = /^(?:[A-Za-z]{3},\s*)?(\d{1,2})\s+([A-Za-z]{3})[a-z]*\s+(\d{4})\s+(\d\d):(\d\d)(?::(\d\d))?\s*(GMT|UTC|Z|[+-]\d{4})?$/;
const EPOCHS = { 10: 1000, 13: 1, 16: 1e-3, 19: 1e-6 };

/**
 * A time: ISO 8601, RFC 2822, digits of the calendar (8, 12, 14) or an epoch (10, 13, 16 or 19 digits). `{ms, hasZone}`, where
 * `ms` is in UTC, or what a clock on the wall showed; `null` for anything else, also for 03/04/2026, which could be read in
 * two ways.
 */
export function parseTime(value) {
  const text = value.trim();
  const epoch = /^\d+$/.test(text) ? EPOCHS[text.length] : undefined;
  if (epoch) return { ms: Number(text) * epoch, hasZone: true };
  const iso = EXTENDED.exec(text);
  if (iso) return fromParts(iso[1], iso[2], iso[3] ?? "01", iso[4], iso[5], iso[6], iso[8]);
  const basic = BASIC.exec(text);
  if (basic) return fromParts(basic[1], basic[2], basic[3], basic[4], basic[5], basic[6], basic[7]);
  const mail = MAIL.exec(text);
  const month = mail ? MONTHS.indexOf(mail[2].toLowerCase()) + 1 : 0;
  return month > 0 ? fromParts(mail[3], month, mail[1], mail[4], mail[5], mail[6], mail[7]) : null;
}

function fromParts(year, month, day, hour = 0, minute = 0, second = 0, zone = undefined) {
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(ms);
  const isDay = date.getUTCMonth() === month - 1 && date.getUTCDate() === Number(day);
  if (!isDay || hour > 23 || minute > 59 || second > 60) return null;
  return zone === undefined ? { ms, hasZone: false } : { ms: ms - offsetOf(zone), hasZone: true };
}

function offsetOf(zone) {
  const found = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (!found) return 0;
  return (found[1] === "-" ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3])) * 60_000;
}

/** What a clock on the wall shows: in UTC, or at this computer. A time without a zone is such a time already. */
export function wallClock({ ms, hasZone }, isLocal) {
  return hasZone && isLocal ? ms - new Date(ms).getTimezoneOffset() * 60_000 : ms;
}

const DAY = 86_400_000;

/** The start of the period that a time belongs to. Weeks begin on Monday. */
export function periodStart(ms, period) {
  const date = new Date(ms);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  switch (period) {
    case "hour": return ms - mod(ms, 3_600_000);
    case "day": return ms - mod(ms, DAY);
    case "week": return ms - mod(ms, DAY) - mod(date.getUTCDay() - 1, 7) * DAY;
    case "month": return Date.UTC(year, month, 1);
    case "quarter": return Date.UTC(year, month - (month % 3), 1);
    default: return Date.UTC(year, 0, 1);
  }
}

const mod = (value, by) => ((value % by) + by) % by;

/** The start of the next period. */
export function nextPeriod(start, period) {
  const spans = { hour: 1 / 24, day: 1, week: 7, month: 32, quarter: 93, year: 367 };
  return periodStart(start + spans[period] * DAY, period);
}

/** A period as people call it. */
export function periodName(start, period) {
  const iso = new Date(start).toISOString();
  switch (period) {
    case "hour": return iso.slice(0, 16).replace("T", " ");
    case "day": return iso.slice(0, 10);
    case "week": return `week of ${iso.slice(0, 10)}`;
    case "month": return iso.slice(0, 7);
    case "quarter": return `${iso.slice(0, 4)} Q${Math.floor(new Date(start).getUTCMonth() / 3) + 1}`;
    default: return iso.slice(0, 4);
  }
}

/**
 * The shortest period with at most 40 of them between two times, and with two of `rows` rows in each on average if three
 * periods remain.
 */
export function fittingPeriod(first, last, rows) {
  const count = (period) => (last - first) / (nextPeriod(periodStart(first, period), period) - periodStart(first, period)) + 1;
  const fits = (period) => count(period) <= 41 && (rows / count(period) >= 2 || count(period) < 6);
  return ["hour", "day", "week", "month", "quarter"].find(fits) ?? "year";
}

/** Columns in which at least nine of ten of the first values are times, not all of them plain numbers of other kinds. */
export function timeColumns(names, rows, cell, text) {
  const first = rows.slice(0, 100);
  return names.map((_, index) => index).filter((index) => {
    if (index === text) return false;
    const given = first.map((row) => cell(row[index])).filter((value) => value.trim() !== "");
    return given.length > 0 && given.filter((value) => parseTime(value)).length >= given.length * 0.9;
  });
}
