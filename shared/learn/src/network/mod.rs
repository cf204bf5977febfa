//! A feed-forward network: what its weights mean, forward and backward.
//!
//! Rows go through the whole net in blocks of 32 while they are in cache: forward, loss, backward; gradients are chains
//! that continue from block to block, so the cutting into blocks changes no bit, and neither does a [`crate::Crew`] that
//! shares out the rows on the way forth and back, and then the weights. Start at [`Network::gradient`].

mod activation;
mod backward;
mod buffers;
mod dropout;
mod forward;
mod layout;
mod linear;
mod tensors;

use aquifer_frame::{Batch, Encoding, Target};
use aquifer_model::params::{Activation, DeepLearning};

use crate::objective::Objective;
use crate::{Error, Isa};
pub(crate) use buffers::{Aligned, Buffers};
use dropout::Dropout;
pub(crate) use layout::{Dense, Layout, PANEL};
pub(crate) use linear::LinearBuffers;

/// Rows that go through the net together.
const ROW_BLOCK: usize = 32;
/// The same, where the weights are read from beyond the second-level cache: fewer readings for more rows.
const ROW_BLOCK_LARGE: usize = 256;
/// Floats of weights that a second-level cache holds beside their gradient.
const CACHED_WEIGHTS: usize = 1 << 17;

/// A network without its weights.
#[derive(Clone, Debug)]
pub struct Network {
    isa: Isa,
    layout: Layout,
    activation: Activation,
    objective: Objective,
    target: Target,
    /// Numeric inputs: those that come dense.
    numeric: usize,
    /// One-hot inputs of a row.
    categorical: usize,
    input_dropout: Option<Dropout>,
    /// By hidden layer.
    hidden_dropout: Vec<Option<Dropout>>,
    row_block: usize,
}

impl Network {
    /// The network that these (checked) parameters make of this encoding.
    pub fn new(params: &DeepLearning, encoding: &Encoding, isa: Isa) -> Result<Self, Error> {
        let objective = Objective::of(&encoding.target, params.loss)?;
        let mut sizes = vec![encoding.inputs()];
        sizes.extend(&params.hidden);
        sizes.push(objective.outputs());
        let layout = Layout::new(&sizes)
            .ok_or_else(|| Error::TooLarge { inputs: encoding.inputs(), hidden: params.hidden.clone() })?;
        let hidden_dropout = (0..params.hidden.len())
            .map(|i| {
                let ratio = params.hidden_dropout_ratios.get(i).copied().unwrap_or(0.0);
                Dropout::new(params.seed, &format!("dropout of hidden layer {i}"), ratio)
            })
            .collect();
        let row_block = if layout.len() > CACHED_WEIGHTS { ROW_BLOCK_LARGE } else { ROW_BLOCK };
        Ok(Self {
            isa,
            layout,
            activation: params.activation,
            objective,
            target: encoding.target.clone(),
            numeric: encoding.numeric.len(),
            categorical: encoding.categorical.len(),
            input_dropout: Dropout::new(params.seed, "dropout of inputs", params.input_dropout_ratio),
            hidden_dropout,
            row_block,
        })
    }

    /// Outputs of a row: classes, or 1 for two classes and for regression.
    pub fn outputs(&self) -> usize {
        self.objective.outputs()
    }

    /// Weights and biases, padding left out.
    pub fn parameters(&self) -> usize {
        self.layout.layers().iter().map(|layer| (layer.inputs + 1) * layer.outputs).sum()
    }

    /// Floats of a weights vector, padding included.
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// Never: a network has an output layer.
    pub fn is_empty(&self) -> bool {
        self.layout.len() == 0
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn objective(&self) -> Objective {
        self.objective
    }

    /// Numeric inputs: the one-hot ones come after them.
    pub(crate) fn numeric(&self) -> usize {
        self.numeric
    }

    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// All that the sizes of buffers follow from.
    pub(crate) fn shape(&self, moments: usize) -> Vec<usize> {
        let mut shape = vec![moments, self.numeric, self.categorical, self.row_block];
        shape.push(usize::from(self.input_dropout.is_some()));
        shape.extend(self.layout.layers().iter().flat_map(|layer| [layer.inputs, layer.outputs]));
        shape.extend((0..self.hidden_dropout.len()).map(|i| usize::from(self.has_slopes(i))));
        shape
    }

    /// Rows of a block that goes through the net while it is in cache.
    pub(crate) fn row_block(&self) -> usize {
        self.row_block
    }

    /// Other row blocks, to show that they give the same bits.
    #[cfg(test)]
    pub(crate) fn with_row_block(self, row_block: usize) -> Self {
        Self { row_block, ..self }
    }

    /// Whether the derivative of a hidden layer's activation and dropout needs memory of its own: a rectifier's can be
    /// read off the outputs, a linear one's is 1.
    fn has_slopes(&self, hidden: usize) -> bool {
        let told = matches!(self.activation, Activation::Rectifier | Activation::Linear);
        !told || self.hidden_dropout[hidden].is_some()
    }

    /// A batch of another encoding is our own mistake.
    fn check(&self, batch: &Batch) {
        let inputs = self.layout.layers()[0].inputs;
        assert_eq!(batch.width, self.numeric, "the batch has the encoding's numeric inputs");
        assert_eq!(batch.categorical, self.categorical, "the batch has the encoding's categorical inputs");
        assert!(batch.stride >= batch.width && batch.dense.len() >= batch.rows * batch.stride);
        assert_eq!(batch.indices.len(), batch.rows * batch.categorical);
        let one_hot = self.numeric..inputs;
        assert!(batch.indices.iter().all(|index| one_hot.contains(&(*index as usize))), "indices are inputs");
    }

    /// As [`Network::check`], for a batch to learn from.
    fn check_targets(&self, batch: &Batch) {
        self.check(batch);
        assert_eq!([batch.targets.len(), batch.weights.len(), batch.ids.len()], [batch.rows; 3]);
        if let Objective::Multinomial { classes } = self.objective {
            assert!(batch.targets.iter().all(|y| (*y as usize) < classes), "targets are class numbers");
        }
    }
}

#[cfg(test)]
mod tests;
