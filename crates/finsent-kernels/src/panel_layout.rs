//! Where the numbers of packed weights lie: which order is fastest depends on the instruction set.

use std::fmt;

use super::precision::Precision;

/// Where the numbers of a panel of packed weights lie: `[steps, width, group]`, with numbers of `precision`. Two
/// instruction sets with the same layout read the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanelLayout {
    /// The number format of the weights.
    pub precision: Precision,
    /// Columns of a panel.
    pub width: usize,
    /// Numbers along k that lie next to each other, which a step multiplies: one or two lanes of 32 bits.
    pub group: usize,
}

impl PanelLayout {
    /// Numbers in a lane of 32 bits.
    pub(super) fn lane_numbers(self) -> usize {
        match self.precision {
            Precision::F32 => 1,
            Precision::Bf16 => 2,
            Precision::Int8 => 4,
        }
    }

    /// Lanes of 32 bits that a column has in a step.
    pub(super) fn column_lanes(self) -> usize {
        self.group / self.lane_numbers()
    }

    /// Lanes of 32 bits in a step.
    pub(super) fn step_lanes(self) -> usize {
        self.width * self.column_lanes()
    }

    /// Steps for `inputs` numbers along k.
    pub(super) fn steps(self, inputs: usize) -> usize {
        inputs.div_ceil(self.group)
    }
}

impl fmt::Display for PanelLayout {
    /// A name such as `int8-16x4`: the width and the group.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}x{}", self.precision, self.width, self.group)
    }
}
