//! Vectors of x86-64. The files differ in the names of the instructions; the routines are elsewhere.

mod avx2;
mod avx512;

pub(crate) use avx2::Avx2;
pub(crate) use avx512::{Avx512, Avx512Bf16, Avx512Vnni};

/// An intrinsic without memory operands, called by a method of the token that proves it.
macro_rules! op {
    ($intrinsic:ident $(::<$bits:tt>)? ($($operand:expr),*)) => {{
        // SAFETY: a value of the token type exists only where its constructor found the instructions on this CPU, and
        // the intrinsic touches registers only.
        unsafe { $intrinsic $(::<$bits>)? ($($operand),*) }
    }};
}
use op;
