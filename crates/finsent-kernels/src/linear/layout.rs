//! The order of packed weights in memory. It depends on the instruction set, so a file of packed weights names it.
//!
//! A new order is a new [`Order`], with its place in [`WeightLayout::of`], in `pack` and in `rows`.

use super::pack::group;
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
}

impl Order {
    const ALL: [Self; 1] = [Self::Lanes];

    fn name(self) -> &'static str {
        match self {
            Self::Lanes => "lanes",
        }
    }
}

/// Columns of a panel that weights can have: more than any instruction set needs.
const MOST_COLUMNS: usize = 256;

impl WeightLayout {
    /// The layout that the products of this instruction set read.
    pub fn of(isa: Isa, precision: Precision) -> Self {
        Self { order: Order::Lanes, precision, width: isa.panel_width() }
    }

    /// The layout with this name. `None` if there is none, or if it cannot have panels of `width` columns.
    pub fn named(name: &str, precision: Precision, width: usize) -> Option<Self> {
        let order = Order::ALL.into_iter().find(|order| order.name() == name)?;
        (1..=MOST_COLUMNS).contains(&width).then_some(Self { order, precision, width })
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

    /// Steps of a panel.
    pub(super) fn steps(self, inputs: usize) -> usize {
        inputs.div_ceil(group(self.precision))
    }
}
