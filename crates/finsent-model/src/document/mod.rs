//! A text is a document of sentences: it is cut into them, and their predictions come to its own.

mod aggregate;
mod lines;
mod sentences;
mod split;
mod words;

pub use self::aggregate::{Aggregate, Document, Sentence};
pub use self::sentences::sentences;
pub(crate) use self::split::SplitText;
