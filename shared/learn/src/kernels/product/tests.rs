//! Every use, width and height against the contract written as three loops, bit for bit, and the extents' checks.

use super::*;

fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// The contract.
fn plain(shape: Shape, a: Left<'_>, b: Right<'_>, how: Use<'_>, c: &mut [f32], c_row: usize) {
    for r in 0..shape.rows {
        for j in 0..shape.width {
            let mut sum = match how {
                Use::Affine { bias } | Use::Rectified { bias } => bias[j],
                Use::Accumulated => c[r * c_row + j],
                _ => 0.0,
            };
            for l in 0..shape.depth {
                sum = a.values[r * a.row + l * a.step].mul_add(b.values[l * b.step + j], sum);
            }
            c[r * c_row + j] = match how {
                Use::Rectified { .. } if sum > 0.0 => sum,
                Use::Rectified { .. } => 0.0,
                Use::KeptWherePositive { values, row } if values[r * row + j] <= 0.0 => 0.0,
                _ => sum,
            };
        }
    }
}

#[test]
fn every_tile_keeps_the_contract() {
    for isa in Isa::available() {
        for width in [8, 16, 24, 32] {
            for rows in [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 32] {
                for depth in [0, 1, 5, 37] {
                    check(isa, Shape { rows, width, depth });
                }
            }
        }
    }
}

fn check(isa: Isa, shape: Shape) {
    let Shape { rows, width, depth } = shape;
    let (a, b) = (numbers(40 * 40, 1), numbers(40 * 40, 2));
    let (bias, mask, start) = (numbers(32, 3), numbers(40 * 40, 4), numbers(40 * 40, 5));
    let uses = [
        Use::Affine { bias: &bias },
        Use::Rectified { bias: &bias },
        Use::Plain,
        Use::KeptWherePositive { values: &mask, row: 35 },
        Use::Accumulated,
    ];
    for how in uses {
        for (row, step) in [(depth + 2, 1), (1, rows + 1)] {
            let (left, right) = (Left { values: &a, row, step }, Right { values: &b, step: width + 1 });
            let (mut got, mut want) = (start.clone(), start.clone());
            product(isa, shape, left, right, how, &mut got, 39);
            plain(shape, left, right, how, &mut want, 39);
            let same = got.iter().zip(&want).all(|(x, y)| x.to_bits() == y.to_bits());
            assert!(same, "{} {rows} x {width}, depth {depth}, strides {row} {step}, {:?}", isa.name(), how.kind());
        }
    }
}

#[test]
#[should_panic(expected = "B lies inside")]
fn a_short_operand_is_refused() {
    let (a, b, mut c) = ([0.0; 64], [0.0; 63], [0.0; 64]);
    let shape = Shape { rows: 8, width: 8, depth: 8 };
    let (a, b) = (Left { values: &a, row: 8, step: 1 }, Right { values: &b, step: 8 });
    product(Isa::detect(), shape, a, b, Use::Plain, &mut c, 8);
}

#[test]
#[should_panic(expected = "C lies inside")]
fn a_short_result_is_refused() {
    let (a, b, mut c) = ([0.0; 64], [0.0; 64], [0.0; 63]);
    let shape = Shape { rows: 8, width: 8, depth: 8 };
    let (a, b) = (Left { values: &a, row: 8, step: 1 }, Right { values: &b, step: 8 });
    product(Isa::detect(), shape, a, b, Use::Plain, &mut c, 8);
}
