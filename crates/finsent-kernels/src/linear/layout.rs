//! The order of packed weights in memory. It depends on the instruction set, so a file of packed weights names it.
//!
//! A new order is a new [`Order`], with its place in [`WeightLayout::of`], in `pack` and in `rows`.

use super::quantize::LANE_BYTES;
use crate::isa::Isa;
use crate::precision::Precision;

/// The order of the packed weights of a layer in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightLayout {
    order: Order,
    precision: Precision,
    /// Columns of a panel.
    width: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// `[panels, steps, width]` lanes of 32 bits, each with the numbers of one column.
    Lanes,
    /// `[panels, steps, width, 2]` lanes of 32 bits: each step has two of a column.
    LanePairs,
}

impl Order {
    const ALL: [Self; 2] = [Self::Lanes, Self::LanePairs];

    fn name(self) -> &'static str {
        match self {
            Self::Lanes => "lanes",
            Self::LanePairs => "lane-pairs",
        }
    }
}

/// Columns of a panel that weights can have: more than any instruction set needs.
const MOST_COLUMNS: usize = 256;

impl WeightLayout {
    /// The layout that the products of this instruction set read.
    pub fn of(isa: Isa, precision: Precision) -> Self {
        let order = if isa.has_lane_pairs(precision) { Order::LanePairs } else { Order::Lanes };
        Self { order, precision, width: isa.panel_width() }
    }

    /// The layout with this name. `None` if there is none, or if it cannot have panels of `width` columns.
    pub fn named(name: &str, precision: Precision, width: usize) -> Option<Self> {
        let order = Order::ALL.into_iter().find(|order| order.name() == name)?;
        let is_possible = (1..=MOST_COLUMNS).contains(&width) && (order == Order::Lanes || precision != Precision::F32);
        is_possible.then_some(Self { order, precision, width })
    }

    /// The name of the order, without its geometry.
    pub fn name(self) -> &'static str {
        self.order.name()
    }

    /// The number format of the weights.
    pub fn precision(self) -> Precision {
        self.precision
    }

    /// The number of columns of a panel.
    pub fn width(self) -> usize {
        self.width
    }

    /// Columns of all panels.
    pub(super) fn columns(self, outputs: usize) -> usize {
        outputs.next_multiple_of(self.width)
    }

    /// Lanes of 32 bits that a column has in a step.
    pub(super) fn column_lanes(self) -> usize {
        match self.order {
            Order::Lanes => 1,
            Order::LanePairs => 2,
        }
    }

    /// Lanes of 32 bits in a step.
    pub(super) fn step_lanes(self) -> usize {
        self.width * self.column_lanes()
    }

    /// Numbers along k of a column that lie next to each other, which a step multiplies.
    pub(super) fn group(self) -> usize {
        let lane_numbers = match self.precision {
            Precision::F32 => 1,
            Precision::Bf16 => 2,
            Precision::Int8 => LANE_BYTES,
        };
        self.column_lanes() * lane_numbers
    }

    /// Steps of a panel.
    pub(super) fn steps(self, inputs: usize) -> usize {
        inputs.div_ceil(self.group())
    }
}
