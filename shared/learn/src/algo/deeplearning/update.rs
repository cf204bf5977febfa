//! What everybody does with the sum of a training round.

use aquifer_model::params::AveragingMode;
use aquifer_model::{Partial, State, StateVector, Values};

use std::sync::atomic::{AtomicBool, Ordering};

use super::Trial;
use crate::Error;
use crate::crew::{Crew, each};
use crate::kernels::Loop;
use crate::optimizer::{AllFinite, Diverged, Lazy, Step, cap, flush, is_mean_square, moment_names, step};
use crate::round::TrainRound;

impl Trial {
    /// A round of no weight changes nothing but the position.
    pub(super) fn update_train(
        &self,
        state: &mut State,
        round: TrainRound,
        total: Option<&mut Partial>,
        crew: &dyn Crew,
    ) -> Result<(), Error> {
        if let Some(total) = total {
            let [values @ .., Values::F64(loss), Values::U64(samples)] = &mut total.vectors[..] else {
                return Err(Error::Total { round: state.record.round });
            };
            let (sum, weight) = (loss.iter().sum::<f64>(), total.weight);
            let loss = sum / weight;
            let finite = match (self.params.averaging_mode, self.params.ranks) {
                (AveragingMode::Gradient, _) => self.gradient_step(state, (round, total.weight), values, crew)?,
                (AveragingMode::Average, 1) => self.replace(state, values).map(|()| self.is_finite(state, crew))?,
                (AveragingMode::Average, _) => {
                    self.outer_step(state, total.weight, values, crew)?;
                    self.is_finite(state, crew)
                }
            };
            if !loss.is_finite() || !finite {
                return Err(self.diverged(state));
            }
            state.record.loss = Some(loss);
            if self.watch.is_some() {
                let (before, losses) = state.record.since.unwrap_or_default();
                state.record.since = Some((before + weight, losses + sum));
            }
            state.record.samples += samples.iter().sum::<u64>();
        }
        state.record.position += self.schedule.passed(round);
        Ok(())
    }

    /// One optimizer step from the sum of the ranks' gradients; whether all it led to is finite.
    fn gradient_step(
        &self,
        state: &mut State,
        (round, weight): (TrainRound, f64),
        values: &[Values],
        crew: &dyn Crew,
    ) -> Result<bool, Error> {
        let [Values::F32(gradient)] = values else { return Err(Error::Total { round: state.record.round }) };
        let names = moment_names(self.params.optimizer);
        let order = ["weights"].iter().chain(names);
        if !order.copied().eq(state.vectors.iter().take(1 + names.len()).map(|vector| &*vector.name)) {
            return Err(self.no_vector("weights"));
        }
        let Some((weights, moments)) = state.vectors.split_first_mut() else { return Err(self.no_vector("weights")) };
        let moments = &mut moments[..names.len()];
        let mut moments: Vec<&mut [f32]> = moments.iter_mut().map(|moment| &mut *moment.values).collect();
        let at = self.step_at(round.epoch, round.offset, weight);
        let (isa, layout, first) = (self.network.isa(), self.network.layout(), self.network.numeric());
        let touched: Vec<u32> = match self.params.lazy_adam {
            true => (first as u32..layout.layers()[0].inputs as u32).collect(),
            false => Vec::new(),
        };
        let lazy = self.params.lazy_adam.then_some(Lazy { first, touched: &touched });
        let diverged = Diverged::new(false);
        let of = Step { isa, params: &self.params, layout, at, gradient, lazy, diverged: Some(&diverged) };
        step(crew, of, &mut weights.values, &mut moments);
        // What lazy steps and caps leave out was finite before, or is what the gradient of a finite loss led to.
        Ok(!diverged.into_inner() && (lazy.is_none() || self.is_finite(state, crew)))
    }

    /// A single rank's local state is the next one.
    fn replace(&self, state: &mut State, values: &mut [Values]) -> Result<(), Error> {
        for (name, values) in ["weights"].iter().chain(moment_names(self.params.optimizer)).zip(values) {
            let Values::F32(values) = values else { return Err(Error::Total { round: state.record.round }) };
            std::mem::swap(self.vector_mut(state, name)?, values);
        }
        Ok(())
    }

    /// No NaN, no infinity.
    fn is_finite(&self, state: &State, crew: &dyn Crew) -> bool {
        let finite = AtomicBool::new(true);
        let pieces = state.vectors.iter().flat_map(|vector| vector.values.chunks(PIECE)).collect();
        each(crew, pieces, |piece: &[f32]| {
            if !self.network.isa().run(AllFinite(piece)) {
                finite.store(false, Ordering::Relaxed);
            }
        });
        finite.into_inner()
    }

    /// Moments take the mean of the ranks' differences, weights an outer Nesterov step along it. A mean of capped weights
    /// is within the cap, but this step may go beyond the mean: it is capped as a local one is.
    fn outer_step(&self, state: &mut State, weight: f64, values: &[Values], crew: &dyn Crew) -> Result<(), Error> {
        let (isa, scale) = (self.network.isa(), (1.0 / weight) as f32);
        for (name, sum) in ["weights"].iter().chain(moment_names(self.params.optimizer)).zip(values) {
            let Values::F32(sum) = sum else { return Err(Error::Total { round: state.record.round }) };
            if *name == "weights" {
                let mut outer = std::mem::take(self.vector_mut(state, "outer")?);
                let w = self.vector_mut(state, "weights")?;
                let (rate, momentum) = (self.params.outer_rate as f32, self.params.outer_momentum as f32);
                let pieces = w.chunks_mut(PIECE).zip(outer.chunks_mut(PIECE)).zip(sum.chunks(PIECE)).collect();
                each(crew, pieces, |((w, u), sum)| isa.run(Nesterov { rate, momentum, scale, w, u, sum }));
                if let Some(limit) = self.params.max_w2 {
                    cap(isa, self.network.layout(), limit, w);
                }
                self.restore(state, outer);
            } else {
                let (not_negative, moment) = (is_mean_square(name), self.vector_mut(state, name)?);
                let pieces = moment.chunks_mut(PIECE).zip(sum.chunks(PIECE)).collect();
                each(crew, pieces, |(moment, sum)| isa.run(MeanMoment { not_negative, scale, moment, sum }));
            }
        }
        Ok(())
    }

    fn restore(&self, state: &mut State, outer: Vec<f32>) {
        if let Some(StateVector { values, .. }) = state.vectors.iter_mut().find(|vector| vector.name == "outer") {
            *values = outer;
        }
    }
}

/// The outer step of DiLoCo (Douillard et al. 2023), Nesterov's momentum along Δ = −mean difference:
///
/// ```text
/// u = momentum · u + Δ        w = w − rate · (Δ + momentum · u)
/// ```
struct Nesterov<'a> {
    rate: f32,
    momentum: f32,
    scale: f32,
    w: &'a mut [f32],
    u: &'a mut [f32],
    sum: &'a [f32],
}

impl Loop for Nesterov<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for ((w, u), sum) in self.w.iter_mut().zip(self.u).zip(self.sum) {
            let delta = -(sum * self.scale);
            *u = flush(self.momentum.mul_add(*u, delta));
            *w = (-self.rate).mul_add(self.momentum.mul_add(*u, delta), *w);
        }
    }
}

struct MeanMoment<'a> {
    not_negative: bool,
    scale: f32,
    moment: &'a mut [f32],
    sum: &'a [f32],
}

impl Loop for MeanMoment<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (moment, sum) in self.moment.iter_mut().zip(self.sum) {
            let mean = flush(sum.mul_add(self.scale, *moment));
            *moment = if self.not_negative && mean < 0.0 { 0.0 } else { mean };
        }
    }
}

/// Floats that one thread takes at once.
const PIECE: usize = 1 << 15;
