// The service counts in bytes of UTF-8, JavaScript in units of UTF-16.

/** How many bytes the character at `index` takes, and how many units. */
function sizes(text, index) {
  const point = text.codePointAt(index);
  if (point < 0x80) return [1, 1];
  if (point < 0x800) return [2, 1];
  return point < 0x10000 ? [3, 1] : [4, 2];
}

/**
 * A function from byte offsets to offsets in `text`, which must have no lone surrogates. Ascending offsets cost one pass over
 * the text in all. An offset inside a character gives the start of that character.
 */
export function fromBytes(text) {
  let bytes = 0;
  let units = 0;
  return (offset) => {
    if (offset < bytes) {
      bytes = 0;
      units = 0;
    }
    while (units < text.length) {
      const [width, length] = sizes(text, units);
      if (bytes + width > offset) break;
      bytes += width;
      units += length;
    }
    return units;
  };
}

/** The text as the service can read it: a surrogate without its other half becomes U+FFFD. */
export function wellFormed(text) {
  return text.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, (found) => (found.length === 2 ? found : "\uFFFD"));
}

/** The parts of a text that spans of bytes cut out, with what lies between them: `{text, span}`, without `span` there. */
export function parts(text, spans) {
  const offset = fromBytes(text);
  const found = [];
  let end = 0;
  for (const span of spans) {
    const [from, to] = [offset(span.start), offset(span.end)];
    if (from < end) continue;
    if (from > end) found.push({ text: text.slice(end, from) });
    if (to > from) found.push({ text: text.slice(from, to), span });
    end = Math.max(end, to);
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}

/** Bytes of a text in UTF-8. */
export function byteLength(text) {
  let bytes = 0;
  for (let index = 0; index < text.length; ) {
    const [width, length] = sizes(text, index);
    bytes += width;
    index += length;
  }
  return bytes;
}
