//! The state before the first round.

use aquifer_frame::{Philox, unit};
use aquifer_model::{Record, State, StateVector};

use super::Trial;
use crate::optimizer::moment_names;

impl Trial {
    /// Uniform adaptive weights: uniform in ±√(6 / (inputs + outputs)) of a layer (Glorot and Bengio 2010; H2O's
    /// default), zero biases, zero moments.
    pub fn initial_state(&self) -> State {
        let zero = |name: &str| StateVector { name: name.into(), values: vec![0.0; self.network.len()] };
        let mut vectors = vec![StateVector { name: "weights".into(), values: self.initial_weights() }];
        vectors.extend(moment_names(self.params.optimizer).iter().map(|name| zero(name)));
        if self.has_outer_step() {
            vectors.push(zero("outer"));
        }
        State { record: Record::default(), vectors }
    }

    fn initial_weights(&self) -> Vec<f32> {
        let layout = self.network.layout();
        let stream = Philox::new(self.params.seed, "initial weights");
        let mut weights = vec![0.0; layout.len()];
        for (l, layer) in layout.layers().iter().enumerate() {
            let range = (6.0 / (layer.inputs + layer.outputs) as f64).sqrt() as f32;
            for input in 0..layer.inputs {
                for unit4 in 0..layer.outputs.div_ceil(4) {
                    let words = stream.draw(input as u32, l as u64, unit4 as u64);
                    for (i, word) in words.into_iter().enumerate().take(layer.outputs - 4 * unit4) {
                        weights[layout.at(l, Some(input), 4 * unit4 + i)] = (2.0 * unit(word) - 1.0) * range;
                    }
                }
            }
        }
        weights
    }
}
