//! The number formats of activations: which one is fastest depends on the instruction set.

/// The number format of an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperandFormat {
    /// f32, unchanged.
    F32,
    /// Rounded to bfloat16.
    Bf16,
    /// A byte each, from 0 to 255, with a scale and a zero point per row.
    U8,
    /// The same, less 128, for instructions that take only signed bytes.
    I8,
    /// The same bytes as [`OperandFormat::U8`], in 16 bits each, in the order that products of pairs need.
    I16,
}
