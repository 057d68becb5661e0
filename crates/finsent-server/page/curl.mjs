// What is on screen, as commands for a shell.

/** A word for a POSIX shell. */
export const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const KEY = " \\\n  -H 'Authorization: Bearer KEY'";

/** A POST of JSON to `url`. */
export function curlOfJson(url, body, needsKey) {
  return `curl -s ${quoted(url)}${needsKey ? KEY : ""} \\\n  --json ${quoted(JSON.stringify(body))}`;
}

/** A file of JSON Lines, as a stream. */
export function curlOfLines(url, file, needsKey) {
  return `curl -sN ${quoted(url)}${needsKey ? KEY : ""} \\\n  -H 'Content-Type: application/x-ndjson' --data-binary ${quoted(`@${file}`)}`;
}

/** The same work by the command line, for files of any size. */
export function classifyFile(file, column, output) {
  const named = column ? ` --text-column ${quoted(column)}` : "";
  return `finsent classify --input ${quoted(file)}${named} --output ${quoted(output)}`;
}
