// Rows by group and period.

import { nextPeriod, periodStart } from "./times.mjs";

/** The most periods that are drawn; what is between the first and the last counts. */
const MAX_PERIODS = 2000;

/**
 * Sums per group and period. `rows` are the rows that have a prediction, `groupOf(row)` is a name, `timeOf(row)` a time on the
 * wall or `null`, `valueOf(row)` what is averaged. Without `timeOf` there is one period.
 *
 * Returns `{periods, groups, untimed}`: the starts of all periods without gaps; groups with the most rows first, each with
 * `name`, `count`, `mean`, and lists `counts` and `means` per period (`null` where there are no rows); how many rows have no
 * time.
 */
export function group({ rows, groupOf, timeOf, valueOf, period }) {
  const groups = new Map();
  const starts = new Set();
  let untimed = 0;
  for (const row of rows) {
    const time = timeOf ? timeOf(row) : 0;
    if (time === null) {
      untimed += 1;
      continue;
    }
    const start = timeOf ? periodStart(time, period) : 0;
    starts.add(start);
    add(groups, groupOf(row), start, valueOf(row));
  }
  const periods = timeOf ? withoutGaps([...starts].sort((a, b) => a - b), period) : [...starts];
  const finished = [...groups.entries()].map(([name, sums]) => finish(name, sums, periods));
  finished.sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
  return { periods, groups: finished, untimed };
}

function add(groups, name, start, value) {
  if (!groups.has(name)) groups.set(name, new Map());
  const sums = groups.get(name);
  const sum = sums.get(start) ?? { count: 0, total: 0 };
  sum.count += 1;
  sum.total += value;
  sums.set(start, sum);
}

function finish(name, sums, periods) {
  const found = periods.map((start) => sums.get(start));
  const all = [...sums.values()];
  const count = all.reduce((total, sum) => total + sum.count, 0);
  const total = all.reduce((added, sum) => added + sum.total, 0);
  return {
    name,
    count,
    mean: total / count,
    counts: found.map((sum) => sum?.count ?? 0),
    means: found.map((sum) => (sum ? sum.total / sum.count : null)),
  };
}

function withoutGaps(starts, period) {
  if (starts.length < 2) return starts;
  const all = [];
  for (let start = starts[0]; start <= starts.at(-1); start = nextPeriod(start, period)) {
    if (all.length === MAX_PERIODS) return starts;
    all.push(start);
  }
  return all;
}
