// The table of a file's rows. Only the rows in sight are in the document, so any number of them scrolls without lag.

import { cell } from "./columns.mjs";
import { element, fill } from "./dom.mjs";
import { number, percent, signed } from "./figures.mjs";
import { labelOf } from "./prediction_view.mjs";
import { DONE, FAILED } from "./results.mjs";

/** The height of a row in pixels, as in style.css. */
const ROW_HEIGHT = 41;
/** Rows above and below those in sight. */
const MARGIN = 8;
/** Characters of a value that are shown; the row's dialog has all of it. */
const SHOWN = 300;

export class TableView {
  /** `onOpen(row)` opens a row. */
  constructor(scroller, onOpen) {
    this.scroller = scroller;
    this.onOpen = onOpen;
    this.results = null;
    this.rows = [];
    this.sort = { by: "row", descending: false };
    this.filter = {};
    this.isDrawing = false;
    scroller.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(scroller);
  }

  show(results) {
    this.results = results;
    this.sort = { by: "row", descending: false };
    this.filter = {};
    this.columns = columnsOf(results);
    this.head = element("tr", {}, this.columns.map((column) => this.headCell(column)));
    this.body = element("tbody");
    this.table = element("table", { class: "rows", "aria-label": "Rows" }, element("thead", {}, this.head), this.body);
    fill(this.scroller, this.table);
    this.scroller.scrollTop = 0;
    this.update();
  }

  headCell(column) {
    const button = element("button", { type: "button", onclick: () => this.sortBy(column.by) }, column.name, element("span", { class: "arrow", "aria-hidden": "true" }));
    const cellOfHead = element("th", { scope: "col", class: column.kind, "aria-sort": "none" }, button);
    cellOfHead.by = column.by;
    return cellOfHead;
  }

  sortBy(by) {
    const isSame = this.sort.by === by;
    // Numbers are most often wanted from the top.
    this.sort = { by, descending: isSame ? !this.sort.descending : ["score", "sentiment"].includes(by) };
    this.scroller.scrollTop = 0;
    this.update();
  }

  /** Applies the filter and the order again. */
  update() {
    if (!this.results) return;
    this.rows = this.results.view(this.filter, this.sort);
    for (const head of this.head.children) {
      const isSorted = head.by === this.sort.by;
      head.setAttribute("aria-sort", isSorted ? (this.sort.descending ? "descending" : "ascending") : "none");
      head.querySelector(".arrow").textContent = isSorted ? (this.sort.descending ? "\u25BE" : "\u25B4") : "";
    }
    this.table.setAttribute("aria-rowcount", this.rows.length + 1);
    this.draw();
  }

  /** Whether new predictions can change which rows are shown, and where. */
  get dependsOnPredictions() {
    return this.filter.label !== undefined || ["label", "score", "sentiment"].includes(this.sort.by);
  }

  draw() {
    if (!this.results || this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      this.isDrawing = false;
      this.drawNow();
    });
  }

  drawNow() {
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - MARGIN);
    const last = Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + MARGIN);
    const focused = document.activeElement?.closest?.("tr")?.dataset.row;
    const drawn = [];
    for (let index = first; index < last; index += 1) drawn.push(this.row(this.rows[index], index));
    fill(this.body, spacer(first), drawn, spacer(this.rows.length - last));
    if (focused !== undefined) this.body.querySelector(`tr[data-row="${focused}"] button`)?.focus({ preventScroll: true });
  }

  row(row, index) {
    const cells = this.columns.map((column) => element("td", { class: column.kind }, column.content(row, this)));
    return element("tr", { "aria-rowindex": index + 2, "data-row": row, class: index % 2 ? "odd" : null }, cells);
  }
}

/** Takes the place of rows that are not in the document. */
function spacer(rows) {
  if (rows <= 0) return null;
  const row = element("tr", { class: "spacer", "aria-hidden": "true" }, element("td"));
  row.firstChild.style.height = `${rows * ROW_HEIGHT}px`;
  return row;
}

/** The columns: number, prediction, text, and the others of the file. */
function columnsOf(results) {
  const { names, rows } = results.table;
  const short = (value) => (value.length > SHOWN ? `${value.slice(0, SHOWN)}\u2026` : value);
  const of = (index) => (row) => short(cell(rows[row][index]));
  const others = names.map((_, index) => index).filter((index) => index !== results.text);
  return [
    { name: "Row", by: "row", kind: "number", content: (row) => number(row + 1) },
    { name: "Label", by: "label", kind: "label-cell", content: (row) => outcome(results, row) },
    { name: "Score", by: "score", kind: "number score", content: (row) => (results.state[row] === DONE ? percent(results.score[row]) : "") },
    ...(results.expectsSentiment ? [{ name: "Sentiment", by: "sentiment", kind: "sentiment", content: (row) => sentiment(results.sentiment[row]) }] : []),
    { name: names[results.text], by: results.text, kind: "text", content: (row, view) => element("button", { type: "button", onclick: () => view.onOpen(row) }, short(results.textOf(row)) || "(no text)") },
    ...others.map((index) => ({ name: names[index], by: index, kind: "other-cell", content: of(index) })),
  ];
}

function outcome(results, row) {
  if (results.state[row] === DONE) return labelOf(results.labels[results.label[row]]);
  if (results.state[row] === FAILED) return element("span", { class: "label failed", title: results.errors.get(row) }, element("span", { class: "mark", "aria-hidden": "true" }, "!"), "Failed");
  return element("span", { class: "hint" }, "waiting");
}

/** A bar from the middle, to the left for negative and to the right for positive, and the number. */
function sentiment(score) {
  if (Number.isNaN(score)) return "";
  const bar = element("span", { class: `fill ${score < 0 ? "negative" : "positive"}` });
  bar.style.width = `${Math.abs(score) * 50}%`;
  return [element("span", { class: "track split", "aria-hidden": "true" }, bar), element("span", { class: "figure" }, signed(score))];
}
