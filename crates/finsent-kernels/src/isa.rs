//! Which instructions the kernels use: the best that the CPU has, or those that `FINSENT_ISA` names.

use std::fmt;
use std::sync::OnceLock;

use thiserror::Error;

#[cfg(target_arch = "aarch64")]
use super::aarch64::{Neon, NeonDot};
use super::portable::Portable;
use super::product::{Pairs, ProductKernel, Widen, Widening};
use super::simd::{Kernel, Simd};
#[cfg(target_arch = "x86_64")]
use super::x86_64::{Avx2, Avx512, Avx512Bf16, Avx512Vnni};

/// Environment variable that names the instructions to use.
pub(crate) const ISA_VARIABLE: &str = "FINSENT_ISA";

/// A set of instructions that this CPU has.
#[derive(Debug, Clone, Copy)]
pub enum Isa {
    /// No vector instructions but the compiler's.
    Scalar(Portable),
    /// 8 lanes; bytes are multiplied as 16-bit integers.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// 16 lanes; bytes are multiplied as 16-bit integers.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// And products of bytes.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Avx512Vnni),
    /// And products of bfloat16.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(Avx512Bf16),
    /// 4 lanes in pairs; bytes are multiplied as 16-bit integers.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    /// And products of bytes.
    #[cfg(target_arch = "aarch64")]
    NeonDot(NeonDot),
}

/// `FINSENT_ISA` names instructions that cannot be used.
#[derive(Debug, Clone, Error)]
pub enum IsaError {
    /// The name means nothing.
    #[error("{ISA_VARIABLE}: no instruction set is called `{name}`; choose one of {}", NAMES.join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
    /// The CPU lacks them.
    #[error("{ISA_VARIABLE}: this CPU has no `{name}`; it has {}", available.join(", "))]
    Missing {
        /// The name.
        name: String,
        /// What the CPU has.
        available: Vec<&'static str>,
    },
}

/// The names that [`ISA_VARIABLE`] takes, on any CPU.
const NAMES: [&str; 7] = ["scalar", "avx2", "avx512", "avx512-vnni", "avx512-bf16", "neon", "neon-dotprod"];

impl Isa {
    /// The instructions to use, found out once for the process.
    ///
    /// # Errors
    /// [`IsaError`] when `FINSENT_ISA` names instructions that are unknown or that the CPU lacks.
    pub fn chosen() -> Result<Self, IsaError> {
        static CHOSEN: OnceLock<Result<Isa, IsaError>> = OnceLock::new();
        let choose = || {
            let isa = Self::choose(std::env::var(ISA_VARIABLE).ok().as_deref())?;
            tracing::info!("kernels: {isa}");
            Ok(isa)
        };
        CHOSEN.get_or_init(choose).clone()
    }

    fn choose(name: Option<&str>) -> Result<Self, IsaError> {
        let available = Self::available();
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else {
            return Ok(*available.last().expect("the scalar kernels run on every CPU"));
        };
        let found = available.iter().find(|isa| isa.name() == name).copied();
        found.ok_or_else(|| match NAMES.contains(&name) {
            true => {
                IsaError::Missing { name: name.into(), available: available.iter().map(|isa| isa.name()).collect() }
            }
            false => IsaError::Unknown { name: name.into() },
        })
    }

    /// What this CPU has, the best last.
    pub fn available() -> Vec<Self> {
        let mut available = vec![Self::Scalar(Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            available.extend(Avx2::new().map(Self::Avx2));
            available.extend(Avx512::new().map(Self::Avx512));
            available.extend(Avx512Vnni::new().map(Self::Avx512Vnni));
            available.extend(Avx512Bf16::new().map(Self::Avx512Bf16));
        }
        #[cfg(target_arch = "aarch64")]
        {
            available.extend(Neon::new().map(Self::Neon));
            available.extend(NeonDot::new().map(Self::NeonDot));
        }
        available
    }

    /// As `FINSENT_ISA` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar(_) => "scalar",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni(_) => "avx512-vnni",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(_) => "avx512-bf16",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "neon",
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot(_) => "neon-dotprod",
        }
    }

    /// Runs a routine compiled for these instructions.
    pub(super) fn run<R: Kernel>(self, routine: R) -> R::Output {
        match self {
            Self::Scalar(s) => routine.run(s),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(s) => s.run(routine),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(s) => s.run(routine),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni(s) => s.avx512().run(routine),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(s) => s.vnni().avx512().run(routine),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(s) => s.run(routine),
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot(s) => s.neon().run(routine),
        }
    }

    /// Runs a routine over an f32 operand and weights that widen.
    pub(super) fn run_widening<W: Widen, R: ProductKernel>(self, weights: W, routine: R) {
        self.run(With { product: Widening(weights), routine });
    }

    /// Runs a routine over the operand of bytes that [`Isa::byte_operand`] says.
    pub(super) fn run_bytes<R: ProductKernel>(self, routine: R) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni(product) => product.run_product(routine),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(product) => product.vnni().run_product(routine),
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot(product) => product.run_product(routine),
            _ => self.run(With { product: Pairs, routine }),
        }
    }

    /// Runs a routine over the operand for bfloat16 weights that [`Isa::bf16_operand`] says.
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables, reason = "only x86 has these products here"))]
    pub(super) fn run_bf16<R: ProductKernel>(self, routine: R) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(product) => product.run_product(routine),
            _ => unreachable!("without products of bfloat16 the operand is f32"),
        }
    }

    /// In what form an operand meets int8 weights.
    pub(super) fn byte_operand(self) -> OperandFormat {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni(_) | Self::Avx512Bf16(_) => OperandFormat::U8,
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot(_) => OperandFormat::I8,
            _ => OperandFormat::I16,
        }
    }

    /// In what form an operand meets bfloat16 weights.
    pub(super) fn bf16_operand(self) -> OperandFormat {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(_) => OperandFormat::Bf16,
            _ => OperandFormat::F32,
        }
    }

    /// Columns of a panel of packed weights.
    pub(super) fn panel_width(self) -> usize {
        struct PanelWidth;
        impl Kernel for PanelWidth {
            type Output = usize;
            fn run<S: Simd>(self, _: S) -> usize {
                S::NR
            }
        }
        self.run(PanelWidth)
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the numbers of an operand are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperandFormat {
    /// As they are.
    F32,
    /// Rounded to bfloat16.
    Bf16,
    /// A byte each, 0 to 255, with a scale and a zero point a row.
    U8,
    /// The same, less 128: for instructions that take signed bytes only.
    I8,
    /// The same bytes as [`OperandFormat::U8`], each in 16 bits, in the order of `PAIRS` in `product`.
    I16,
}

/// A routine over a product that every vector type has.
struct With<P, R> {
    product: P,
    routine: R,
}

impl<W: Widen, R: ProductKernel> Kernel for With<Widening<W>, R> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.routine.run(s, self.product);
    }
}

impl<R: ProductKernel> Kernel for With<Pairs, R> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        self.routine.run(s, self.product);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_chosen_and_a_lower_one_can_be_forced() {
        let available = Isa::available();
        assert_eq!(Isa::choose(None).unwrap().name(), available.last().unwrap().name());
        assert_eq!(Isa::choose(Some(" ")).unwrap().name(), available.last().unwrap().name());
        for isa in available {
            assert_eq!(Isa::choose(Some(isa.name())).unwrap().name(), isa.name());
        }
    }

    #[test]
    fn what_cannot_be_used_is_an_error_that_says_what_can() {
        let message = Isa::choose(Some("avx521")).unwrap_err().to_string();
        assert!(
            message.contains("no instruction set is called `avx521`") && message.contains("neon-dotprod"),
            "{message}"
        );
        let foreign = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
        let message = Isa::choose(Some(foreign)).unwrap_err().to_string();
        assert!(message.contains(&format!("this CPU has no `{foreign}`; it has scalar")), "{message}");
    }
}
