//! The colors of labels.

use super::console::Style;

/// The style of a label. Other labels than positive and negative are neutral if the model predicts sentiment.
pub(super) fn label_style(label: &str, has_sentiment: bool) -> Style {
    match label.to_ascii_lowercase().as_str() {
        "positive" | "bullish" => Style::Green,
        "negative" | "bearish" => Style::Red,
        _ if has_sentiment => Style::Yellow,
        _ => Style::Bold,
    }
}
