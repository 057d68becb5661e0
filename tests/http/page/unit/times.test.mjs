import assert from "node:assert/strict";
import test from "node:test";

import { fittingPeriod, nextPeriod, parseTime, periodName, periodStart, timeColumns } from "../../../../crates/finsent-server/page/times.mjs";

const iso = (text) => {
  const time = parseTime(text);
  return time && `${new Date(time.ms).toISOString().slice(0, 19)}${time.hasZone ? "Z" : ""}`;
};

test("times in common forms are read", () => {
  for (const [text, expected] of [
    ["2026-11-29", "2026-11-29T00:00:00"],
    ["2026-11-29T10:30:15.5Z", "2026-11-29T10:30:15Z"],
    ["2026-11-29 10:30:00+02:00", "2026-11-29T08:30:00Z"],
    ["20261129", "2026-11-29T00:00:00"],
    ["20261129103015", "2026-11-29T10:30:15"],
    ["1764412200", "2025-11-29T10:30:00Z"],
    ["1764412200000", "2025-11-29T10:30:00Z"],
    ["1764412200000000", "2025-11-29T10:30:00Z"],
    ["Sun, 29 Nov 2026 10:30:00 -0500", "2026-11-29T15:30:00Z"],
    ["2026-02", "2026-02-01T00:00:00"],
  ]) assert.equal(iso(text), expected, text);
});

test("what is no time, or could be two, is not read", () => {
  for (const text of ["", "03/04/2026", "2026-02-30", "2026-13-01", "2026-01-01T25:00", "12", "20261399", "yesterday"]) assert.equal(parseTime(text), null, text);
});

test("a period begins where its calendar says", () => {
  const time = Date.UTC(2026, 10, 29, 10, 30);
  const starts = { hour: "2026-11-29T10:00", day: "2026-11-29T00:00", week: "2026-11-23T00:00", month: "2026-11-01T00:00", quarter: "2026-10-01T00:00", year: "2026-01-01T00:00" };
  for (const [period, expected] of Object.entries(starts)) {
    const start = periodStart(time, period);
    assert.equal(new Date(start).toISOString().slice(0, 16), expected, period);
    assert.equal(periodStart(start, period), start, period);
    assert.equal(periodStart(nextPeriod(start, period) - 1, period), start, period);
    assert.ok(nextPeriod(start, period) > time, period);
  }
  assert.equal(periodStart(Date.UTC(1969, 11, 30), "week"), Date.UTC(1969, 11, 29));
  assert.equal(periodName(Date.UTC(2026, 9, 1), "quarter"), "2026 Q4");
});

test("the period suits the span and the number of rows", () => {
  const day = 86_400_000;
  assert.equal(fittingPeriod(0, 20 * day, 1000), "day");
  assert.equal(fittingPeriod(0, 300 * day, 1000), "month");
  assert.equal(fittingPeriod(0, 80 * day, 12), "month");
});

test("a column of times is one whose values are nearly all times", () => {
  const rows = [["2026-01-01", "1", "x"], ["2026-01-02", "2", "y"]];
  assert.deepEqual(timeColumns(["date", "n", "text"], rows, String, 2), [0]);
});
