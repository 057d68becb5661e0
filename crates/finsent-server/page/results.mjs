// The predictions for the rows of a file, in columns, and the order in which the table shows them.

import { cell } from "./columns.mjs";

export const WAITING = 0;
export const DONE = 1;
export const FAILED = 2;

export class Results {
  /** For a table of `readFile`, whose column `text` holds the texts. */
  constructor(table, text) {
    this.table = table;
    this.text = text;
    const count = table.rows.length;
    this.state = new Uint8Array(count);
    this.label = new Int16Array(count).fill(-1);
    this.score = new Float64Array(count).fill(NaN);
    this.sentiment = new Float64Array(count).fill(NaN);
    this.tokens = new Float64Array(count);
    this.truncated = new Uint8Array(count);
    /** The classes, and the probabilities of each. */
    this.labels = [];
    this.scores = [];
    this.counts = [];
    this.errors = new Map();
    this.hasSentiment = false;
    /** Whether the model gives a sentiment score, as far as it is known before the first answer. */
    this.expectsSentiment = true;
    /** Rows of which the model read only the beginning. */
    this.cut = 0;
    this.done = 0;
    this.sum = 0;
    this.lowered = new Array(count);
  }

  get length() {
    return this.table.rows.length;
  }

  /** Takes the answer of the service for a row. */
  take(row, answer) {
    if (this.state[row] !== WAITING) this.forget(row);
    if (answer.error !== undefined) {
      this.state[row] = FAILED;
      this.errors.set(row, String(answer.error));
      return;
    }
    const label = this.indexOf(answer.label);
    this.state[row] = DONE;
    this.done += 1;
    this.label[row] = label;
    this.counts[label] += 1;
    this.score[row] = answer.score;
    for (const [name, score] of Object.entries(answer.scores)) this.scores[this.indexOf(name)][row] = score;
    if (typeof answer.sentiment_score === "number") {
      this.hasSentiment = true;
      this.sentiment[row] = answer.sentiment_score;
      this.sum += answer.sentiment_score;
    }
    this.tokens[row] = answer.tokens ?? sumOf(answer.sentences, "tokens");
    this.truncated[row] = answer.truncated || answer.sentences?.some((sentence) => sentence.truncated) ? 1 : 0;
    this.cut += this.truncated[row];
  }

  fail(row, reason) {
    this.take(row, { error: reason });
  }

  /** Makes a row wait again. */
  forget(row) {
    if (this.state[row] === DONE) {
      this.done -= 1;
      this.counts[this.label[row]] -= 1;
      this.cut -= this.truncated[row];
      if (!Number.isNaN(this.sentiment[row])) this.sum -= this.sentiment[row];
    }
    this.errors.delete(row);
    this.state[row] = WAITING;
  }

  indexOf(label) {
    const known = this.labels.indexOf(label);
    if (known >= 0) return known;
    this.labels.push(label);
    this.scores.push(new Float64Array(this.length).fill(NaN));
    this.counts.push(0);
    return this.labels.length - 1;
  }

  /** The prediction of a row, as the service gave it; `null` if it has none. */
  prediction(row) {
    if (this.state[row] !== DONE) return null;
    const scores = Object.fromEntries(this.labels.map((label, index) => [label, this.scores[index][row]]));
    const prediction = { label: this.labels[this.label[row]], score: this.score[row], scores };
    if (!Number.isNaN(this.sentiment[row])) prediction.sentiment_score = this.sentiment[row];
    return { ...prediction, tokens: this.tokens[row], truncated: this.truncated[row] === 1 };
  }

  textOf(row) {
    return cell(this.table.rows[row][this.text]);
  }

  /** The rows that wait, in order. */
  waiting() {
    return this.select((row) => this.state[row] === WAITING);
  }

  select(keeps) {
    const rows = [];
    for (let row = 0; row < this.length; row += 1) if (keeps(row)) rows.push(row);
    return rows;
  }

  /**
   * The rows to show. `filter` has `label` (an index, `"failed"`, or nothing) and `words` (what a row must contain in any
   * column), `sort` has `by` (`"row"`, `"label"`, `"score"`, `"sentiment"`, or the index of a column) and `descending`.
   */
  view(filter, sort) {
    const words = filter.words?.trim().toLowerCase() ?? "";
    const rows = this.select((row) => this.passes(row, filter.label) && (words === "" || this.lowerCase(row).includes(words)));
    if (sort.by === "row") return sort.descending ? rows.reverse() : rows;
    const compare = this.comparison(sort.by);
    const sign = sort.descending ? -1 : 1;
    // Rows without a value come last in either order, and equal ones keep the order of the file.
    return rows.sort((a, b) => compare(a, b, sign) || a - b);
  }

  passes(row, label) {
    if (label === undefined) return true;
    return label === "failed" ? this.state[row] === FAILED : this.state[row] === DONE && this.label[row] === label;
  }

  lowerCase(row) {
    this.lowered[row] ??= this.table.rows[row].map(cell).join("\n").toLowerCase();
    return this.lowered[row];
  }

  comparison(by) {
    const numbers = { score: this.score, sentiment: this.sentiment }[by];
    if (numbers) return (a, b, sign) => byNumber(numbers[a], numbers[b], sign);
    const rank = (row) => (this.state[row] === DONE ? this.labels[this.label[row]] : "");
    const value = by === "label" ? rank : (row) => cell(this.table.rows[row][by]);
    const keys = new Array(this.length);
    const isNumeric = by !== "label" && this.isNumeric(by);
    const key = (row) => (keys[row] ??= isNumeric ? (value(row) === "" ? NaN : Number(value(row))) : value(row));
    return isNumeric ? (a, b, sign) => byNumber(key(a), key(b), sign) : (a, b, sign) => byText(key(a), key(b), sign);
  }

  isNumeric(column) {
    return this.table.rows.every((row) => cell(row[column]).trim() === "" || !Number.isNaN(Number(cell(row[column]))));
  }
}

function byNumber(a, b, sign) {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return sign * (a - b);
}

function byText(a, b, sign) {
  if (a === "" || b === "") return Number(a === "") - Number(b === "");
  return a < b ? -sign : a > b ? sign : 0;
}

function sumOf(items, field) {
  return (items ?? []).reduce((sum, item) => sum + (item[field] ?? 0), 0);
}
