// Rows grouped by a column, over time.

import { cell, groupColumns } from "./columns.mjs";
import { byId, element, fill, labeled, library } from "./dom.mjs";
import { capital, number, percent, quantity, signed } from "./figures.mjs";
import { group } from "./groups.mjs";
import { DONE } from "./results.mjs";
import { fittingPeriod, parseTime, periodName, timeColumns, wallClock } from "./times.mjs";
import { sideOf } from "./tone.mjs";

const PERIODS = ["hour", "day", "week", "month", "quarter", "year"];
/** The most lines in the chart, and rows in the table below it. */
const MAX_LINES = 6;
const MAX_TABLE_ROWS = 50;
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [4, 4], [14, 4]];

export class ChartView {
  constructor() {
    this.plot = null;
    new ResizeObserver(([entry]) => this.plot?.setSize({ width: entry.contentRect.width, height: 300 })).observe(byId("chart"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    window.addEventListener("theme", () => this.draw());
  }

  show(results) {
    const { names, rows } = results.table;
    this.results = results;
    this.times = timeColumns(names, rows, cell, results.text);
    this.groups = groupColumns(names, rows, results.text).filter((index) => !this.times.includes(index));
    this.timesOf = new Map();
    const column = (index) => [index, names[index]];
    this.groupBy = choice("Group by", [[-1, "no column"], ...this.groups.map(column)], this.groups[0] ?? -1, () => this.draw());
    this.over = choice("Over", [[-1, "no time"], ...this.times.map(column)], this.times[0] ?? -1, () => this.choosePeriod());
    this.period = choice("Per", PERIODS.map((period) => [period, period]), "day", () => this.draw());
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    this.zone = choice("Clock of", [["utc", "UTC"], ...(here && here !== "UTC" ? [["local", here]] : [])], "utc", () => this.draw());
    this.measure = choice("Show", [["mean", "mean sentiment"]], "mean", () => this.draw());
    fill(byId("group-controls"), [this.groupBy, this.over, this.period, this.zone, this.measure].map((control) => control.parentNode));
    this.choosePeriod();
  }

  /** The period that suits the times of the column. */
  choosePeriod() {
    const column = Number(this.over.value);
    if (column >= 0) {
      let [first, last] = [Infinity, -Infinity];
      for (const time of this.parsed(column)) {
        if (!time) continue;
        first = Math.min(first, time.ms);
        last = Math.max(last, time.ms);
      }
      this.period.value = fittingPeriod(first, last, this.results.length / this.groupCount());
    }
    this.draw();
  }

  /** About how many groups there are. */
  groupCount() {
    const by = Number(this.groupBy.value);
    if (by < 0) return 1;
    return new Set(this.results.table.rows.slice(0, 5000).map((row) => cell(row[by]))).size;
  }

  parsed(column) {
    if (!this.timesOf.has(column)) this.timesOf.set(column, this.results.table.rows.map((row) => parseTime(cell(row[column]))));
    return this.timesOf.get(column);
  }

  /** The measures depend on the labels, which answers bring. */
  updateMeasures() {
    const { labels, hasSentiment, done } = this.results;
    const wanted = [
      ...(hasSentiment || done === 0 ? [["mean", "mean sentiment"]] : []),
      ...labels.map((label, index) => [`share ${index}`, `share of ${label}`]),
    ];
    if (wanted.length === this.measure.length) return;
    const before = this.measure.value;
    fill(this.measure, wanted.map(([value, name]) => element("option", { value }, name)));
    this.measure.value = wanted.some(([value]) => value === before) ? before : wanted[0]?.[0];
  }

  draw() {
    if (!this.results) return;
    this.updateMeasures();
    const { results } = this;
    const measure = this.measure.value;
    const share = measure.startsWith("share ") ? Number(measure.slice(6)) : -1;
    const [by, over] = [Number(this.groupBy.value), Number(this.over.value)];
    this.period.parentNode.hidden = over < 0;
    this.zone.parentNode.hidden = over < 0 || this.zone.length < 2;
    const times = over >= 0 ? this.parsed(over) : null;
    const isLocal = this.zone.value === "local";
    const valueOf = share >= 0 ? (row) => Number(results.label[row] === share) : (row) => results.sentiment[row];
    const grouped = group({
      rows: results.select((row) => results.state[row] === DONE && !Number.isNaN(valueOf(row))),
      groupOf: by >= 0 ? (row) => cell(results.table.rows[row][by]) || "(empty)" : () => "all rows",
      timeOf: times ? (row) => (times[row] ? wallClock(times[row], isLocal) : null) : null,
      valueOf,
      period: this.period.value,
    });
    this.write = share >= 0 ? percent : (value) => signed(value);
    this.drawTable(grouped, share, by >= 0 ? results.table.names[by] : "Group");
    this.drawChart(grouped, times !== null, share).catch((error) => fill(byId("chart"), element("p", { class: "notice bad" }, error.message)));
  }

  async drawChart(grouped, hasTimes, share) {
    if (!hasTimes || grouped.periods.length < 2) {
      this.plot?.destroy();
      this.plot = null;
      const why = this.times.length === 0 ? "The file has no column of times that can be read in one way only (such as 2026-11-29), so there is no line over time." : "A line needs two periods at least.";
      fill(byId("chart"), element("p", { class: "hint" }, why));
      return;
    }
    await library("./vendor/uPlot.iife.min.js");
    this.plot?.destroy();
    fill(byId("chart"));
    const lines = grouped.groups.slice(0, MAX_LINES);
    const data = [grouped.periods.map((start) => start / 1000), ...lines.map((line) => line.means)];
    this.plot = new window.uPlot(this.options(lines, share), data, byId("chart"));
    const canvas = byId("chart").querySelector("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Lines of ${quantity(lines.length, "group")} over ${quantity(grouped.periods.length, this.period.value)}. The table below has the figures.`);
  }

  options(lines, share) {
    const axis = { stroke: colorOf("--muted"), grid: { stroke: colorOf("--line"), width: 1 }, ticks: { stroke: colorOf("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
    const series = lines.map((line, index) => ({
      label: line.name, stroke: colorOf(`--line-${index + 1}`), width: 2, dash: DASHES[index], spanGaps: true,
      points: { show: true, size: 6 }, value: (_, value) => (value === null || value === undefined ? "\u2013" : this.write(value)),
    }));
    return {
      width: byId("chart").clientWidth, height: 300,
      tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { y: { range: share >= 0 ? [0, 1.02] : [-1.05, 1.05] } },
      axes: [{ ...axis, splits: (plot) => ticksOf(plot, this.period.value), values: (_, ticks) => ticks.map((tick) => tickName(tick * 1000, this.period.value)) }, { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => (share >= 0 ? `${Math.round(tick * 100)} %` : signed(tick, 1))) }],
      series: [{ label: capital(this.period.value), value: (_, seconds) => (seconds === null || seconds === undefined ? "\u2013" : periodName(seconds * 1000, this.period.value)) }, ...series],
      cursor: { points: { size: 8 } },
    };
  }

  drawTable(grouped, share, name) {
    const { groups, untimed, periods } = grouped;
    const shown = groups.slice(0, MAX_TABLE_ROWS);
    const measured = this.measure.selectedOptions[0]?.textContent ?? "";
    const isLine = periods.length > 1;
    const notes = [];
    if (groups.length > MAX_LINES && periods.length > 1) notes.push(`The chart has the ${MAX_LINES} largest of ${quantity(groups.length, "group")}.`);
    if (groups.length > shown.length) notes.push(`The table has the ${MAX_TABLE_ROWS} largest of ${quantity(groups.length, "group")}.`);
    if (untimed > 0) notes.push(`${quantity(untimed, "row")} without a time that can be read ${untimed === 1 ? "is" : "are"} left out.`);
    fill(byId("group-table"),
      notes.length > 0 && element("p", { class: "hint" }, notes.join(" ")),
      element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Groups" },
        element("table", { class: "groups" },
          element("thead", {}, element("tr", {}, [name, "Rows", capital(measured), ...(isLine ? [`First ${this.period.value}`, `Last ${this.period.value}`] : [])].map((head, index) => element("th", { scope: "col", class: index > 0 ? "number" : null }, head)))),
          element("tbody", {}, shown.map((line) => this.groupRow(line, share, isLine))))));
  }

  groupRow(line, share, isLine) {
    const given = line.means.filter((mean) => mean !== null);
    const bar = element("span", { class: `fill ${share >= 0 ? sideOf(this.results.labels[share]) : line.mean < 0 ? "negative" : "positive"}` });
    bar.style.width = `${Math.abs(line.mean) * (share >= 0 ? 100 : 50)}%`;
    return element("tr", {},
      element("th", { scope: "row" }, line.name),
      element("td", { class: "number" }, number(line.count)),
      element("td", { class: "number mean" }, element("span", { class: `track ${share >= 0 ? "" : "split"}`, "aria-hidden": "true" }, bar), element("span", { class: "figure" }, this.write(line.mean))),
      isLine && element("td", { class: "number" }, this.write(given[0])),
      isLine && element("td", { class: "number" }, this.write(given.at(-1))));
  }
}

/** The starts of periods that the axis names: as many as it has room for. In seconds. */
function ticksOf(plot, period) {
  const starts = plot.data[0];
  const room = Math.max(1, Math.floor(plot.width / (period === "hour" ? 130 : 90)));
  const step = Math.ceil(starts.length / room);
  return starts.filter((_, index) => index % step === 0);
}

const tickName = (ms, period) => (period === "week" ? periodName(ms, "day") : periodName(ms, period));

function choice(name, options, value, onChange) {
  const select = element("select", { onchange: onChange }, options.map(([key, label]) => element("option", { value: key }, label)));
  select.value = value;
  labeled(name, select);
  return select;
}

/** The value of a color variable as a canvas takes it. */
function colorOf(variable) {
  const probe = element("span", { class: "spoken" });
  probe.style.color = `var(${variable})`;
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}
