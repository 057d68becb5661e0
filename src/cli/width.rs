//! Text in terminal columns; some characters take two.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The terminal's width in columns; 80 if unknown.
pub(super) fn terminal_width() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0))
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
    fn wide_characters_take_two_columns() {
        assert_eq!(pad_end("日本", 6), "日本  ");
        assert_eq!(pad_start("日本", 6), "  日本");
        assert_eq!(cut("日本日本", 6), "日本…");
        assert_eq!(cut("日本", 4), "日本");
        assert_eq!(pad_end("long", 2), "long");
    }
}
