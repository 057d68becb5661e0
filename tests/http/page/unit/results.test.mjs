import assert from "node:assert/strict";
import test from "node:test";

import { groupColumns, predictionColumns, textColumn, textColumns } from "../../../../crates/finsent-server/page/columns.mjs";
import { group } from "../../../../crates/finsent-server/page/groups.mjs";
import { parseJsonLines } from "../../../../crates/finsent-server/page/read_file.mjs";
import { csv, jsonLines } from "../../../../crates/finsent-server/page/result_file.mjs";
import { Results } from "../../../../crates/finsent-server/page/results.mjs";

const answer = (sentiment) => {
  const positive = (1 + sentiment) / 2;
  const label = sentiment > 0 ? "positive" : "negative";
  return { label, score: Math.max(positive, 1 - positive), scores: { positive, negative: 1 - positive }, sentiment_score: sentiment, tokens: 5, truncated: false };
};

function sample(names, rows, sentiments) {
  const results = new Results({ names, rows, failed: new Map() }, names.indexOf("text"));
  sentiments.forEach((sentiment, row) => (typeof sentiment === "number" ? results.take(row, answer(sentiment)) : sentiment && results.fail(row, sentiment)));
  return results;
}

test("the column of texts is found by the rules of the command line", () => {
  const find = (names, row) => textColumn(names, textColumns(names, [row]));
  assert.equal(find(["Title", "text"], ["a", "b"]), 1);
  assert.equal(find(["id", "what"], ["12", "up"]), 1);
  assert.equal(find(["ticker", "Headline"], ["A", "up"]), 1);
  assert.equal(find(["title", "body"], ["a", "b"]), -1);
  assert.equal(find(["a", "b"], ["x", "y"]), -1);
});

test("a name that the file has puts a prefix before all columns of the prediction", () => {
  assert.deepEqual(predictionColumns(["text"], ["a"], false), ["label", "score", "a", "tokens", "truncated", "error"]);
  assert.ok(predictionColumns(["text", "score"], ["a"], true).every((name) => name.startsWith("finsent_")));
});

test("columns with some values that repeat can be grouped by", () => {
  const rows = Array.from({ length: 20 }, (_, row) => [`text ${row}`, `T${row % 3}`, String(row), "same"]);
  assert.deepEqual(groupColumns(["text", "ticker", "id", "lang"], rows, 0), [1]);
});

test("rows are filtered, searched and sorted, and those without a value come last", () => {
  const results = sample(["text", "n"], [["Up a", "10"], ["down b", "9"], ["Up c", ""], ["d", "-1"], ["e", "2"]], [0.5, -0.5, "broken", undefined, 0.25]);
  const view = (filter, by, descending = false) => results.view(filter, { by, descending });
  assert.deepEqual(view({}, "row", true), [4, 3, 2, 1, 0]);
  assert.deepEqual(view({}, "sentiment"), [1, 4, 0, 2, 3]);
  assert.deepEqual(view({}, "sentiment", true), [0, 4, 1, 2, 3]);
  assert.deepEqual(view({}, 1), [3, 4, 1, 0, 2], "numbers are not sorted as text");
  assert.deepEqual(view({ words: " UP " }, "row"), [0, 2]);
  assert.deepEqual(view({ label: results.labels.indexOf("positive") }, "row"), [0, 4]);
  assert.deepEqual(view({ label: "failed" }, "row"), [2]);
});

test("counts and sums follow what is forgotten and taken again", () => {
  const results = sample(["text"], [["a"], ["b"]], [0.5, "busy"]);
  assert.deepEqual([results.done, results.counts, results.sum, results.errors.size], [1, [1, 0], 0.5, 1]);
  results.forget(1);
  assert.deepEqual(results.waiting(), [1]);
  results.take(1, answer(-0.5));
  results.take(0, answer(0.25));
  assert.deepEqual([results.done, results.counts, results.sum, results.errors.size], [2, [1, 1], -0.25, 0]);
  assert.equal(results.prediction(0).sentiment_score, 0.25);
});

test("CSV has all columns, quotes what needs it, and leaves empty what is not known", () => {
  const results = sample(["text", "ticker"], [['say "up", now', "A"], ["b", "B"]], [0.5, "the text, it failed"]);
  assert.equal(csv(results).join(""), 'text,ticker,label,score,positive,negative,sentiment_score,tokens,truncated,error\n"say ""up"", now",A,positive,0.75,0.75,0.25,0.5,5,false,\nb,B,,,,,,,,"the text, it failed"\n');
});

test("JSON Lines keep the text of the objects that came", () => {
  const table = parseJsonLines('{"id": 12345678901234567890, "text":"up"}\n"down"\n');
  const results = new Results(table, table.names.indexOf("text"));
  results.take(0, answer(0.5));
  results.fail(1, "busy");
  const lines = jsonLines(results).join("").trimEnd().split("\n");
  assert.ok(lines[0].startsWith('{"id": 12345678901234567890, "text":"up","label":"positive"'), lines[0]);
  assert.deepEqual(JSON.parse(lines[1]), { text: "down", error: "busy" });
});

test("groups have a mean per period, and gaps are there", () => {
  const day = 86_400_000;
  const times = [0, day, 3 * day, null, 0];
  const grouped = group({ rows: [0, 1, 2, 3, 4], groupOf: (row) => (row === 1 ? "b" : "a"), timeOf: (row) => times[row], valueOf: (row) => row, period: "day" });
  assert.deepEqual(grouped.periods, [0, day, 2 * day, 3 * day]);
  assert.equal(grouped.untimed, 1);
  assert.deepEqual(grouped.groups[0], { name: "a", count: 3, mean: 2, counts: [2, 0, 0, 1], means: [2, null, null, 2] });
  assert.deepEqual(grouped.groups[1].means, [null, 1, null, null]);
});
