//! A text whose words are marked by their weights, in the colors that the terminal has.

use std::env;

use finsent_model::ExplainedPart;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::console::printable;

/// Words with less than this part of the largest weight are not marked.
const WEAKEST: f32 = 0.1;

/// The colors that a terminal has for marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Palette {
    /// Nothing is marked.
    None,
    /// The eight colors of every terminal, bold for strong words.
    Basic,
    /// 256 colors: a background in four steps.
    Indexed,
    /// All colors: a background without steps.
    Full,
}

impl Palette {
    /// The palette of a terminal that shows colors, by what it says of itself.
    pub(super) fn of_terminal(colors: bool) -> Self {
        let variable = |name| env::var(name).unwrap_or_default();
        Self::of(colors, &variable("COLORTERM"), &variable("TERM"))
    }

    fn of(colors: bool, color_term: &str, term: &str) -> Self {
        match (colors, color_term) {
            (false, _) => Self::None,
            (true, "truecolor" | "24bit") => Self::Full,
            (true, _) if term.contains("256color") => Self::Indexed,
            (true, _) => Self::Basic,
        }
    }

    /// The parameters of the terminal's SGR sequence for a weight from -1 to 1. Blue speaks for the label and orange against
    /// it: a pair that is told apart with any color vision.
    fn parameters(self, weight: f32) -> Option<String> {
        let strength = weight.abs().min(1.0);
        if self == Self::None || strength < WEAKEST {
            return None;
        }
        let is_for = weight > 0.0;
        Some(match self {
            Self::None => return None,
            Self::Basic => {
                let color = if is_for { 36 } else { 33 };
                if strength < 0.5 { color.to_string() } else { format!("1;{color}") }
            }
            Self::Indexed => {
                let steps = if is_for { [195, 153, 117, 75] } else { [230, 223, 216, 209] };
                format!("38;5;16;48;5;{}", steps[(strength * 3.999) as usize])
            }
            Self::Full => {
                let [pale, strong] = match is_for {
                    true => [[225, 238, 248], [70, 160, 220]],
                    false => [[253, 232, 214], [240, 125, 50]],
                };
                let mixed = |channel: usize| {
                    let [pale, strong] = [pale[channel], strong[channel]].map(|value: u8| f32::from(value));
                    (pale + (strong - pale) * strength) as u8
                };
                format!("38;2;0;0;0;48;2;{};{};{}", mixed(0), mixed(1), mixed(2))
            }
        })
    }
}

/// A text in parts, each with its weight; what is between words has none.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MarkedText(Vec<(String, f32)>);

impl MarkedText {
    /// The part of `text` that begins at the byte `start` of the text whose offsets the words have. A weight of `largest`
    /// becomes 1.
    pub(super) fn new<'a>(
        text: &str,
        start: usize,
        words: impl Iterator<Item = &'a ExplainedPart>,
        largest: f32,
    ) -> Self {
        let mut parts = Vec::new();
        let mut end = 0;
        let mut add = |part: &str, weight| {
            if !part.is_empty() {
                parts.push((printable(part), weight));
            }
        };
        for word in words {
            let Some(range) = word.bytes().start.checked_sub(start).map(|from| from..word.bytes().end - start) else {
                continue;
            };
            let (Some(before), Some(shown)) = (text.get(end..range.start), text.get(range.clone())) else { continue };
            add(before, 0.0);
            add(shown, if largest > 0.0 { word.weight() / largest } else { 0.0 });
            end = range.end;
        }
        add(text.get(end..).unwrap_or_default(), 0.0);
        Self(parts)
    }

    /// The text with another before it, on the same line.
    pub(super) fn after(mut self, before: &str) -> Self {
        self.0.insert(0, (before.to_owned(), 0.0));
        self
    }

    /// The text in lines of at most `room` columns, broken at spaces, each painted. A word that is longer has a longer line.
    pub(super) fn wrapped(&self, room: Option<usize>, palette: Palette) -> Vec<String> {
        let mut lines = vec![(String::new(), 0)];
        for (part, weight) in &self.0 {
            for piece in part.split_inclusive(' ') {
                let word = piece.trim_end_matches(' ');
                let (line, width) = lines.last_mut().expect("there is a line");
                if *width > 0 && line.ends_with(' ') && room.is_some_and(|room| *width + word.width() > room) {
                    *line = line.trim_end().to_owned();
                    lines.push((String::new(), 0));
                }
                let (line, width) = lines.last_mut().expect("there is a line");
                *line += &painted(word, *weight, palette);
                *line += &piece[word.len()..];
                *width += piece.width();
            }
        }
        lines.into_iter().map(|(line, _)| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
    }

    /// The text on one line, cut to `room` columns and painted; a cut text ends in `…`.
    pub(super) fn cut(&self, room: Option<usize>, palette: Palette) -> String {
        let width: usize = self.0.iter().map(|(part, _)| part.width()).sum();
        let mut left = match room {
            Some(room) if width > room => room.saturating_sub(1),
            _ => usize::MAX,
        };
        let mut line = String::new();
        for (part, weight) in &self.0 {
            let fits = |letter: &char| {
                let width = letter.width().unwrap_or(0);
                let fits = width <= left;
                left = if fits { left - width } else { 0 };
                fits
            };
            let shown: String = part.chars().take_while(fits).collect();
            line += &painted(&shown, *weight, palette);
            if shown.len() < part.len() {
                return line + "…";
            }
        }
        line
    }
}

fn painted(text: &str, weight: f32, palette: Palette) -> String {
    match palette.parameters(weight).filter(|_| !text.is_empty()) {
        Some(parameters) => format!("\x1b[{parameters}m{text}\x1b[0m"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(parts: &[(&str, f32)]) -> MarkedText {
        MarkedText(parts.iter().map(|&(part, weight)| (part.to_owned(), weight)).collect())
    }

    #[test]
    fn marks_are_in_the_colors_that_the_terminal_has() {
        assert_eq!(Palette::of(false, "truecolor", "xterm-256color"), Palette::None);
        assert_eq!(Palette::of(true, "truecolor", "xterm"), Palette::Full);
        assert_eq!(Palette::of(true, "", "screen-256color"), Palette::Indexed);
        assert_eq!(Palette::of(true, "", "linux"), Palette::Basic);
        let text = marked(&[("up", 1.0), (" and ", 0.0), ("down", -0.3), (" again", 0.05)]);
        assert_eq!(text.cut(None, Palette::None), "up and down again");
        assert_eq!(text.cut(None, Palette::Basic), "\x1b[1;36mup\x1b[0m and \x1b[33mdown\x1b[0m again");
        assert_eq!(
            text.cut(None, Palette::Indexed),
            "\x1b[38;5;16;48;5;75mup\x1b[0m and \x1b[38;5;16;48;5;223mdown\x1b[0m again"
        );
        assert_eq!(marked(&[("up", 1.0)]).cut(None, Palette::Full), "\x1b[38;2;0;0;0;48;2;70;160;220mup\x1b[0m");
    }

    #[test]
    fn a_marked_text_is_cut_and_wrapped_by_what_is_seen_of_it() {
        let text = marked(&[("Shares", 0.2), (" ", 0.0), ("plunged", 1.0), (" again", 0.0)]);
        assert_eq!(text.cut(Some(9), Palette::Basic), "\x1b[36mShares\x1b[0m \x1b[1;36mp\x1b[0m…");
        assert_eq!(text.cut(Some(20), Palette::None), "Shares plunged again");
        assert_eq!(text.wrapped(Some(14), Palette::None), ["Shares plunged", "again"]);
        assert_eq!(
            text.wrapped(Some(3), Palette::Basic),
            ["\x1b[36mShares\x1b[0m", "\x1b[1;36mplunged\x1b[0m", "again"]
        );
        assert_eq!(text.wrapped(None, Palette::None), ["Shares plunged again"]);
    }
}
