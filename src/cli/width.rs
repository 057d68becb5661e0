//! Text in terminal columns; some characters take two.

use std::env;
use std::io::{self, IsTerminal};
use std::ops::RangeInclusive;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What terminals have if they do not say.
const DEFAULT_WIDTH: usize = 80;
/// Values of `COLUMNS` that are a width.
const WIDTHS: RangeInclusive<usize> = 20..=10_000;

/// The width for a table that must fit a terminal: `COLUMNS`, else the terminal's; 80 if unknown.
pub(super) fn terminal_width() -> usize {
    set_width().or_else(measured_width).unwrap_or(DEFAULT_WIDTH)
}

/// The width of standard output: `COLUMNS`, else that of the terminal that it is. `None` if it is something else, where lines
/// may have any length.
pub(super) fn stdout_width() -> Option<usize> {
    let of_terminal = || io::stdout().is_terminal().then(|| measured_width().unwrap_or(DEFAULT_WIDTH));
    set_width().or_else(of_terminal)
}

fn set_width() -> Option<usize> {
    env::var("COLUMNS").ok()?.trim().parse().ok().filter(|width| WIDTHS.contains(width))
}

fn measured_width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// `text` in lines of at most `room` columns, broken at spaces. A word that is longer is cut in its middle, where `…` stands:
/// the end of a path says more than its middle.
pub(super) fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let word = cut_middle(word, room);
        match lines.last_mut() {
            Some(line) if line.is_empty() => *line = word,
            Some(line) if line.width() + 1 + word.width() <= room => *line += &format!(" {word}"),
            _ => lines.push(word),
        }
    }
    lines
}

fn cut_middle(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let end = cut(&text.chars().rev().collect::<String>(), room.div_ceil(2));
    let end: String = end.trim_end_matches('…').chars().rev().collect();
    format!("{}{end}", cut(text, room - end.width()))
}

/// Pads `text` at its end to `width` columns.
pub(super) fn pad_end(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Pads `text` at its start to `width` columns.
pub(super) fn pad_start(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.width())))
}

/// Cuts `text` to `room` columns; a cut text ends in `…`.
pub(super) fn cut(text: &str, room: usize) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut width = 1;
    let kept: String = text
        .chars()
        .take_while(|letter| {
            width += letter.width().unwrap_or(0);
            width <= room
        })
        .collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_wrapped_at_spaces_and_a_long_word_is_cut() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("/a/very/long/path", 9), ["/a/v…path"]);
        assert_eq!(wrapped("", 9), [""]);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(pad_end("日本", 6), "日本  ");
        assert_eq!(pad_start("日本", 6), "  日本");
        assert_eq!(cut("日本日本", 6), "日本…");
        assert_eq!(cut("日本", 4), "日本");
        assert_eq!(pad_end("long", 2), "long");
    }
}
