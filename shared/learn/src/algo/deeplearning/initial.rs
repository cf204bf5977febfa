//! The state before the first round.

use aquifer_frame::{Philox, unit};
use aquifer_model::params::InitialWeights;
use aquifer_model::{Record, State, StateVector};

use super::Trial;
use super::stopping::BEST;
use crate::math::normal_pair;
use crate::optimizer::moment_names;

impl Trial {
    /// Weights drawn from their distribution: uniform adaptive ones in ±√(6 / (inputs + outputs)) of a layer (Glorot and
    /// Bengio 2010; H2O's default). Zero biases, zero moments.
    pub fn initial_state(&self) -> State {
        let zero = |name: &str| StateVector { name: name.into(), values: vec![0.0; self.network.len()] };
        let mut vectors = vec![StateVector { name: "weights".into(), values: self.initial_weights() }];
        vectors.extend(moment_names(self.params.optimizer).iter().map(|name| zero(name)));
        if self.has_outer_step() {
            vectors.push(zero("outer"));
        }
        if self.watch.as_ref().is_some_and(|watch| watch.keeps_best) {
            vectors.push(zero(BEST));
        }
        State { record: Record::default(), vectors }
    }

    fn initial_weights(&self) -> Vec<f32> {
        let layout = self.network.layout();
        let stream = Philox::new(self.params.seed, "initial weights");
        let mut weights = vec![0.0; layout.len()];
        for (l, layer) in layout.layers().iter().enumerate() {
            let draw = |words: [u32; 4]| match self.params.initial_weights {
                InitialWeights::UniformAdaptive => {
                    let range = (6.0 / (layer.inputs + layer.outputs) as f64).sqrt() as f32;
                    words.map(|word| (2.0 * unit(word) - 1.0) * range)
                }
                InitialWeights::Uniform { scale } => words.map(|word| (2.0 * unit(word) - 1.0) * scale as f32),
                InitialWeights::Normal { scale } => {
                    let ([a, b], [c, d]) = (normal_pair([words[0], words[1]]), normal_pair([words[2], words[3]]));
                    [a, b, c, d].map(|z| z * scale as f32)
                }
            };
            for input in 0..layer.inputs {
                for unit4 in 0..layer.outputs.div_ceil(4) {
                    let four = draw(stream.draw(input as u32, l as u64, unit4 as u64));
                    for (i, weight) in four.into_iter().enumerate().take(layer.outputs - 4 * unit4) {
                        weights[layout.at(l, Some(input), 4 * unit4 + i)] = weight;
                    }
                }
            }
        }
        weights
    }
}
