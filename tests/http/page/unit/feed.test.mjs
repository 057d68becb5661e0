import assert from "node:assert/strict";
import test from "node:test";

import { Feed, MAX_ROWS, Stopped } from "../../../../crates/finsent-server/page/feed.mjs";

const ROWS = 2500;
const rows = Array.from({ length: ROWS }, (_, row) => row);

function bodyOf(text, size = 97) {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
}

const answersTo = (body) => body.trimEnd().split("\n").map((line) => {
  const { id, text } = JSON.parse(line);
  return JSON.stringify({ id, label: text });
});

const whole = (body) => ({ ok: true, body: bodyOf(`${answersTo(body).join("\n")}\n`) });
const gone = () => Object.assign(new Error("The service does not answer."), { status: 0 });

/** A feed whose service answers with the functions of `script` in turn, then completely. */
function feed(script, { key = true } = {}) {
  const log = { answered: [], waits: [], requests: 0, largest: 0 };
  const made = new Feed({
    lineOf: (row) => JSON.stringify(`text ${row} €`),
    send: async (body) => {
      log.requests += 1;
      log.largest = Math.max(log.largest, body.split("\n").length - 1);
      return (script.shift() ?? whole)(body);
    },
    errorOf: async (response) => response.error,
    newKey: async () => key,
    pause: async () => {},
    onAnswer: (row, answer) => {
      assert.equal(answer.label, `text ${row} €`);
      log.answered.push(row);
    },
    onWait: (message, seconds, row) => log.waits.push([message, seconds, row]),
  });
  return { made, log };
}

const failed = (status, retryAfter) => () => ({ ok: false, error: Object.assign(new Error(`status ${status}`), { status, retryAfter }) });
const broken = (lines, last = "") => (body) => ({ ok: true, body: bodyOf(`${answersTo(body).slice(0, lines).join("\n")}\n${last}`) });

test("all rows are answered once and in order, in requests of limited size", async () => {
  const { made, log } = feed([]);
  await made.run(rows, new AbortController().signal);
  assert.deepEqual(log.answered, rows);
  assert.ok(log.requests >= ROWS / MAX_ROWS && log.largest <= MAX_ROWS, JSON.stringify(log.requests));
});

test("a service that is busy, draining or gone for a while loses and repeats nothing", async () => {
  const { made, log } = feed([
    failed(429, 7), whole, failed(503), broken(3), broken(5, '{"error":"the service is shutting down","line":6}\n'),
    broken(2, '{"id":'), () => { throw gone(); }, failed(401),
  ]);
  await made.run(rows, new AbortController().signal);
  assert.deepEqual(log.answered, rows);
  assert.deepEqual(log.waits[0].slice(1), [7, 0]);
  assert.match(log.waits.map(([message]) => message).join(), /broke off: the service is shutting down/);
});

test("when a service stays away, the feed stops at a row and goes on from there", async () => {
  const { made, log } = feed([broken(10), ...Array(9).fill(() => { throw gone(); })]);
  const stopped = await made.run(rows, new AbortController().signal).catch((error) => error);
  assert.ok(stopped instanceof Stopped);
  assert.deepEqual([stopped.row, log.answered.length], [10, 10]);
  const again = feed([]);
  again.made.onAnswer = (row) => log.answered.push(row);
  await again.made.run(rows.slice(10), new AbortController().signal);
  assert.deepEqual(log.answered, rows);
});

test("errors that waiting does not mend stop at once", async () => {
  for (const script of [[failed(404)], [failed(413)]]) {
    const { made, log } = feed(script);
    await assert.rejects(made.run(rows, new AbortController().signal), Stopped);
    assert.equal(log.requests, 1);
  }
  const refused = feed([failed(401)], { key: false });
  await assert.rejects(refused.made.run(rows, new AbortController().signal), Stopped);
});

test("an answer to another row is never taken", async () => {
  const swapped = (body) => ({ ok: true, body: bodyOf(`${answersTo(body).reverse().join("\n")}\n`) });
  const { made, log } = feed([swapped]);
  await assert.rejects(made.run(rows, new AbortController().signal), /instead of row 1/);
  assert.deepEqual(log.answered, []);
});

test("a cancellation ends the run", async () => {
  const controller = new AbortController();
  const { made, log } = feed([(body) => { controller.abort(); return broken(4)(body); }]);
  await assert.rejects(made.run(rows, controller.signal), { name: "AbortError" });
  assert.equal(log.answered.length, 4);
});

test("rows that are left out before are not sent", async () => {
  const { made, log } = feed([]);
  await made.run([3, 7, 2000], new AbortController().signal);
  assert.deepEqual(log.answered, [3, 7, 2000]);
});
