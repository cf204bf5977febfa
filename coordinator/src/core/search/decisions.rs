//! What is said of a job before it trains.

use aquifer_frame::{Note, block_count};
use aquifer_proto::Decisions;

use super::Search;

/// What is said before it begins; `threads` of each worker.
pub(in crate::core) fn decisions(search: &Search, threads: &[u32]) -> Decisions {
    let (fit, encoding) = (&search.data.fit, &search.data.encoding);
    let (params, rows) = (&fit.params, fit.rows);
    let mut notes = search.data.notes.clone();
    let folds = search.fold_count();
    let members = match folds > 0 || search.is_grid() {
        true => threads.len(),
        false => threads.len().min(params.ranks as usize),
    };
    let available: u32 = threads.iter().sum();
    let parameters = params.parameter_count(encoding.inputs(), encoding.target.outputs());
    let more = u64::from(available).min(block_count(rows));
    let ranks = params.ranks;
    // Steps that are shared out keep all threads busy, and so do trials side by side.
    if more > u64::from(ranks) && !params.shares_steps(parameters) && folds == 0 && !search.is_grid() {
        let keep = if ranks == 1 { "1 rank keeps".to_owned() } else { format!("{ranks} ranks keep") };
        let message = format!(
            "{keep} at most {ranks} of {available} threads busy; `--set ranks={more}` would use more (another model: \
             the number of ranks is part of it)"
        );
        notes.push(Note { code: "idle_threads".into(), column: None, message });
    }
    Decisions {
        rows,
        task: encoding.target.task(),
        numeric: encoding.numeric.len() as u64,
        categorical: encoding.categorical.len() as u64,
        inputs: encoding.inputs() as u64,
        parameters,
        ranks,
        workers: members as u32,
        threads: threads.iter().take(members).sum(),
        epochs: params.epochs,
        mini_batch_size: params.mini_batch_size as u64,
        folds,
        candidates: search.total.into(),
        notes,
        spec_toml: search.spec.resolved_toml(fit),
    }
}
