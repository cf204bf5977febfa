//! All chance of a test comes from its seed.

use std::time::Duration;

use aquifer_frame::{Philox, below};

/// Draws of one purpose, one after the other.
pub struct Dice {
    random: Philox,
    drawn: u32,
}

impl Dice {
    pub fn new(seed: u64, purpose: &str) -> Self {
        Self { random: Philox::new(seed, purpose), drawn: 0 }
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.drawn += 1;
        below(self.random.draw(self.drawn, 0, 0)[0], n as u32) as usize
    }

    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    pub fn millis(&mut self, least: usize, most: usize) -> Duration {
        Duration::from_millis(self.between(least, most) as u64)
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Of [0, 1), with every digit that there is.
    pub fn unit(&mut self) -> f64 {
        self.drawn += 1;
        let words = self.random.draw(self.drawn, 0, 0);
        let bits = u64::from(words[0]) << 32 | u64::from(words[1]);
        (bits >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Two different numbers.
    pub fn two_below(&mut self, n: usize) -> (usize, usize) {
        let first = self.below(n);
        (first, (first + 1 + self.below(n - 1)) % n)
    }
}
