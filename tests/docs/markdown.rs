//! What the tests read of a page.

use std::collections::BTreeMap;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A fenced code block.
#[derive(Debug)]
pub(crate) struct Block {
    /// What follows the fence, such as `console,server`.
    info: String,
    pub(crate) text: String,
    /// The line of its first line of code.
    pub(crate) line: usize,
}

impl Block {
    pub(crate) fn language(&self) -> &str {
        self.info.split(',').next().unwrap().trim()
    }

    /// Whether a word follows the language.
    pub(crate) fn is(&self, word: &str) -> bool {
        self.info.split(',').skip(1).any(|part| part.trim() == word)
    }
}

/// The target of a link or an image.
pub(crate) struct Link {
    pub(crate) target: String,
    pub(crate) line: usize,
}

/// A paragraph as a reader sees it, without line breaks and emphasis.
pub(crate) struct Paragraph {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// The events of a page, with the lines that they start on.
fn events(text: &str) -> impl Iterator<Item = (Event<'_>, usize)> {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter();
    events.map(|(event, range)| (event, text[..range.start].matches('\n').count() + 1))
}

pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (event, line) in events(text) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                open = Some(Block { info: info.into_string(), text: String::new(), line: line + 1 });
            }
            Event::Text(code) => open.iter_mut().for_each(|block| block.text.push_str(&code)),
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}

pub(crate) fn links(text: &str) -> Vec<Link> {
    let starts = events(text).filter_map(|(event, line)| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some(Link { target: dest_url.into_string(), line })
        }
        _ => None,
    });
    starts.collect()
}

/// The anchors that GitHub and mdBook make of headings.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = Vec::new();
    for heading in collect(text, |tag| matches!(tag, Tag::Heading { .. }), |end| matches!(end, TagEnd::Heading(_))) {
        let anchor = anchor(&heading.text);
        let count = seen.entry(anchor.clone()).or_default();
        anchors.push(if *count == 0 { anchor } else { format!("{anchor}-{count}") });
        *count += 1;
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|&char| char.is_alphanumeric() || [' ', '-', '_'].contains(&char));
    kept.flat_map(char::to_lowercase).map(|char| if char == ' ' { '-' } else { char }).collect()
}

pub(crate) fn paragraphs(text: &str) -> Vec<Paragraph> {
    collect(text, |tag| *tag == Tag::Paragraph, |end| *end == TagEnd::Paragraph)
}

/// The text between the starts and ends of one kind of element.
fn collect(text: &str, starts: impl Fn(&Tag<'_>) -> bool, ends: impl Fn(&TagEnd) -> bool) -> Vec<Paragraph> {
    let mut found = Vec::new();
    let mut open: Option<Paragraph> = None;
    for (event, line) in events(text) {
        match (event, &mut open) {
            (Event::Start(tag), _) if starts(&tag) => {
                open = Some(Paragraph { text: String::new(), line });
            }
            (Event::End(end), _) if ends(&end) => found.extend(open.take()),
            (Event::Text(part) | Event::Code(part), Some(paragraph)) => paragraph.text.push_str(&part),
            (Event::SoftBreak | Event::HardBreak, Some(paragraph)) => paragraph.text.push(' '),
            _ => {}
        }
    }
    found
}

#[test]
fn anchors_are_those_of_github() {
    let text = "# Score texts: `POST /v1/sentiment`\n\n## A\n\n## A\n\n## 95 % of it_all\n";
    assert_eq!(anchors(text), ["score-texts-post-v1sentiment", "a", "a-1", "95--of-it_all"]);
}

#[test]
fn blocks_have_their_line_and_their_words() {
    let found = blocks("text\n\n- item\n\n  ```console,server\n  $ a\n  b\n  ```\n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].language(), found[0].is("server"), found[0].line), ("console", true, 6));
    assert_eq!(found[0].text, "$ a\nb\n");
}
