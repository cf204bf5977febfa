//! Where each weight stands: panels, for good.
//!
//! A layer's weights stand in panels of 32 output columns: `[bias row][a row an input]`, so a product reads its B
//! without packing, and w, m, v and gradients share the layout. The last panel is 8, 16, 24 or 32 wide; what pads it
//! is exactly zero and stays so. The layout is a function of the layer sizes alone; it is part of the bits.

use std::ops::Range;

/// Columns of a panel.
pub(crate) const PANEL: usize = 32;
/// More floats than this in one vector is refused: 8 GiB.
const LEN_MAX: usize = 1 << 31;

/// The layout of a whole network in one flat vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    layers: Vec<Dense>,
    len: usize,
    transposed_len: usize,
}

/// A dense layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dense {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    /// Of the first panel.
    offset: usize,
    /// Of the transposed copy, among the transposed copies.
    transposed: usize,
}

/// A panel: columns `column .. column + width` of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Panel {
    pub(crate) column: usize,
    pub(crate) width: usize,
    offset: usize,
    inputs: usize,
}

impl Layout {
    /// Of layers with these sizes, inputs first; none if they are too large.
    pub(crate) fn new(sizes: &[usize]) -> Option<Self> {
        let (mut layers, mut len, mut transposed_len) = (Vec::new(), 0usize, 0usize);
        for (i, pair) in sizes.windows(2).enumerate() {
            let (inputs, outputs) = (pair[0], pair[1]);
            layers.push(Dense { inputs, outputs, offset: len, transposed: transposed_len });
            let size = inputs.checked_add(1)?.checked_mul(outputs.checked_next_multiple_of(8)?)?;
            len = len.checked_add(size.checked_next_multiple_of(16)?).filter(|len| *len <= LEN_MAX)?;
            if i > 0 {
                transposed_len = transposed_len.checked_add(outputs.checked_mul(inputs.next_multiple_of(PANEL))?)?;
            }
        }
        Some(Self { layers, len, transposed_len })
    }

    pub(crate) fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// Floats of a vector in this layout.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Floats of the transposed copies of all layers but the first.
    pub(crate) fn transposed_len(&self) -> usize {
        self.transposed_len
    }

    /// Where the weight of (layer, input, unit) stands, or the bias of the unit for no input.
    pub(crate) fn at(&self, layer: usize, input: Option<usize>, unit: usize) -> usize {
        let layer = &self.layers[layer];
        let panel = layer.panel(unit / PANEL * PANEL, layer.columns(), layer.offset);
        panel.offset + input.map_or(0, |input| input + 1) * panel.width + (unit - panel.column)
    }
}

impl Dense {
    /// Output columns with padding.
    pub(crate) fn columns(&self) -> usize {
        self.outputs.next_multiple_of(8)
    }

    /// Floats from one row of this layer's outputs to the next: whole cache lines, and no multiple of a kilobyte, which
    /// would put a column of many rows on few cache sets.
    pub(crate) fn row(&self) -> usize {
        let row = self.outputs.next_multiple_of(16);
        if row.is_multiple_of(256) { row + 16 } else { row }
    }

    pub(crate) fn panels(&self) -> impl Iterator<Item = Panel> {
        (0..self.columns()).step_by(PANEL).map(|column| self.panel(column, self.columns(), self.offset))
    }

    /// The layer's part of a vector.
    pub(crate) fn range(&self) -> Range<usize> {
        self.offset..self.offset + (self.inputs + 1) * self.columns()
    }

    /// Panels of the transposed copy: its columns are this layer's inputs, its rows this layer's outputs, no bias row.
    pub(crate) fn transposed_panels(&self) -> impl Iterator<Item = TransposedPanel> {
        let columns = self.inputs.next_multiple_of(8);
        (0..columns).step_by(PANEL).map(move |column| TransposedPanel {
            column,
            width: PANEL.min(columns - column),
            offset: self.transposed + self.outputs * column,
        })
    }

    fn panel(&self, column: usize, columns: usize, offset: usize) -> Panel {
        let offset = offset + (self.inputs + 1) * column;
        Panel { column, width: PANEL.min(columns - column), offset, inputs: self.inputs }
    }
}

/// A panel of a transposed copy, row j at `offset + j · width`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TransposedPanel {
    pub(crate) column: usize,
    pub(crate) width: usize,
    pub(crate) offset: usize,
}

impl Panel {
    pub(crate) fn bias(&self) -> Range<usize> {
        self.offset..self.offset + self.width
    }

    /// The rows of all inputs.
    pub(crate) fn weights(&self) -> Range<usize> {
        self.rows(0..self.inputs)
    }

    /// The rows of some inputs.
    pub(crate) fn rows(&self, inputs: Range<usize>) -> Range<usize> {
        let row = |input: usize| self.offset + (input + 1) * self.width;
        row(inputs.start)..row(inputs.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_weight_has_its_own_place() {
        let layout = Layout::new(&[13, 50, 1, 33]).unwrap();
        let mut seen = vec![false; layout.len()];
        for (l, layer) in layout.layers().iter().enumerate() {
            for unit in 0..layer.outputs {
                for input in (0..layer.inputs).map(Some).chain([None]) {
                    let at = layout.at(l, input, unit);
                    assert!(!std::mem::replace(&mut seen[at], true));
                }
            }
        }
    }

    #[test]
    fn panels_agree_with_the_index() {
        let layout = Layout::new(&[5, 70, 3]).unwrap();
        let widths: Vec<usize> = layout.layers()[0].panels().map(|panel| panel.width).collect();
        assert_eq!(widths, [32, 32, 8]);
        for (l, layer) in layout.layers().iter().enumerate() {
            for panel in layer.panels() {
                assert_eq!(panel.bias().start, layout.at(l, None, panel.column));
                assert_eq!(panel.rows(2..3).start, layout.at(l, Some(2), panel.column));
            }
        }
    }

    #[test]
    fn an_immense_layer_is_refused() {
        assert_eq!(Layout::new(&[10, usize::MAX, 1]), None);
        assert_eq!(Layout::new(&[usize::MAX, 1]), None);
        assert_eq!(Layout::new(&[1 << 20, 1 << 20, 1]), None);
    }
}
