//! Weights as tensors for a model file, and back: here alone the panels are un-permuted.

use aquifer_model::Tensor;

use super::Network;
use crate::Error;

impl Network {
    /// `layers.{i}.weight` (outputs, inputs) and `layers.{i}.bias` (outputs) of each layer.
    pub fn tensors(&self, weights: &[f32]) -> Vec<Tensor> {
        let mut tensors = Vec::new();
        for (i, layer) in self.layout.layers().iter().enumerate() {
            let [weight, bias] = self.shapes(i);
            let of = |input, unit| weights[self.layout.at(i, input, unit)];
            let values = (0..layer.outputs).flat_map(|unit| (0..layer.inputs).map(move |input| of(Some(input), unit)));
            tensors.push(Tensor { values: values.collect(), ..weight });
            tensors.push(Tensor { values: (0..layer.outputs).map(|unit| of(None, unit)).collect(), ..bias });
        }
        tensors
    }

    /// The weights vector that [`Network::tensors`] came from; names, shapes and finiteness are checked, as the tensors
    /// come from a file.
    pub fn weights_from_tensors(&self, tensors: &[Tensor]) -> Result<Vec<f32>, Error> {
        let mut weights = vec![0.0; self.layout.len()];
        for (i, layer) in self.layout.layers().iter().enumerate() {
            let [weight, bias] = self.shapes(i).map(|wanted| find(tensors, &wanted));
            for (unit, row) in weight?.chunks_exact(layer.inputs.max(1)).enumerate().take(layer.outputs) {
                for (input, value) in row.iter().enumerate() {
                    weights[self.layout.at(i, Some(input), unit)] = *value;
                }
            }
            for (unit, value) in bias?.iter().enumerate() {
                weights[self.layout.at(i, None, unit)] = *value;
            }
        }
        Ok(weights)
    }

    fn shapes(&self, i: usize) -> [Tensor; 2] {
        let layer = &self.layout.layers()[i];
        let tensor = |name, shape| Tensor { name: format!("layers.{i}.{name}"), shape, values: Vec::new() };
        [tensor("weight", vec![layer.outputs, layer.inputs]), tensor("bias", vec![layer.outputs])]
    }
}

fn find<'a>(tensors: &'a [Tensor], wanted: &Tensor) -> Result<&'a [f32], Error> {
    let wrong = |reason: String| Error::Tensor { name: wanted.name.clone(), reason };
    let found = tensors.iter().find(|tensor| tensor.name == wanted.name).ok_or_else(|| wrong("is missing".into()))?;
    if found.shape != wanted.shape || found.values.len() != wanted.shape.iter().product::<usize>() {
        return Err(wrong(format!("has shape {:?}, not {:?}", found.shape, wanted.shape)));
    }
    if !found.values.iter().all(|x| x.is_finite()) {
        return Err(wrong("has a value that is not finite".into()));
    }
    Ok(&found.values)
}
