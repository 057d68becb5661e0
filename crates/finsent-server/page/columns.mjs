// Which column holds the texts, and what the columns of the result are called.

const USUAL = ["headline", "title", "sentence", "tweet", "body", "content", "message"];

/**
 * The column of texts by the rules of `finsent classify`: `text`; else the only column that is not all numbers; else exactly
 * one with a usual name. `-1` if they do not settle it. `isText[index]` tells whether a column has texts.
 */
export function textColumn(names, isText) {
  const exact = names.indexOf("text");
  if (exact >= 0) return exact;
  const texts = names.map((_, index) => index).filter((index) => isText[index]);
  if (texts.length === 1) return texts[0];
  const usual = names.map((_, index) => index).filter((index) => USUAL.includes(names[index].trim().toLowerCase()));
  return usual.length === 1 ? usual[0] : -1;
}

/** Whether a column has a value that is neither empty nor a number, in the first rows. */
export function textColumns(names, rows, limit = 100) {
  const first = rows.slice(0, limit);
  return names.map((_, index) => first.some((row) => {
    const value = row[index];
    return typeof value === "string" && value.trim() !== "" && Number.isNaN(Number(value));
  }));
}

/** The names of the prediction's columns, with a prefix if the file has one of them, as `finsent classify` does it. */
export function predictionColumns(names, labels, hasSentiment) {
  const own = ["label", "score", ...labels, ...(hasSentiment ? ["sentiment_score"] : []), "tokens", "truncated", "error"];
  const prefix = own.some((name) => names.includes(name)) ? "finsent_" : "";
  return own.map((name) => prefix + name);
}

/** Columns by which rows can be grouped: some values, and fewer than rows. The texts are none. */
export function groupColumns(names, rows, text) {
  const limit = Math.min(rows.length, 5000);
  return names.map((_, index) => index).filter((index) => {
    if (index === text) return false;
    const values = new Set();
    for (let row = 0; row < limit && values.size <= 200; row += 1) values.add(cell(rows[row][index]));
    return values.size > 1 && values.size <= Math.min(200, Math.max(2, limit * 0.5));
  });
}

/** A value as text. */
export function cell(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
