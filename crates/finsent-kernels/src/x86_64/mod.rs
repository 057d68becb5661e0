//! Vectors of x86-64. These files only map operations to instructions; the kernels are elsewhere.

mod avx2;
mod avx512;
mod narrow;

pub(crate) use avx2::Avx2;
pub(crate) use avx512::{Avx512, Avx512Bf16, Avx512Vnni};

/// Calls an intrinsic without memory operands, in a method of the token that proves it.
macro_rules! op {
    ($intrinsic:ident $(::<$bits:tt>)? ($($operand:expr),*)) => {{
        // SAFETY: a token exists only if its constructor found the instructions on this CPU, and the intrinsic touches
        // only registers.
        unsafe { $intrinsic $(::<$bits>)? ($($operand),*) }
    }};
}
use op;
