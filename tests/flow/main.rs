//! From text to verdict, against transformers, candle-transformers and itself.

mod checkpoints;
mod golden;
mod packing;
mod parity;
mod published;
mod tokeniser;
