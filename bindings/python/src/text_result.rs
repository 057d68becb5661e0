//! What a value in Python is as a text.

use finsent_model::Text;

/// A text, or why it is none.
pub(crate) type TextResult = Result<Text, String>;
