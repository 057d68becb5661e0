import assert from "node:assert/strict";
import test from "node:test";

import { byteLength, fromBytes, parts, wellFormed } from "../../../../crates/finsent-server/page/offsets.mjs";

const TEXT = "Añil €5 bn 👍🏽 rose. 中文 too";

test("every byte offset leads to the character that holds the byte", () => {
  const offset = fromBytes(TEXT);
  let units = 0;
  let bytes = 0;
  for (const character of TEXT) {
    const width = Buffer.byteLength(character);
    for (let inside = 0; inside < width; inside += 1) assert.equal(offset(bytes + inside), units, `${character} + ${inside}`);
    bytes += width;
    units += character.length;
  }
  assert.equal(offset(bytes), TEXT.length);
  assert.equal(offset(bytes + 99), TEXT.length);
  assert.equal(offset(0), 0, "an offset before the last one");
});

test("spans cut a text into parts that make up all of it", () => {
  const rose = Buffer.byteLength(TEXT.slice(0, TEXT.indexOf("rose")));
  const spans = [{ start: 0, end: 5 }, { start: rose, end: rose + 4 }];
  const found = parts(TEXT, spans);
  assert.equal(found.map((part) => part.text).join(""), TEXT);
  assert.deepEqual(found.filter((part) => part.span).map((part) => part.text), ["Añil", "rose"]);
  assert.deepEqual(parts("abc", []), [{ text: "abc" }]);
  assert.deepEqual(parts("abc", [{ start: 0, end: 2 }, { start: 1, end: 3 }]).map((part) => part.text), ["ab", "c"], "a span that overlaps is left out");
});

test("lengths are those of UTF-8", () => {
  assert.equal(byteLength(TEXT), Buffer.byteLength(TEXT));
});

test("lone surrogates are replaced and pairs are kept", () => {
  assert.equal(wellFormed("a\uD83Db👍\uDC4D"), "a\uFFFDb👍\uFFFD");
});
