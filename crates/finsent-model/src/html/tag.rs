//! HTML tags. Only those of known elements are tags, so that `a < b` and `<GO>` are none.

use super::replacement::Replacement;

/// Elements within a line.
const INLINE: [&str; 40] = [
    "a", "abbr", "acronym", "audio", "b", "bdi", "bdo", "big", "button", "cite", "code", "data", "del", "dfn", "em",
    "embed", "font", "i", "iframe", "img", "input", "ins", "kbd", "label", "mark", "q", "s", "samp", "small", "span",
    "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "video", "wbr",
];
/// Elements on lines of their own, or hidden.
const BLOCK: [&str; 47] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "li",
    "link",
    "main",
    "meta",
    "nav",
    "noscript",
    "object",
    "ol",
    "option",
    "p",
    "picture",
    "pre",
    "script",
    "section",
    "select",
    "source",
    "style",
    "summary",
    "table",
    "textarea",
    "title",
    "ul",
];
/// Elements that end a line, but no paragraph.
const LINES: [&str; 9] = ["br", "caption", "col", "tbody", "td", "tfoot", "th", "thead", "tr"];

/// What ends that which a browser does not show and which starts here.
pub(super) fn end_of_hidden(text: &str) -> Option<&'static str> {
    if text.starts_with("<!--") {
        return Some("-->");
    }
    match name(&text[1..])?.to_ascii_lowercase().as_str() {
        "script" => Some("</script>"),
        "style" => Some("</style>"),
        _ => None,
    }
}

/// The length and the replacement of the tag at the start of `text`.
pub(super) fn at_start(text: &str) -> Option<(usize, Replacement)> {
    if let Some(length) = declaration(text) {
        return Some((length, Replacement::Nothing));
    }
    let is_closing = text.starts_with("</");
    let start = if is_closing { 2 } else { 1 };
    let name = name(&text[start..])?;
    let lower = name.to_ascii_lowercase();
    let is_known = |names: &[&str]| names.binary_search(&lower.as_str()).is_ok();
    let by = match () {
        () if is_known(&INLINE) => Replacement::Nothing,
        () if is_known(&LINES) => Replacement::Break("\n"),
        () if is_known(&BLOCK) => Replacement::Break("\n\n"),
        () => return None,
    };
    let attributes = &text[start + name.len()..];
    let end = attributes.find(['>', '<']).filter(|&end| attributes[end..].starts_with('>'))?;
    let end = if is_closing { Some(end) } else { end_of(attributes) }?;
    let is_tag = if is_closing { attributes[..end].trim().is_empty() } else { are_attributes(&attributes[..end]) };
    is_tag.then_some((start + name.len() + end + 1, by))
}

/// The length of `<!DOCTYPE html>`, or of `<![CDATA[`, the content of which is shown.
fn declaration(text: &str) -> Option<usize> {
    const CDATA: &str = "<![CDATA[";
    if text.starts_with(CDATA) {
        return Some(CDATA.len());
    }
    let is_doctype = text.get(..9).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype"));
    let end = text[1..].find(['>', '<']).filter(|_| is_doctype)? + 1;
    text[end..].starts_with('>').then_some(end + 1)
}

/// The name at the start of `text`, if something that may follow a name follows.
fn name(text: &str) -> Option<&str> {
    const LONGEST: usize = 10;
    let length = text.bytes().take(LONGEST + 1).take_while(u8::is_ascii_alphanumeric).count();
    let follows = text.as_bytes().get(length)?;
    let is_end = follows.is_ascii_whitespace() || matches!(follows, b'>' | b'/');
    (text.starts_with(|first: char| first.is_ascii_alphabetic()) && is_end).then(|| &text[..length])
}

/// Where the tag with these attributes ends. A `<` ends the search: it would be the next tag's.
fn end_of(attributes: &str) -> Option<usize> {
    let mut quote = None;
    for (place, byte) in attributes.bytes().enumerate() {
        match (quote, byte) {
            (_, b'<') => return None,
            (None, b'>') => return Some(place),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => (),
        }
    }
    None
}

/// Whether this is what stands in a tag after its name. `<b and c>` is not one.
fn are_attributes(text: &str) -> bool {
    let text = text.trim();
    let text = text.strip_suffix('/').unwrap_or(text);
    text.is_empty() || text.contains('=')
}
