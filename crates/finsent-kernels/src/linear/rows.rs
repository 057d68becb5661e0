//! Packed weights row by row again: the inverse of packing, on any CPU and for any width of the panels.

use std::ops::Range;

use super::low_bits::NIBBLES;
use super::packed::PackedWeights;
use super::quantize::LANE_BYTES;
use super::weights::WeightRows;
use crate::precision::Precision;

impl PackedWeights {
    /// The lanes of a column, in the order of its numbers.
    fn column(&self, row: usize) -> impl Iterator<Item = i32> {
        let (width, step_lanes, column_lanes) = (self.width(), self.layout.step_lanes(), self.layout.column_lanes());
        let panel_len = self.steps() * step_lanes;
        let panel = &self.lanes.as_slice()[row / width * panel_len..][..panel_len];
        let first = row % width * column_lanes;
        panel.chunks_exact(step_lanes).flat_map(move |step| &step[first..first + column_lanes]).copied()
    }

    /// The low bits of a column, in the unit of a byte. Zero if there are none.
    fn low_bits_of(&self, row: usize) -> impl Iterator<Item = f32> {
        let width = self.width();
        let lanes = self.low_bits.as_ref().map(|low_bits| &low_bits.panel(row / width)[row % width..]);
        let nibble = move |k: usize| {
            let lane = lanes.map_or(0, |lanes| lanes[k / (2 * LANE_BYTES) * width]);
            let shifted = lane << (28 - 4 * (k % (2 * LANE_BYTES)));
            (shifted >> 28) as f32 / NIBBLES
        };
        (0..self.inputs).map(nibble)
    }

    fn bytes_of(&self, row: usize) -> impl Iterator<Item = i8> {
        self.column(row).flat_map(|lane| lane.to_le_bytes().map(u8::cast_signed))
    }

    fn read_row(&self, row: usize, to: &mut [f32]) {
        match self.layout.precision() {
            Precision::F32 => to.iter_mut().zip(self.column(row)).for_each(|(to, lane)| {
                *to = f32::from_bits(lane.cast_unsigned());
            }),
            Precision::Bf16 => {
                let halves = self.column(row).flat_map(|lane| [lane << 16, lane & !0xffff]);
                to.iter_mut().zip(halves).for_each(|(to, half)| *to = f32::from_bits(half.cast_unsigned()));
            }
            Precision::Int8 => {
                let numbers = self.bytes_of(row).zip(self.low_bits_of(row));
                for (to, (byte, low_bits)) in to.iter_mut().zip(numbers) {
                    *to = (f32::from(byte) + low_bits) * self.scales[row];
                }
            }
        }
    }
}

impl WeightRows for PackedWeights {
    fn read(&self, rows: Range<usize>, to: &mut [f32]) {
        rows.zip(to.chunks_exact_mut(self.inputs)).for_each(|(row, to)| self.read_row(row, to));
    }

    /// Without low bits, the bytes are all that there ever was.
    fn are_int8(&self) -> bool {
        self.layout.precision() == Precision::Int8 && !self.has_low_bits()
    }

    /// Packed bytes are read as they are, also if there are low bits.
    fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]) {
        if self.layout.precision() != Precision::Int8 {
            let mut values = vec![0.0; to.len()];
            self.read(rows, &mut values);
            return super::quantize_weights(&values, to, scales);
        }
        scales.copy_from_slice(&self.scales[rows.clone()]);
        for (row, to) in rows.zip(to.chunks_exact_mut(self.inputs)) {
            to.iter_mut().zip(self.bytes_of(row)).for_each(|(to, byte)| *to = byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::layout::WeightLayout;
    use crate::linear::{PackedError, PackedParts};
    use crate::shared_bytes::SharedBytes;
    use crate::tests::{pool, random};
    use crate::{Isa, WeightStore, quantize_weights};

    struct Rows<'a>(&'a [f32], usize, bool);

    impl WeightRows for Rows<'_> {
        fn read(&self, rows: Range<usize>, to: &mut [f32]) {
            to.copy_from_slice(&self.0[rows.start * self.1..rows.end * self.1]);
        }

        fn are_int8(&self) -> bool {
            self.2
        }

        fn read_int8(&self, rows: Range<usize>, to: &mut [i8], scales: &mut [f32]) {
            quantize_weights(&self.0[rows.start * self.1..rows.end * self.1], to, scales);
        }
    }

    fn assert_same(a: &PackedWeights, b: &PackedWeights) {
        assert_eq!((a.layout(), a.shape(), a.has_low_bits()), (b.layout(), b.shape(), b.has_low_bits()));
        let (a, b) = (a.to_parts(), b.to_parts());
        assert_eq!(a.lanes.as_bytes(), b.lanes.as_bytes());
        assert_eq!((a.scales, a.sums), (b.scales, b.sums));
        let [a, b] = [a.low_bits, b.low_bits].map(|bits| bits.map(|bits| bits.as_bytes().to_vec()));
        assert_eq!(a, b);
    }

    #[test]
    fn weights_packed_for_one_cpu_are_repacked_for_another_without_a_loss() {
        let pool = pool(2);
        let sizes = if cfg!(miri) { vec![[5, 3], [33, 2]] } else { vec![[1, 1], [5, 3], [33, 17], [64, 40], [7, 65]] };
        for [outputs, inputs] in sizes {
            let values = random(outputs * inputs, 3);
            for precision in Precision::ALL {
                for are_int8 in [false, true] {
                    let pack = |isa, rows: &dyn WeightRows| {
                        PackedWeights::pack(&WeightStore::default(), isa, &pool, precision, rows, [outputs, inputs])
                    };
                    for from in Isa::available() {
                        let packed = pack(from, &Rows(&values, inputs, are_int8));
                        for to in Isa::available() {
                            assert_same(&pack(to, &packed), &pack(to, &Rows(&values, inputs, are_int8)));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn rows_are_read_back_as_they_were_rounded() {
        let pool = pool(1);
        let (outputs, inputs) = (19, 13);
        let values = random(outputs * inputs, 5);
        for isa in Isa::available() {
            let read = |precision| {
                let packed = PackedWeights::pack(
                    &WeightStore::default(),
                    isa,
                    &pool,
                    precision,
                    &Rows(&values, inputs, false),
                    [outputs, inputs],
                );
                let mut read = vec![0.0; outputs * inputs];
                packed.read(0..outputs, &mut read);
                read
            };
            assert_eq!(read(Precision::F32), values);
            let rounded: Vec<f32> = values.iter().map(|&value| half::bf16::from_f32(value).to_f32()).collect();
            assert_eq!(read(Precision::Bf16), rounded);
            let scale = 1.0 / 127.0;
            for (found, value) in read(Precision::Int8).iter().zip(&values) {
                assert!((found - value).abs() <= scale / 15.0, "{found} instead of {value}");
            }
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let pool = pool(1);
        let isa = Isa::available()[0];
        let values = random(20 * 40, 1);
        let packed = PackedWeights::pack(
            &WeightStore::default(),
            isa,
            &pool,
            Precision::Int8,
            &Rows(&values, 40, false),
            [20, 40],
        );
        let layout = packed.layout();
        let build = |change: &dyn Fn(&mut PackedParts), shape| {
            let mut parts = packed.to_parts();
            change(&mut parts);
            PackedWeights::from_parts(layout, shape, parts)
        };
        assert_same(&build(&|_| (), [20, 40]).unwrap(), &packed);
        for shape in [[20, 400], [200, 40], [usize::MAX, usize::MAX], [usize::MAX, 1], [1, usize::MAX]] {
            assert!(matches!(build(&|_| (), shape), Err(PackedError::Length { .. })), "{shape:?}");
        }
        assert!(matches!(build(&|_| (), [0, 40]), Err(PackedError::Empty)));
        let short = |bytes: &SharedBytes| bytes.part(64..bytes.as_bytes().len());
        let changes: [&dyn Fn(&mut PackedParts); 5] = [
            &|parts| parts.lanes = short(&parts.lanes),
            &|parts| parts.low_bits = parts.low_bits.as_ref().map(short),
            &|parts| parts.scales.truncate(1),
            &|parts| parts.sums.truncate(1),
            &|parts| parts.sums[3] = i32::MIN,
        ];
        for change in changes {
            assert!(build(change, [20, 40]).is_err());
        }
        let parts = packed.to_parts();
        let floats = WeightLayout::named(layout.name(), Precision::F32, layout.width()).unwrap();
        assert_eq!(PackedWeights::from_parts(floats, [20, 40], parts).unwrap_err(), PackedError::LowBits);
        assert_eq!(WeightLayout::named("x", Precision::F32, 16), None);
        assert_eq!(WeightLayout::named("lanes", Precision::F32, 0), None);
        assert_eq!(WeightLayout::named("lanes", Precision::F32, usize::MAX), None);
    }
}
