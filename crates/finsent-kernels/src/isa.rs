//! The instruction set that the kernels use: the best one of the CPU, or the one that `FINSENT_ISA` names.

use std::fmt;
use std::sync::OnceLock;

use thiserror::Error;

#[cfg(target_arch = "aarch64")]
use super::aarch64::{Neon, NeonBf16, NeonDot, NeonI8mm};
use super::operand_format::OperandFormat;
use super::portable::Portable;
use super::precision::Precision;
use super::product::{I16Pairs, ProductKernel, Widen, Widening, WithProduct};
use super::simd::{Kernel, Simd};
#[cfg(target_arch = "x86_64")]
use super::x86_64::{Avx2, Avx512, Avx512Bf16, Avx512Vnni};

/// Environment variable that names the instruction set to use.
pub(crate) const ISA_VARIABLE: &str = "FINSENT_ISA";

/// An instruction set that this CPU has.
#[derive(Debug, Clone, Copy)]
pub enum Isa {
    /// Plain Rust, without vector instructions of this crate.
    Scalar(Portable),
    /// AVX2, 8 lanes; bytes are multiplied as 16-bit integers.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-512, 16 lanes; bytes are multiplied as 16-bit integers.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// AVX-512 with products of bytes.
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Avx512Vnni),
    /// AVX-512 with products of bytes and of bfloat16.
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16(Avx512Bf16),
    /// NEON, 4 lanes in pairs; bytes are multiplied as 16-bit integers.
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    /// NEON with products of bytes.
    #[cfg(target_arch = "aarch64")]
    NeonDot(NeonDot),
    /// NEON with matrix products of bytes.
    #[cfg(target_arch = "aarch64")]
    NeonI8mm(NeonI8mm),
    /// NEON with matrix products of bytes and of bfloat16.
    #[cfg(target_arch = "aarch64")]
    NeonBf16(NeonBf16),
}

/// `FINSENT_ISA` names an instruction set that cannot be used.
#[derive(Debug, Clone, Error)]
pub enum IsaError {
    /// No instruction set has this name.
    #[error("{ISA_VARIABLE}: no instruction set is called `{name}`; choose one of {}", NAMES.join(", "))]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// This CPU does not have the instruction set.
    #[error("{ISA_VARIABLE}: this CPU has no `{name}`; it has {}", available.join(", "))]
    Missing {
        /// The name that was given.
        name: String,
        /// The instruction sets of this CPU.
        available: Vec<&'static str>,
    },
}

/// The names that [`ISA_VARIABLE`] accepts, on any CPU.
const NAMES: [&str; 9] =
    ["scalar", "avx2", "avx512", "avx512-vnni", "avx512-bf16", "neon", "neon-dotprod", "neon-i8mm", "neon-bf16"];

impl Isa {
    /// Returns the instruction set to use. It is determined once per process.
    ///
    /// # Errors
    /// [`IsaError`] if `FINSENT_ISA` names an instruction set that does not exist or that the CPU does not have.
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

    /// Returns the instruction sets of this CPU, the best one last.
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
            available.extend(NeonI8mm::new().map(Self::NeonI8mm));
            available.extend(NeonBf16::new().map(Self::NeonBf16));
        }
        available
    }

    /// Returns the name by which `FINSENT_ISA` selects it.
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
            #[cfg(target_arch = "aarch64")]
            Self::NeonI8mm(_) => "neon-i8mm",
            #[cfg(target_arch = "aarch64")]
            Self::NeonBf16(_) => "neon-bf16",
        }
    }

    /// Runs a kernel, compiled for this instruction set.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Self::Scalar(s) => s.run_apart(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(s) => s.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(s) => s.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni(s) => s.avx512().run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(s) => s.vnni().avx512().run(kernel),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(s) => s.run(kernel),
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot(s) => s.neon().run(kernel),
            #[cfg(target_arch = "aarch64")]
            Self::NeonI8mm(s) => s.neon().run(kernel),
            #[cfg(target_arch = "aarch64")]
            Self::NeonBf16(s) => s.i8mm().neon().run(kernel),
        }
    }

    /// Runs a kernel with products of an f32 operand and weights that widen to f32.
    pub(super) fn run_widening<W: Widen, K: ProductKernel>(self, weights: W, kernel: K) {
        self.run(WithProduct { product: Widening(weights), kernel });
    }

    /// Runs a kernel with products of an operand in the format [`Isa::byte_operand`] and int8 weights.
    pub(super) fn run_bytes<K: ProductKernel>(self, kernel: K) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni(product) => product.run_product(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(product) => product.vnni().run_product(kernel),
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot(product) => product.run_product(kernel),
            #[cfg(target_arch = "aarch64")]
            Self::NeonI8mm(product) => product.run_product(kernel),
            #[cfg(target_arch = "aarch64")]
            Self::NeonBf16(product) => product.i8mm().run_product(kernel),
            _ => self.run(WithProduct { product: I16Pairs, kernel }),
        }
    }

    /// Runs a kernel with products of two bfloat16. Only valid if [`Isa::bf16_operand`] is bfloat16.
    #[cfg_attr(
        not(any(target_arch = "x86_64", target_arch = "aarch64")),
        expect(unused_variables, reason = "only these have such products")
    )]
    pub(super) fn run_bf16<K: ProductKernel>(self, kernel: K) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(product) => product.run_product(kernel),
            #[cfg(target_arch = "aarch64")]
            Self::NeonBf16(product) => product.run_product(kernel),
            _ => unreachable!("this instruction set has no products of bfloat16"),
        }
    }

    /// The format of an operand for int8 weights.
    pub(super) fn byte_operand(self) -> OperandFormat {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni(_) | Self::Avx512Bf16(_) => OperandFormat::U8,
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot(_) | Self::NeonI8mm(_) | Self::NeonBf16(_) => OperandFormat::I8,
            _ => OperandFormat::I16,
        }
    }

    /// The fastest format of an operand for bfloat16 weights.
    pub(super) fn bf16_operand(self) -> OperandFormat {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16(_) => OperandFormat::Bf16,
            #[cfg(target_arch = "aarch64")]
            Self::NeonBf16(_) => OperandFormat::Bf16,
            _ => OperandFormat::F32,
        }
    }

    /// Whether the products read two lanes of 32 bits of each column of packed weights next to each other.
    #[cfg_attr(not(target_arch = "aarch64"), expect(unused_variables, reason = "only ARM has such products"))]
    pub(super) fn has_lane_pairs(self, precision: Precision) -> bool {
        match self {
            #[cfg(target_arch = "aarch64")]
            Self::NeonI8mm(_) => precision == Precision::Int8,
            #[cfg(target_arch = "aarch64")]
            Self::NeonBf16(_) => precision != Precision::F32,
            _ => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_one_is_the_default_and_any_other_can_be_forced() {
        let available = Isa::available();
        assert_eq!(Isa::choose(None).unwrap().name(), available.last().unwrap().name());
        assert_eq!(Isa::choose(Some(" ")).unwrap().name(), available.last().unwrap().name());
        for isa in available {
            assert_eq!(Isa::choose(Some(isa.name())).unwrap().name(), isa.name());
        }
    }

    /// `.ci/run arm` says what an emulated CPU has.
    #[test]
    fn the_best_one_is_what_the_cpu_has() {
        if let Ok(expected) = std::env::var("FINSENT_TEST_BEST_ISA") {
            assert_eq!(Isa::choose(None).unwrap().name(), expected);
        }
    }

    #[test]
    fn an_unusable_name_is_an_error_that_lists_the_usable_ones() {
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
