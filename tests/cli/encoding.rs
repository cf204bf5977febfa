//! What it changes that an encoding is fitted on all rows, those that a fold holds out too: measured on Adult.

use arrow_array::RecordBatch;

use crate::bed::bed;
use crate::tables::{Columns, ints, read, write};

/// Whole blocks to learn from; the rows after them are held out.
const LEARNED: usize = 26 * 1024;

#[test]
fn an_encoding_of_all_rows_scores_as_one_of_the_learned_rows() {
    let aquifer = bed();
    let all = read(&aquifer_harness::data("adult/train.parquet"));
    // Names live as long as the test's process.
    let columns = |batch: &RecordBatch| -> Columns {
        let names = batch.schema().fields().iter().map(|field| &*field.name().clone().leak()).collect::<Vec<_>>();
        names.into_iter().zip(batch.columns().iter().cloned()).collect()
    };
    let held_out = all.num_rows() - LEARNED;
    let learned = write(&aquifer, "learned", columns(&all.slice(0, LEARNED)));
    let rest = write(&aquifer, "rest", columns(&all.slice(LEARNED, held_out)));
    let mut with_part = columns(&all);
    with_part.push(("part", ints((0..all.num_rows()).map(|row| i64::from(row >= LEARNED)))));
    let whole = write(&aquifer, "whole", with_part);

    let settings =
        |seed: u64| ["hidden=[32]", "epochs=2"].map(String::from).into_iter().chain([format!("seed={seed}")]);
    let run = |data: &std::path::Path, more: Vec<std::ffi::OsString>, seed: u64| {
        let mut arguments: Vec<std::ffi::OsString> =
            vec!["train".into(), data.into(), "--target".into(), "income".into()];
        settings(seed).for_each(|setting| arguments.extend(["--set".into(), setting.into()]));
        arguments.extend(more);
        arguments.extend(["--output".into(), "json".into()]);
        aquifer.run(arguments).ok().json()
    };
    let differences: Vec<f64> = (1..=3)
        .map(|seed| {
            let own = run(&learned, vec!["--test".into(), rest.clone().into()], seed);
            let folds = run(&whole, vec!["--set".into(), "fold_column=part".into()], seed);
            let folds = folds["cross_validation"]["folds"].as_array().unwrap().clone();
            let fold = folds.iter().find(|fold| fold["metrics"]["rows"] == held_out as u64).unwrap();
            fold["metrics"]["auc"].as_f64().unwrap() - own["metrics"]["test"]["auc"].as_f64().unwrap()
        })
        .collect();
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    assert!(differences.iter().all(|difference| difference.abs() < 0.004), "{differences:?}");
    assert!(mean.abs() < 0.002, "{differences:?}");
}
