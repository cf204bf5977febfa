//! All chance of a test comes from its seed.

use aquifer_frame::{Philox, below};

/// Draws of one purpose, one after the other.
pub(crate) struct Dice {
    random: Philox,
    drawn: u32,
}

impl Dice {
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        Self { random: Philox::new(seed, purpose), drawn: 0 }
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.drawn += 1;
        below(self.random.draw(self.drawn, 0, 0)[0], n as u32) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
