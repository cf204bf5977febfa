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
fn plain(product: Product<'_>, c: &mut [f32], c_row: usize) {
    let Product { shape, a, b, start, end } = product;
    for r in 0..shape.rows {
        for j in 0..shape.width {
            let mut sum = match start {
                Start::Bias(bias) => bias[j],
                Start::Accumulated => c[r * c_row + j],
                Start::Zero => 0.0,
            };
            for l in 0..shape.depth {
                sum = a.values[r * a.row + l * a.step].mul_add(b.values[l * b.step + j], sum);
            }
            c[r * c_row + j] = match end {
                End::Rectified if sum > 0.0 => sum,
                End::Rectified => 0.0,
                End::KeptWherePositive { values, row } if values[r * row + j] <= 0.0 => 0.0,
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
            // Contractions that are cut.
            for depth in [DEPTH_BLOCK, DEPTH_BLOCK + 1, 2 * DEPTH_BLOCK + 3] {
                check(isa, Shape { rows: 9, width, depth });
            }
        }
    }
}

fn check(isa: Isa, shape: Shape) {
    let Shape { rows, width, depth } = shape;
    let (a, b) = (numbers(40 * (depth + 40), 1), numbers(40 * (depth + 40), 2));
    let (bias, mask, c) = (numbers(32, 3), numbers(40 * 40, 4), numbers(40 * 40, 5));
    for start in [Start::Zero, Start::Bias(&bias), Start::Accumulated] {
        for end in [End::Plain, End::Rectified, End::KeptWherePositive { values: &mask, row: 35 }] {
            for (row, step) in [(depth + 2, 1), (1, rows + 1)] {
                let (a, b) = (Left { values: &a, row, step }, Right { values: &b, step: width + 1 });
                let operands = Product { shape, a, b, start, end };
                let (mut got, mut want) = (c.clone(), c.clone());
                product(isa, operands, &mut got, 39);
                plain(operands, &mut want, 39);
                let same = got.iter().zip(&want).all(|(x, y)| x.to_bits() == y.to_bits());
                let kinds = (start.kind(), end.kind());
                assert!(same, "{} {rows} x {width}, depth {depth}, strides {row} {step}, {kinds:?}", isa.name());
            }
        }
    }
}

/// Eight by eight, from slices of these lengths.
fn of_lengths(b_len: usize, c_len: usize) {
    let (a, b, mut c) = (vec![0.0; 64], vec![0.0; b_len], vec![0.0; c_len]);
    let shape = Shape { rows: 8, width: 8, depth: 8 };
    let (a, b) = (Left { values: &a, row: 8, step: 1 }, Right { values: &b, step: 8 });
    product(Isa::detect(), Product { shape, a, b, start: Start::Zero, end: End::Plain }, &mut c, 8);
}

#[test]
#[should_panic(expected = "B lies inside")]
fn a_short_operand_is_refused() {
    of_lengths(63, 64);
}

#[test]
#[should_panic(expected = "C lies inside")]
fn a_short_result_is_refused() {
    of_lengths(64, 63);
}
