// Files into rows. What could be read in two ways is said in a note, or refused.

import { cell } from "./columns.mjs";
import { byteLength } from "./offsets.mjs";
import { quantity } from "./figures.mjs";

/** The largest file, decompressed, and the most rows; more belongs on the command line. */
export const MAX_FILE_BYTES = 100_000_000;
export const MAX_FILE_ROWS = 400_000;

const COMMAND_LINE = "`finsent classify --input FILE` on the command line reads it";

/** A file that cannot be read. */
export class FileProblem extends Error {}

/**
 * What a file holds:
 * - `format`: `csv`, `jsonl`, `json` or `text`
 * - `names`: its columns; `rows`: their values, a list per row
 * - `failed`: rows that cannot be scored, with the reason
 * - `notes`: what a person should know about how it was read
 * - `raw`: of JSON Lines, the lines as they were
 */
export async function readFile(file, papa) {
  const format = formatOf(file.name);
  const notes = [];
  const { text, encoding } = decode(await bytesOf(file));
  if (encoding !== "UTF-8") notes.push(`The file is not UTF-8. It was read as ${encoding}.`);
  if (text.trim() === "") throw new FileProblem(`\`${file.name}\` is empty.`);
  const table = parse(format ?? guess(text), text, papa);
  if (table.rows.length === 0) throw new FileProblem(`\`${file.name}\` has a header and no rows.`);
  if (table.rows.length > MAX_FILE_ROWS) throw new FileProblem(`\`${file.name}\` has ${quantity(table.rows.length, "row")}, more than this page takes (400,000); ${COMMAND_LINE}.`);
  return { ...table, notes: [...notes, ...table.notes] };
}

function formatOf(name) {
  const parts = name.toLowerCase().replace(/\.gz$/, "").split(".");
  const extension = parts.length > 1 ? parts.pop() : "";
  const formats = { csv: "csv", tsv: "csv", tab: "csv", jsonl: "jsonl", ndjson: "jsonl", json: "json", txt: "text", text: "text" };
  if (["parquet", "xlsx", "xls", "zst", "zip", "feather", "pdf", "docx"].includes(extension)) {
    const reads = ["parquet", "xlsx", "zst"].includes(extension) ? ` For this one, ${COMMAND_LINE}.` : "";
    throw new FileProblem(`This page reads CSV, JSON Lines and text, and no .${extension} files.${reads}`);
  }
  return formats[extension];
}

const guess = (text) => (/^\s*\{/.test(text) ? "jsonl" : /^\s*\[/.test(text) ? "json" : "text");

/** The bytes of a file, decompressed. */
async function bytesOf(file) {
  const tooLarge = () => new FileProblem(`\`${file.name}\` is larger than this page takes (100 MB); ${COMMAND_LINE}.`);
  if (file.size > MAX_FILE_BYTES) throw tooLarge();
  if (!file.name.toLowerCase().endsWith(".gz")) return new Uint8Array(await file.arrayBuffer());
  const reader = file.stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const chunks = [];
  let size = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      size += read.value.length;
      if (size > MAX_FILE_BYTES) throw tooLarge();
      chunks.push(read.value);
    }
  } catch (error) {
    throw error instanceof FileProblem ? error : new FileProblem(`\`${file.name}\` is no gzip file, or it is damaged.`);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** UTF-8, or UTF-16 if a mark says so, or else Windows-1252. */
export function decode(bytes) {
  const marked = bytes[0] === 0xff && bytes[1] === 0xfe ? "utf-16le" : bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : null;
  if (marked) return { text: new TextDecoder(marked).decode(bytes), encoding: "UTF-16" };
  if (bytes.subarray(0, 4096).includes(0)) throw new FileProblem("The file has zero bytes, so it is not a text file.");
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(bytes), encoding: "UTF-8" };
  } catch {
    return { text: new TextDecoder("windows-1252").decode(bytes), encoding: "Windows-1252" };
  }
}

function parse(format, text, papa) {
  switch (format) {
    case "csv": return parseCsv(text, papa);
    case "jsonl": return parseJsonLines(text);
    case "json": return parseJson(text);
    default: return parseText(text);
  }
}

/** A text per line. */
export function parseText(text) {
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  return { format: "text", names: ["text"], rows: lines.map((line) => [line]), failed: new Map(), notes: [] };
}

export function parseCsv(text, papa) {
  const { data, errors, meta } = papa.parse(text, { skipEmptyLines: true });
  const open = errors.find((error) => error.code === "MissingQuotes");
  if (open) throw new FileProblem(`The file is malformed: the quote that opens in row ${number(open.row)} is never closed, so the rest of the file would be one value.`);
  const names = uniqueNames(data.shift() ?? []);
  const failed = new Map();
  let filled = 0;
  for (const [index, row] of data.entries()) {
    if (row.length > names.length) {
      failed.set(index, `the row has ${quantity(row.length, "field")}, and the header has ${names.length}`);
    } else if (row.length < names.length) {
      filled += 1;
      while (row.length < names.length) row.push("");
    }
  }
  const notes = [];
  if (meta.delimiter !== "," && names.length > 1) notes.push(`The fields are separated by ${meta.delimiter === "\t" ? "tabs" : `\`${meta.delimiter}\``}.`);
  if (filled > 0) notes.push(`${quantity(filled, "row")} had fewer fields than the header and got empty ones.`);
  const loose = errors.find((error) => error.code === "InvalidQuotes");
  if (loose) notes.push(`A quote in row ${number(loose.row)} does not end its field; check that row.`);
  refuseIfAllFail(data, failed);
  return { format: "csv", names, rows: data, failed, notes };
}

/** The row of the file, counted from 1 after the header; Papa Parse counts from 0 with the header. */
const number = (row) => Math.max(1, row ?? 1);

/** A column without a name gets one, and a name that is there twice gets a number. */
function uniqueNames(header) {
  const names = [];
  for (const [index, given] of header.entries()) {
    const name = given.trim() === "" ? `column_${index + 1}` : given.trim();
    let unique = name;
    for (let count = 2; names.includes(unique); count += 1) unique = `${name}_${count}`;
    names.push(unique);
  }
  return names;
}

export function parseJsonLines(text) {
  const raw = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return { format: "jsonl", raw, ...objects(raw.map((line) => () => parseExact(line))) };
}

function parseJson(text) {
  let values;
  try {
    values = parseExact(text);
  } catch (error) {
    // A file of JSON Lines may have this name, too.
    const isLines = /^\s*\{.*\}[ \t\r]*\n\s*\{/.test(text);
    if (isLines) return parseJsonLines(text);
    throw new FileProblem(`The file is malformed: it is not valid JSON (${error.message}).`);
  }
  if (!Array.isArray(values)) values = [values];
  return { format: "json", ...objects(values.map((value) => () => value)) };
}

/** The columns and rows of objects, or of strings. */
function objects(values) {
  const columns = new Map();
  const failed = new Map();
  const rows = values.map((parsed, index) => {
    try {
      const value = parsed();
      const fields = typeof value === "string" ? { text: value } : value;
      if (fields === null || typeof fields !== "object" || Array.isArray(fields)) throw new Error("expected an object or a string");
      const row = [];
      for (const [name, field] of Object.entries(fields)) {
        if (!columns.has(name)) columns.set(name, columns.size);
        row[columns.get(name)] = field;
      }
      return row;
    } catch (error) {
      failed.set(index, `the line is not usable: ${error.message}`);
      return [];
    }
  });
  refuseIfAllFail(rows, failed);
  return { names: [...columns.keys()], rows, failed, notes: [] };
}

function refuseIfAllFail(rows, failed) {
  if (rows.length > 0 && failed.size === rows.length) {
    throw new FileProblem(`The file is malformed: none of its ${quantity(rows.length, "row")} can be read. Row 1: ${failed.get(0)}.`);
  }
}

/** JSON whose whole numbers keep all their digits: those that a number cannot hold become strings. */
function parseExact(line) {
  if (!/\d{16}/.test(line)) return JSON.parse(line);
  return JSON.parse(line, (_, value, context) => (Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source ? context.source : value));
}

/**
 * The text of a row as JSON for the service; an error if the row has none. `maxBytes` is the longest line that it takes.
 */
export function textOf(row, column, maxBytes) {
  const value = row[column];
  if (value === undefined || value === null) return { error: "the row has no text" };
  const json = JSON.stringify(typeof value === "string" ? value : cell(value));
  if (json.length * 3 > maxBytes && byteLength(json) + 40 > maxBytes) return { error: `the text is longer than the ${maxBytes} bytes that the service takes` };
  return { json };
}
