//! The most that a core multiplies and adds: chains of fused multiply-adds in registers, with no memory behind them.
//!
//! What a measurement divides by. It decides no bits and looks at no clock: who calls it measures how long it took.
#![allow(unsafe_code)] // calling functions that are compiled for more than the baseline

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    _mm256_add_ps, _mm256_cvtss_f32, _mm256_fmadd_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm512_add_ps,
    _mm512_cvtss_f32, _mm512_fmadd_ps, _mm512_set1_ps, _mm512_setzero_ps,
};

use aquifer_frame::{Isa, Set};

/// Independent chains: more than latency × instructions a cycle (4 × 2 on Zen 4 and recent Intel cores), and with two
/// operands few enough for the 16 vector registers of AVX2.
const CHAINS: usize = 12;
/// Each link is `c = c · FACTOR + ADDEND`, which goes to 1: never infinite, never subnormal.
const FACTOR: f32 = 0.75;
const ADDEND: f32 = 0.25;

/// What chains of fused multiply-adds came to.
#[derive(Clone, Copy, Debug)]
pub struct Peak {
    /// Floating-point operations done: two a lane and link.
    pub flops: u64,
    /// The sum of the chains' first lanes: look at it, or a compiler may find the work to be of no use.
    pub value: f32,
}

/// Lengthens each of a dozen independent chains of vectors by `links`, with the instructions that products use.
pub fn peak(isa: Isa, links: u64) -> Peak {
    let (lanes, value) = match isa.set() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an Isa of this set exists only where the features were detected.
        Set::Avx512 => (16, unsafe { avx512(links) }),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Set::Avx2 => (8, unsafe { avx2(links) }),
        Set::Portable => (8, portable(links)),
    };
    Peak { flops: 2 * lanes * CHAINS as u64 * links, value }
}

/// A chain's first value: no two are the same, else they would be computed once.
fn first(chain: usize) -> f32 {
    chain as f32
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(links: u64) -> f32 {
    let (factor, addend) = (_mm512_set1_ps(FACTOR), _mm512_set1_ps(ADDEND));
    let mut chains = [_mm512_setzero_ps(); CHAINS];
    for (at, chain) in chains.iter_mut().enumerate() {
        *chain = _mm512_set1_ps(first(at));
    }
    for _ in 0..links {
        for chain in &mut chains {
            *chain = _mm512_fmadd_ps(*chain, factor, addend);
        }
    }
    let mut sum = _mm512_setzero_ps();
    for chain in chains {
        sum = _mm512_add_ps(sum, chain);
    }
    _mm512_cvtss_f32(sum)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(links: u64) -> f32 {
    let (factor, addend) = (_mm256_set1_ps(FACTOR), _mm256_set1_ps(ADDEND));
    let mut chains = [_mm256_setzero_ps(); CHAINS];
    for (at, chain) in chains.iter_mut().enumerate() {
        *chain = _mm256_set1_ps(first(at));
    }
    for _ in 0..links {
        for chain in &mut chains {
            *chain = _mm256_fmadd_ps(*chain, factor, addend);
        }
    }
    let mut sum = _mm256_setzero_ps();
    for chain in chains {
        sum = _mm256_add_ps(sum, chain);
    }
    _mm256_cvtss_f32(sum)
}

fn portable(links: u64) -> f32 {
    let mut chains: [[f32; 8]; CHAINS] = std::array::from_fn(|at| [first(at); 8]);
    for _ in 0..links {
        for lane in chains.as_flattened_mut() {
            *lane = lane.mul_add(FACTOR, ADDEND);
        }
    }
    // All lanes are alike, but that is not for a compiler to know.
    std::hint::black_box(&chains);
    chains.iter().fold(0.0, |sum, chain| sum + chain[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_computed_and_counted() {
        for isa in Isa::available() {
            let none = peak(isa, 0);
            assert_eq!((none.flops, none.value), (0, 66.0), "{}", isa.name());
            let lanes = if isa.name() == "avx512" { 16 } else { 8 };
            let one = peak(isa, 1);
            assert_eq!((one.flops, one.value), (2 * lanes * 12, 66.0 * 0.75 + 12.0 * 0.25), "{}", isa.name());
            assert_eq!(peak(isa, 1000).value, 12.0, "{}", isa.name());
        }
    }
}
