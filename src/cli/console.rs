//! Messages on standard error, and colors.

use std::env;
use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;

use super::args::{ColorChoice, GlobalArgs, LogFormat};
use super::logging;
use super::platform::understands_colors;

/// Standard error, as the user wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Console {
    quiet: bool,
    json: bool,
    color: ColorChoice,
}

/// A style of text, as the parameter of the terminal's SGR sequence.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Cyan = 36,
}

impl Default for Console {
    fn default() -> Self {
        Self { quiet: false, json: false, color: ColorChoice::Auto }
    }
}

impl Console {
    /// Starts the log as the options say. A server logs more than a tool.
    pub(super) fn start(global: &GlobalArgs, is_service: bool) -> Self {
        let console = Self { quiet: global.quiet, json: global.log_format == LogFormat::Json, color: global.color };
        let level = match (global.quiet, global.verbose) {
            (true, _) => LevelFilter::ERROR,
            (false, 0) if console.json || is_service => LevelFilter::INFO,
            (false, 0) => LevelFilter::WARN,
            (false, 1) => LevelFilter::INFO,
            (false, _) => LevelFilter::DEBUG,
        };
        logging::start(console.json, level, console.colors(&io::stderr()), is_service);
        console
    }

    /// Prints something that is not an error.
    pub(super) fn note(&self, message: &str) {
        if self.json {
            tracing::info!("{message}");
        } else if !self.quiet {
            self.line(&printable(message));
        }
    }

    /// Prints why the command failed.
    pub(super) fn error(&self, message: &str) {
        if self.json {
            tracing::error!("{message}");
        } else {
            self.line(&format!("{} {}", paint("error:", Style::Red, self.colors(&io::stderr())), printable(message)));
        }
    }

    /// Prints what helps people after an error, as it is; a program that reads the log does not need it.
    pub(super) fn hint(&self, text: &str) {
        if !self.json {
            print_line(text);
        }
    }

    /// Whether progress bars are drawn.
    pub(super) fn draws_progress(&self) -> bool {
        !self.quiet && !self.json && io::stderr().is_terminal()
    }

    /// Whether to color what is written to `stream`.
    pub(super) fn colors(&self, stream: &impl IsTerminal) -> bool {
        let is_allowed = || env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => stream.is_terminal() && is_allowed() && understands_colors(),
        }
    }

    fn line(&self, message: &str) {
        print_line(&format!("finsent: {message}"));
    }
}

fn print_line(line: &str) {
    logging::write(format!("{line}\n").as_bytes());
}

/// `text` in a style, if `colors` are on.
pub(super) fn paint(text: &str, style: Style, colors: bool) -> String {
    if colors { format!("\x1b[{}m{text}\x1b[0m", style as u8) } else { text.to_owned() }
}

/// `text` on one line, without characters that move the cursor or change the writing direction.
pub(super) fn printable(text: &str) -> String {
    let turns_direction = |letter: char| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown = |letter: char| match letter {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
        letter if letter.is_control() || turns_direction(letter) => '\u{fffd}',
        letter => letter,
    };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_control_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\nc\u{202e}d\0"), "a\u{fffd}[2Jb c\u{fffd}d\u{fffd}");
    }
}
