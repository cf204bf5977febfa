//! Training that is watched: where it ends, and which state is the model.

use aquifer_model::{MetricName, ScoreInterval, Stopping, has_stalled};

use super::*;

/// Training that ends early is the beginning of the whole one: schedules do not know of it.
#[test]
fn what_stops_early_is_the_beginning_of_the_whole() {
    let data = data();
    for (ranks, mode) in [(1, AveragingMode::Average), (3, AveragingMode::Average), (3, AveragingMode::Gradient)] {
        let params = DeepLearning {
            ranks,
            averaging_mode: mode,
            averaging_interval: DeepLearning::default_interval(32, ranks),
            learning_rate_schedule: LearningRateSchedule::Cosine,
            ..params()
        };
        let end = |stop_at| {
            let trial = trial(&params, &data).with_stopping(None, stop_at);
            train(&trial, &data).unwrap()
        };
        let longer = end(Some(8_500));
        let shorter = end(Some(longer.record.position));
        assert_eq!(shorter.vectors, longer.vectors, "it ends with the last round that does not pass more");
        assert!(longer.record.position <= 8_500 && longer.record.position > 5_000, "{}", longer.record.position);
        assert_ne!(end(None).vectors, longer.vectors);
        assert!(end(Some(1)).record.position > 0, "never before one round");
        assert_eq!(end(Some(u64::MAX)).vectors, end(None).vectors);
    }
}

/// Scoring while training changes no weight; the best state is the model, and its scores are those of the model.
#[test]
fn the_best_state_is_kept_and_scored() {
    let data = data();
    let params = DeepLearning { learning_rate: 0.03, epochs: 6.0, averaging_interval: 1024, ..params() };
    let every = Stopping { score_interval: ScoreInterval::Rows(1024), ..Stopping::default() };
    let rows = PartRows { validation: Some(5000), test: Some(5000), ..data.part_rows() };
    let make = |stopping: &Stopping| {
        let trial = Trial::new(params.clone(), data.encoding(), rows, Isa::detect()).unwrap();
        trial.with_stopping(Some(stopping), None)
    };
    let whole = make(&every);
    let state = train(&whole, &data).unwrap();
    let plain = train(&trial(&params, &data), &data).unwrap();
    let weights = |state: &State, name: &str| {
        state.vectors.iter().find(|vector| vector.name == name).map(|vector| vector.values.clone()).unwrap()
    };
    assert_eq!(weights(&state, "weights"), weights(&plain, "weights"));
    let record = &state.record;
    assert!(record.curve.len() > 20 && record.curve.iter().all(|point| point.loss.is_some_and(|loss| loss > 0.0)));
    let least = record.curve.iter().map(|point| point.value).fold(f64::INFINITY, f64::min);
    let best = record.best.unwrap();
    assert_eq!(best.value, least);
    assert!(best.position < record.position, "otherwise nothing is shown: {best:?}");
    // The model is what training up to there gives, and all parts are scored by it.
    let until = train(&trial(&params, &data).with_stopping(None, Some(best.position)), &data).unwrap();
    assert_eq!(whole.tensors(&state).unwrap(), whole.tensors(&until).unwrap());
    let of = |part| record.scores.iter().filter(|score| score.part == part).collect::<Vec<_>>();
    for part in [Part::Train, Part::Validation, Part::Test] {
        assert!(matches!(of(part)[..], [score] if score.position == best.position), "{part}");
    }
    assert_eq!(of(Part::Validation)[0].metrics.logloss, Some(least));
    assert_eq!(of(Part::Test)[0].metrics.logloss, Some(least), "the synthetic parts are the same rows");

    let early = Stopping { rounds: 3, tolerance: 0.01, ..every };
    let stopped = train(&make(&early), &data).unwrap().record;
    assert!(stopped.stopped && stopped.position < record.position, "{}", stopped.position);
    let values: Vec<f64> = stopped.curve.iter().map(|point| point.value).collect();
    assert!(has_stalled(&values, 3, 0.01, false) && !has_stalled(&values[..values.len() - 1], 3, 0.01, false));

    let last = Stopping { overwrite_with_best_model: false, ..early };
    let trial = make(&last);
    let state = train(&trial, &data).unwrap();
    assert_eq!(trial.model_position(&state.record), state.record.position);
    assert!(state.vectors.iter().all(|vector| vector.name != "best"));
}

#[test]
fn a_metric_that_is_not_there_is_an_error_that_names_it() {
    let data = data();
    let stopping = Stopping { metric: Some(MetricName::R2), ..Stopping::default() };
    let error = train(&trial(&params(), &data).with_stopping(Some(&stopping), None), &data).unwrap_err();
    assert!(error.to_string().contains("the train data, 5000 rows, has no r2"), "{error}");
}
