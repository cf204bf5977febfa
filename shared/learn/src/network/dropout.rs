//! Inverted dropout (Srivastava et al. 2014): a unit is dropped with probability p, a kept one is scaled by 1 / (1 − p),
//! so that scoring needs nothing. A draw is a function of (seed, layer, unit, epoch, global row).

use aquifer_frame::{Philox, unit};

#[derive(Clone, Debug)]
pub(crate) struct Dropout {
    stream: Philox,
    ratio: f32,
    /// 1 / (1 − p)
    pub(crate) scale: f32,
}

impl Dropout {
    /// None for a ratio of zero.
    pub(crate) fn new(seed: u64, purpose: &str, ratio: f64) -> Option<Self> {
        let scale = (1.0 / (1.0 - ratio)) as f32;
        (ratio > 0.0).then(|| Self { stream: Philox::new(seed, purpose), ratio: ratio as f32, scale })
    }

    /// The factors of units 0 .. mask.len() of a row: 0 or the scale.
    pub(crate) fn fill(&self, epoch: u64, row: u64, mask: &mut [f32]) {
        for (index, four) in mask.chunks_mut(4).enumerate() {
            let words = self.stream.draw(index as u32, epoch, row);
            for (factor, word) in four.iter_mut().zip(words) {
                *factor = if unit(word) < self.ratio { 0.0 } else { self.scale };
            }
        }
    }

    /// Whether one unit of a row is kept.
    pub(crate) fn keeps(&self, epoch: u64, row: u64, index: u32) -> bool {
        let words = self.stream.draw(index / 4, epoch, row);
        unit(words[index as usize % 4]) >= self.ratio
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_its_share_and_tells_the_same_both_ways() {
        let dropout = Dropout::new(1, "test", 0.3).unwrap();
        let mut dropped = 0;
        for row in 0..100 {
            let mut mask = [0.0; 101];
            dropout.fill(2, row, &mut mask);
            for (i, factor) in mask.iter().enumerate() {
                assert_eq!(*factor != 0.0, dropout.keeps(2, row, i as u32));
                dropped += usize::from(*factor == 0.0);
            }
        }
        assert!((2800..3260).contains(&dropped), "{dropped} of 10100");
        assert!(Dropout::new(1, "test", 0.0).is_none());
    }
}
