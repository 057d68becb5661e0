// Results as files: all columns of the input under their own names, then those of the prediction.

import { cell, predictionColumns } from "./columns.mjs";
import { DONE } from "./results.mjs";

/** Rows per part of a file. A `Blob` takes parts, so that no string gets as long as the file. */
const ROWS = 5000;

const csvCell = (text) => (/[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text);

/** The values of the prediction's columns for a row; `undefined` where it has none. */
function values(results, row) {
  const isDone = results.state[row] === DONE;
  const given = (value) => (isDone ? value : undefined);
  const sentiment = results.sentiment[row];
  return [
    given(results.labels[results.label[row]]),
    given(results.score[row]),
    ...results.labels.map((_, index) => given(results.scores[index][row])),
    ...(results.hasSentiment ? [given(Number.isNaN(sentiment) ? undefined : sentiment)] : []),
    given(results.tokens[row]),
    given(results.truncated[row] === 1),
    results.errors.get(row),
  ];
}

function columns(results) {
  return predictionColumns(results.table.names, results.labels, results.hasSentiment);
}

function parts(results, first, lineOf) {
  const found = [first];
  for (let start = 0; start < results.length; start += ROWS) {
    let part = "";
    for (let row = start; row < Math.min(results.length, start + ROWS); row += 1) part += lineOf(row);
    found.push(part);
  }
  return found.filter((part) => part !== "");
}

/** The parts of a CSV file. */
export function csv(results) {
  const { names, rows } = results.table;
  const own = columns(results);
  const header = [...names, ...own].map(csvCell).join(",");
  return parts(results, `${header}\n`, (row) => {
    const given = names.map((_, index) => csvCell(cell(rows[row][index])));
    const predicted = values(results, row).map((value) => csvCell(value === undefined ? "" : String(value)));
    return `${[...given, ...predicted].join(",")}\n`;
  });
}

/** The parts of a file of JSON Lines. Lines that were objects keep their text as it was. */
export function jsonLines(results) {
  const { names, rows, raw, failed } = results.table;
  const own = columns(results);
  const members = (row) => {
    const line = raw && !failed.has(row) ? raw[row].trim() : "";
    if (line.startsWith("{")) return line.slice(1, -1).trim();
    const fields = names.map((name, index) => [name, rows[row][index]]).filter(([, value]) => value !== undefined);
    return JSON.stringify(Object.fromEntries(fields)).slice(1, -1);
  };
  return parts(results, "", (row) => {
    const predicted = values(results, row);
    const added = own.map((name, index) => [name, predicted[index]]).filter(([, value]) => value !== undefined);
    const all = [members(row), JSON.stringify(Object.fromEntries(added)).slice(1, -1)].filter((part) => part !== "");
    return `{${all.join(",")}}\n`;
  });
}
