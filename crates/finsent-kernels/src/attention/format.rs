//! The number format in which attention multiplies.

use crate::isa::Isa;
#[cfg(target_arch = "x86_64")]
use crate::narrow::NarrowKernel;
use crate::precision::Precision;

/// Up to so many tokens, as most headlines have, int8 has attention in f32: it takes less than 3 % of a pass, and rounding
/// would cost more accuracy than it saves time.
#[cfg(target_arch = "x86_64")]
pub(super) const SHORT: usize = 64;

/// Up to so many tokens, int8 has attention in bfloat16 where the CPU has both: rounding to bytes would take longer than
/// their products save.
#[cfg(target_arch = "x86_64")]
pub(super) const MEDIUM: usize = 128;

/// The number format in which attention multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    F32,
    #[cfg(target_arch = "x86_64")]
    Bf16,
    #[cfg(target_arch = "x86_64")]
    Bytes,
}

impl Format {
    /// The format for a text of so many tokens. It depends on nothing else, so that a text has the same bits in any company.
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(unused_variables, reason = "only x86-64 has other formats than f32")
    )]
    pub(crate) fn of(isa: Isa, precision: Precision, tokens: usize) -> Self {
        match (precision, isa) {
            #[cfg(target_arch = "x86_64")]
            (Precision::Bf16, Isa::Avx512Bf16(_)) => Self::Bf16,
            #[cfg(target_arch = "x86_64")]
            (Precision::Int8, Isa::Avx512Vnni(_) | Isa::Avx512Bf16(_)) if tokens > SHORT => match isa {
                Isa::Avx512Bf16(_) if tokens <= MEDIUM => Self::Bf16,
                _ => Self::Bytes,
            },
            _ => Self::F32,
        }
    }

    /// Runs a kernel in this format, which is one of those that [`Format::of`] gives for `isa`, other than f32.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn run(self, isa: Isa, kernel: impl NarrowKernel) {
        match (self, isa) {
            (Self::Bf16, Isa::Avx512Bf16(product)) => product.run_narrow(kernel),
            (Self::Bytes, Isa::Avx512Vnni(product)) => product.run_narrow(kernel),
            (Self::Bytes, Isa::Avx512Bf16(product)) => product.vnni().run_narrow(kernel),
            _ => unreachable!("{isa} has no attention in {self:?}"),
        }
    }
}
