// Scores the rows of a file through the feed of the service (a line in, a line out).
//
// Browsers cannot send a body while they read its answer, so rows go in many requests, one after the other. Each is small
// enough to be sent whole although nobody reads the answer meanwhile: if neither side read, both would wait for ever. A row
// counts as done when its answer has arrived, and only then, so nothing is lost and nothing is scored twice in the result,
// wherever a connection breaks.

import { byteLength } from "./offsets.mjs";

/** The most rows and bytes in one request. Buffers of the system hold as much. */
export const MAX_ROWS = 1000;
export const MAX_BYTES = 64 * 1024;

/** How often a request is repeated although no row got further: if the service is busy, and if it does not answer. */
const BUSY_ATTEMPTS = 30;
const LOST_ATTEMPTS = 4;

/** Why a run stopped before its end. */
export class Stopped extends Error {
  constructor(message, row) {
    super(message);
    this.row = row;
  }
}

/** A request that broke off. */
class Interrupted extends Error {}

export class Feed {
  /**
   * `lineOf(row)` is the text of a row as JSON. `send(body, signal)` resolves to a response or throws with `status` 0,
   * `errorOf(response)` to its error, `newKey()` to whether there is another key. `pause(seconds, signal)` waits.
   * `onAnswer(row, answer)` takes an answer, `onWait(message, seconds, row)` hears of a pause.
   */
  constructor({ lineOf, send, errorOf, newKey, pause, onAnswer, onWait }) {
    Object.assign(this, { lineOf, send, errorOf, newKey, pause, onAnswer, onWait });
  }

  /**
   * Scores these rows, in order. After a stop, a run with the rows that are left goes on.
   *
   * Throws `Stopped` if it cannot go on, and an `AbortError` when `signal` says so.
   */
  async run(rows, signal) {
    let done = 0;
    let failures = 0;
    while (done < rows.length) {
      const before = done;
      const chunk = this.chunk(rows, done);
      try {
        await this.request(chunk, signal, () => {
          done += 1;
        });
        failures = 0;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        failures = done > before ? 1 : failures + 1;
        await this.recover(error, failures, rows[done], signal);
      }
    }
  }

  /** The rows of the next request, with its body. */
  chunk(rows, first) {
    const lines = [];
    let bytes = 0;
    for (let index = first; index < rows.length && lines.length < MAX_ROWS; index += 1) {
      const line = `{"id":${rows[index]},"text":${this.lineOf(rows[index])}}\n`;
      bytes += byteLength(line);
      if (lines.length > 0 && bytes > MAX_BYTES) break;
      lines.push(line);
    }
    return { rows: rows.slice(first, first + lines.length), body: lines.join("") };
  }

  /** Sends one request and takes its answers. */
  async request({ rows, body }, signal, onDone) {
    const response = await this.send(body, signal);
    if (!response.ok) throw await this.errorOf(response);
    let next = 0;
    for await (const line of linesOf(response.body)) {
      const answer = JSON.parse(line);
      if (answer.id === undefined && answer.error !== undefined) throw new Interrupted(answer.error);
      if (answer.id !== rows[next]) throw new Error(`the service answered row ${answer.id + 1} instead of row ${rows[next] + 1}`);
      this.onAnswer(answer.id, answer);
      next += 1;
      onDone();
    }
    if (next < rows.length) throw new Interrupted("the answer ended early");
  }

  /** Waits until a request may be repeated; throws `Stopped` if that is of no use. */
  async recover(error, failures, row, signal) {
    const busy = error.status === 429 || error.status === 503;
    const lost = error.status === 0 || error instanceof Interrupted || error instanceof TypeError;
    if (error.status === 401) {
      if (await this.newKey()) return;
    } else if ((busy && failures <= BUSY_ATTEMPTS) || (lost && failures <= LOST_ATTEMPTS)) {
      const seconds = Math.min(30, error.retryAfter ?? 2 ** Math.min(failures - 1, 5) / 2);
      this.onWait(busy ? error.message : reasonOf(error), seconds, row);
      await this.pause(seconds, signal);
      return;
    }
    throw new Stopped(lost ? reasonOf(error) : error.message, row);
  }
}

function reasonOf(error) {
  if (error instanceof Interrupted) return `The service broke off: ${error.message}.`;
  return error.status === 0 ? error.message : "The connection to the service broke.";
}

/** The lines of a body as they arrive; a last one without its line feed is not complete and is left out. */
export async function* linesOf(body) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let held = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (held + decoder.decode(value, { stream: true })).split("\n");
      held = lines.pop();
      yield* lines.filter((line) => line !== "");
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
