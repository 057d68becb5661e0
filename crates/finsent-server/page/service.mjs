// Requests to the service. All paths are relative to the page, so a prefix that a proxy puts before them does no harm.

import { askForKey } from "./key.mjs";

const STORED = "finsent-key";

/** A request that failed, in words for a person. */
export class ServiceError extends Error {
  /** `status` is 0 if there was no answer. `retryAfter` is in seconds. */
  constructor(message, status, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later. */
  get passes() {
    return this.status === 429 || this.status === 503;
  }
}

export const urlOf = (path) => new URL(path, document.baseURI).href;

/** The key in bytes as a header takes them; it is kept until the tab is closed. */
function authorization() {
  const key = sessionStorage.getItem(STORED);
  if (!key) return {};
  const bytes = Array.from(new TextEncoder().encode(key), (byte) => String.fromCharCode(byte)).join("");
  return { Authorization: `Bearer ${bytes}` };
}

/** Sends a request once. The answer may have any status. */
export async function send(path, { body, contentType = "application/json", signal } = {}) {
  const headers = authorization();
  if (body !== undefined) headers["Content-Type"] = contentType;
  try {
    return await fetch(urlOf(path), { method: body === undefined ? "GET" : "POST", body, headers, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServiceError("The service does not answer. It may have stopped, or the network is down.", 0);
  }
}

/** The error in an answer whose status is not 200. */
export async function errorOf(response) {
  const text = await response.text().catch(() => "");
  let reason = "";
  try {
    const json = JSON.parse(text);
    reason = String(json.detail ?? json.error ?? json.title ?? "");
  } catch {
    // A proxy answers in HTML.
  }
  const status = response.status;
  const retryAfter = Number.parseFloat(response.headers.get("Retry-After") ?? "") || undefined;
  return new ServiceError(inWords(status, reason), status, retryAfter);
}

function inWords(status, reason) {
  const detail = reason ? `: ${reason}` : "";
  switch (status) {
    case 401: return "The service needs an API key, or does not know this one.";
    case 413: return `The text is too large for this service${detail}.`;
    case 429: return "The service is busy.";
    case 503: return `The service is not ready${detail}.`;
    case 504: return "The service took too long for an answer.";
    default: return `The service answered with an error (${status})${detail}.`;
  }
}

/** Sends a request, asks for a key if one is needed, and returns the JSON of the answer. */
export async function json(path, options = {}) {
  let wasRefused = false;
  for (;;) {
    const response = await send(path, options);
    if (response.ok) return response.json();
    const error = await errorOf(response);
    if (error.status !== 401 || !(await newKey(wasRefused))) throw error;
    wasRefused = true;
  }
}

/** Asks for a key and keeps it. False if the person gives none. */
export async function newKey(wasRefused) {
  const key = await askForKey(wasRefused || Boolean(sessionStorage.getItem(STORED)));
  if (key === null) return false;
  sessionStorage.setItem(STORED, key);
  return true;
}

/** As `json`, but waits and tries again while the service is busy. `onWait` hears the error and the seconds. */
export async function patientJson(path, options, onWait) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await json(path, options);
    } catch (error) {
      if (!error.passes || attempt === 6) throw error;
      const seconds = Math.min(30, error.retryAfter ?? 2 ** (attempt - 1));
      onWait(error, seconds);
      await pause(seconds, options.signal);
    }
  }
}

/** Waits; an abort ends it early, as an error. */
export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
