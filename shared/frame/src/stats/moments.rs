//! Count, mean and squared deviations, merged pairwise (Chan, Golub and LeVeque 1979).

use serde::{Deserialize, Serialize};

/// Moments of finite values. Values so large that f64 overflows make mean and `m2` NaN, written as null.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Finite values: at least 1.
    pub count: u64,
    #[serde(with = "finite")]
    pub mean: f64,
    /// Σ (x − mean)².
    #[serde(with = "finite")]
    pub m2: f64,
}

impl Moments {
    /// One block's: deviations from its first value, summed in row order, so a constant column has mean and `m2` exactly.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let first = *values.first()?;
        let sum = values.iter().fold(0.0, |sum, x| sum + (x - first));
        let mean = first + sum / values.len() as f64;
        let m2 = values.iter().fold(0.0, |sum, x| sum + (x - mean) * (x - mean));
        Some(Self { count: values.len() as u64, mean, m2 }.checked())
    }

    /// Of each of four blocks, as [`Moments::of`] has it. Sums of one block wait for each other, those of four do not: full
    /// blocks together take a sixth of the time.
    pub(crate) fn of_each(blocks: [&[f64]; 4]) -> [Option<Self>; 4] {
        let length = blocks[0].len();
        if length == 0 || blocks.iter().any(|block| block.len() != length) {
            return blocks.map(Self::of);
        }
        let first = blocks.map(|block| block[0]);
        let (mut sums, mut m2) = ([0.0; 4], [0.0; 4]);
        for row in 0..length {
            for (k, block) in blocks.iter().enumerate() {
                sums[k] += block[row] - first[k];
            }
        }
        let mean = [0, 1, 2, 3].map(|k| first[k] + sums[k] / length as f64);
        for row in 0..length {
            for (k, block) in blocks.iter().enumerate() {
                m2[k] += (block[row] - mean[k]) * (block[row] - mean[k]);
            }
        }
        [0, 1, 2, 3].map(|k| Some(Self { count: length as u64, mean: mean[k], m2: m2[k] }.checked()))
    }

    /// a and b together: δ = mean_b − mean_a, mean = mean_a + δ·n_b/n, m2 = m2_a + m2_b + δ²·n_a·n_b/n.
    pub(crate) fn merge(a: Self, b: Self) -> Self {
        let count = a.count + b.count;
        let (n_a, n_b, n) = (a.count as f64, b.count as f64, count as f64);
        let delta = b.mean - a.mean;
        let mean = a.mean + delta * (n_b / n);
        let m2 = a.m2 + b.m2 + delta * delta * (n_a * n_b / n);
        Self { count, mean, m2 }.checked()
    }

    /// The sample's standard deviation (n − 1); 0 for one value.
    pub fn deviation(&self) -> f64 {
        if self.count < 2 { 0.0 } else { (self.m2 / (self.count - 1) as f64).sqrt() }
    }

    fn checked(self) -> Self {
        if self.mean.is_finite() && self.m2.is_finite() { self } else { Self { mean: f64::NAN, m2: f64::NAN, ..self } }
    }
}

/// JSON has no NaN.
mod finite {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.is_finite().then_some(*value).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agree_with_the_definition() {
        let values: Vec<f64> = (0..1000).map(|i| f64::from(i * i % 97) / 7.0).collect();
        let whole = Moments::of(&values).unwrap();
        let (a, b) = values.split_at(300);
        let merged = Moments::merge(Moments::of(a).unwrap(), Moments::of(b).unwrap());
        assert!((whole.mean - merged.mean).abs() < 1e-12 && (whole.m2 - merged.m2).abs() < 1e-8);
        assert_eq!(Moments::of(&[1.0, 2.0, 3.0, 4.0]).unwrap().deviation(), (5.0f64 / 3.0).sqrt());
    }

    #[test]
    fn of_four_blocks_are_those_of_each() {
        let block =
            |seed: u32, rows: u32| -> Vec<f64> { (0..rows).map(|i| f64::from(i * i % seed) / 7.0 - 3.0).collect() };
        let blocks = [block(97, 1024), block(89, 1024), block(1, 1024), block(83, 1024)];
        for odd in [1024, 1023, 0] {
            let blocks = [&blocks[0][..], &blocks[1], &blocks[2], &blocks[3][..odd]];
            assert_eq!(Moments::of_each(blocks), blocks.map(Moments::of));
        }
    }

    #[test]
    fn of_a_constant_are_exact() {
        let block = Moments::of(&[0.1; 1000]).unwrap();
        assert_eq!((block.mean, block.m2), (0.1, 0.0));
        assert_eq!(Moments::merge(block, block).m2, 0.0);
    }

    #[test]
    fn that_overflow_survive_json() {
        let moments = Moments::of(&[f64::MAX, -f64::MAX]).unwrap();
        assert!(moments.mean.is_nan() && moments.m2.is_nan());
        let text = serde_json::to_string(&moments).unwrap();
        assert!(serde_json::from_str::<Moments>(&text).unwrap().m2.is_nan());
    }
}
