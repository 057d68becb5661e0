//! Documents: a text is split into sentences, and the predictions of the sentences are aggregated.

mod aggregate;
mod lines;
mod mean;
mod sentence;
mod sentences;
mod split;
mod strongest;
mod words;

pub use self::aggregate::{Aggregate, Document};
pub use self::sentence::Sentence;
pub use self::sentences::sentences;
pub use self::split::SplitText;
pub use self::strongest::Strongest;
