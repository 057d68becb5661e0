import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import test from "node:test";

import { decode, FileProblem, parseCsv, parseJsonLines, parseText, readFile, textOf } from "../../../../crates/finsent-server/page/read_file.mjs";

const papa = createRequire(import.meta.url)("../../../../crates/finsent-server/page/vendor/papaparse.min.js");
const file = (name, content) => Object.assign(new Blob([content]), { name });
const read = (name, content) => readFile(file(name, content), papa);

test("a CSV file may have quotes, line breaks and a separator of its own", async () => {
  const table = await read("a.csv", 'ticker;headline\r\nA;"Profit; ""record""\nyear"\r\n\r\nB;Loss\r\n');
  assert.deepEqual(table.names, ["ticker", "headline"]);
  assert.deepEqual(table.rows, [["A", 'Profit; "record"\nyear'], ["B", "Loss"]]);
  assert.deepEqual(table.notes, ["The fields are separated by `;`."]);
});

test("a row with too many fields fails alone, and one with too few is filled and told", () => {
  const table = parseCsv("a,b\n1,2,3\n4\n5,6\n", papa);
  assert.deepEqual([...table.failed], [[0, "the row has 3 fields, and the header has 2"]]);
  assert.deepEqual(table.rows[1], ["4", ""]);
  assert.match(table.notes.join(), /1 row had fewer fields/);
});

test("a quote that is never closed is refused with its row", () => {
  assert.throws(() => parseCsv('a,b\n1,2\n"3,4\n5,6\n', papa), (error) => error instanceof FileProblem && /row 2 is never closed/.test(error.message));
});

test("columns that share a name or have none get names of their own", () => {
  assert.deepEqual(parseCsv("a,a,,a_2\n1,2,3,4\n", papa).names, ["a", "a_2", "column_3", "a_2_2"]);
});

test("JSON Lines keep the columns of all lines, and a broken line fails alone", () => {
  const table = parseJsonLines('{"text":"up","id":1}\n\n"down"\n{"text":\n{"ticker":"A"}\n[1]\n');
  assert.deepEqual(table.names, ["text", "id", "ticker"]);
  assert.deepEqual(table.rows[1], ["down"]);
  assert.deepEqual([...table.failed.keys()], [2, 4]);
  assert.equal(table.raw.length, 5);
});

test("a file without one usable line is refused", () => {
  assert.throws(() => parseJsonLines("a,b\n1,2\n"), (error) => error instanceof FileProblem && /none of its 2 rows/.test(error.message));
});

test("a text file has a text per line, and a blank line is a text without words", () => {
  assert.deepEqual(parseText("one\r\n\r\nthree\n").rows, [["one"], [""], ["three"]]);
});

test("names and contents settle the format", async () => {
  assert.equal((await read("a.json", '[{"text":"up"}]')).format, "json");
  assert.equal((await read("a.json", '{"text":"up"}\n{"text":"down"}')).rows.length, 2);
  assert.equal((await read("a", ' {"text":"up"}')).format, "jsonl");
  assert.equal((await read("a.txt.gz", gzipSync("one\ntwo"))).rows.length, 2);
  for (const [name, content, words] of [["a.parquet", "x", /command line/], ["a.csv", "", /empty/], ["a.csv", "a,b\n", /no rows/], ["a.csv.gz", "x", /no gzip/], ["a.txt", "a\0b", /zero bytes/]]) {
    await assert.rejects(read(name, content), (error) => error instanceof FileProblem && words.test(error.message), name);
  }
});

test("bytes are UTF-8, UTF-16 with a mark, or Windows-1252", () => {
  assert.deepEqual(decode(new TextEncoder().encode("\uFEFF€")), { text: "€", encoding: "UTF-8" });
  assert.deepEqual(decode(Uint8Array.of(0xff, 0xfe, 0x41, 0)), { text: "A", encoding: "UTF-16" });
  assert.deepEqual(decode(Uint8Array.of(0xe9, 0x41)), { text: "éA", encoding: "Windows-1252" });
});

test("a row without a text, or with one that is too long, is not sent", () => {
  assert.deepEqual(textOf(["a", 'say "up"'], 1, 1000), { json: '"say \\"up\\""' });
  assert.equal(textOf([12], 0, 1000).json, '"12"');
  assert.match(textOf([], 0, 1000).error, /no text/);
  assert.match(textOf(["€".repeat(400)], 0, 1000).error, /longer than the 1000 bytes/);
});
