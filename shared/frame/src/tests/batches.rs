//! Encoded rows: exact values, and an order that no cut changes.

use std::collections::BTreeSet;

use super::*;
use crate::{
    Apply, Batch, Columns, Deal, EncodedFrame, Encoding, EncodingOptions, Folds, Isa, Mixing, Reader, Scaling,
    SourceOptions, Target, block_count, rank_blocks,
};

fn encoded(frame: &Frame, shards: Vec<Arc<Shard>>, roles: &Roles) -> Arc<EncodedFrame> {
    let (encoding, _) = Encoding::fit(frame, roles).unwrap();
    Arc::new(EncodedFrame::new(frame.rows, shards, Arc::new(encoding), Apply::TARGET).unwrap())
}

/// All of an epoch, read in slices of `step`.
fn epoch(reader: &mut Reader, epoch: u64, step: u64) -> Vec<Batch> {
    let mut batches = Vec::new();
    for start in (0..reader.rows()).step_by(step as usize) {
        let mut batch = Batch::default();
        reader.shuffled(epoch, start..reader.rows().min(start + step), &mut batch).unwrap();
        batches.push(batch);
    }
    batches
}

fn ids(batches: &[Batch]) -> Vec<u64> {
    batches.iter().flat_map(|batch| batch.ids.clone()).collect()
}

#[test]
fn batches_do_not_depend_on_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "data", mixed(20_500));
    let read = |shard_rows| {
        let (_, frame, shards) = import(std::slice::from_ref(&file), shard_rows, folder.path());
        let data = encoded(&frame, shards, &roles("y"));
        let mut batches = Vec::new();
        for rank in 0..3 {
            let mut reader =
                Reader::new(data.clone(), rank_blocks(rank, 3, block_count(frame.rows)), rank, 9, Mixing::Rows);
            batches.extend(epoch(&mut reader, 0, 32));
            batches.extend(epoch(&mut reader, 1, 1000));
            for block in reader.blocks() {
                let mut batch = Batch::default();
                reader.block(block, &mut batch).unwrap();
                batches.push(batch);
            }
        }
        batches
    };
    let expected = read(1 << 20);
    assert_eq!(read(1024), expected);
    assert_eq!(read(5000), expected);
}

#[test]
fn an_epoch_visits_each_row_with_a_target_once() {
    let folder = tempfile::tempdir().unwrap();
    for rows in [50usize, 700, 1024, 1025, 9_999, 70_001] {
        let columns = mixed(rows);
        let file = write(folder.path(), "data", columns);
        let (_, frame, shards) = import(&[file], 1 << 14, folder.path());
        let data = encoded(&frame, shards, &roles("y"));
        let with_target: BTreeSet<u64> = (0..frame.rows).filter(|row| row % 97 != 0).collect();
        let blocks = block_count(frame.rows);
        for ranks in [1, 2.min(blocks as u32)] {
            let mut readers: Vec<Reader> = (0..ranks)
                .map(|rank| Reader::new(data.clone(), rank_blocks(rank, ranks, blocks), rank, 1, Mixing::Rows))
                .collect();
            assert_eq!(readers.iter().map(Reader::rows).sum::<u64>(), frame.rows);
            let mut orders = Vec::new();
            for number in 0..3 {
                let all: Vec<u64> = readers.iter_mut().flat_map(|reader| ids(&epoch(reader, number, 333))).collect();
                assert_eq!(all.len(), with_target.len());
                assert_eq!(all.iter().copied().collect::<BTreeSet<_>>(), with_target);
                orders.push(all);
            }
            assert!(orders[0] != orders[1] && orders[1] != orders[2]);
            // A pure function of its arguments: going back gives the same.
            let again: Vec<u64> = readers.iter_mut().flat_map(|reader| ids(&epoch(reader, 1, 1))).collect();
            assert_eq!(again, orders[1]);
            let mut other = Reader::new(data.clone(), 0..blocks, 0, 2, Mixing::Rows);
            assert_ne!(ids(&epoch(&mut other, 0, 333)), orders[0]);
        }
    }
}

#[test]
fn rows_are_imputed_scaled_and_one_hot() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 2000usize;
    let x = |i: usize| (!i.is_multiple_of(10)).then_some(i as f64 * 0.37 - 5.0);
    let colour = |i: usize| [Some(" red"), Some("red "), Some("blue"), None][i % 4];
    let odd = |i: usize| [1.0, 2.0, f64::NAN, f64::INFINITY][i / 3 % 4];
    let columns = vec![
        ("colour", texts((0..rows).map(colour))),
        ("x", floats((0..rows).map(x))),
        ("y", floats((0..rows).map(|i| (i % 5 != 4).then_some(i as f64)))),
        ("big", ints((0..rows).map(|i| Some(i64::MAX - i as i64)))),
        ("odd", floats((0..rows).map(|i| Some(odd(i))))),
        ("w", ints((0..rows).map(|i| Some(i as i64 % 3)))),
    ];
    let file = write(folder.path(), "data", columns);
    let (_, frame, shards) = import(&[file], 1024, folder.path());
    let roles = Roles { weights_column: Some("w".into()), ..roles("y") };
    let data = encoded(&frame, shards, &roles);
    let encoding = data.encoding().clone();
    assert_eq!(encoding.numeric.iter().map(|n| n.column.as_str()).collect::<Vec<_>>(), ["x", "big", "odd"]);
    assert_eq!(encoding.categorical[0].levels, ["blue", "red"]);
    let Target::Regression { mean, deviation, .. } = encoding.target else { panic!("a number") };
    let mut reader = Reader::new(data, 0..2, 0, 1, Mixing::Rows);
    let mut seen = 0;
    for block in 0..2 {
        let mut batch = Batch::default();
        reader.block(block, &mut batch).unwrap();
        assert_eq!((batch.width, batch.stride, batch.categorical), (3, 16, 1));
        for row in 0..batch.rows {
            let i = batch.ids[row] as usize;
            let dense = &batch.dense[row * 16..(row + 1) * 16];
            let numeric = &encoding.numeric;
            let input = |at: usize, value: f64| ((value - numeric[at].shift) * numeric[at].scale) as f32;
            assert_eq!(dense[0], input(0, x(i).unwrap_or(numeric[0].fill)));
            assert_eq!(dense[1], input(1, (i64::MAX - i as i64) as f64));
            assert_eq!(dense[2], input(2, if odd(i).is_finite() { odd(i) } else { numeric[2].fill }));
            assert!(dense[3..].iter().all(|padding| padding.to_bits() == 0));
            assert_eq!(batch.indices[row], 3 + [1, 1, 0, 2][i % 4]);
            assert_eq!(batch.targets[row], ((i as f64 - mean) * (1.0 / deviation)) as f32);
            assert_eq!(batch.weights[row], (i % 3) as f32);
            seen += 1;
        }
    }
    assert_eq!(seen, rows - rows / 5);
}

#[test]
fn wide_rows_fill_every_column() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..35).map(|c| format!("x{c}")).collect();
    let value = |c: usize, i: usize| ((i * (c + 3)) % 101) as f64;
    let mut columns: Vec<(&str, ArrayRef)> =
        names.iter().enumerate().map(|(c, n)| (n.as_str(), floats((0..1500).map(|i| Some(value(c, i)))))).collect();
    columns.push(("y", floats((0..1500).map(|i| Some(i as f64)))));
    let file = write(folder.path(), "wide", columns);
    let (_, frame, shards) = import(&[file], 1024, folder.path());
    let options = EncodingOptions { scaling: Scaling::None, ..Default::default() };
    let data = encoded(&frame, shards, &Roles { options, ..roles("y") });
    let mut reader = Reader::new(data, 0..2, 0, 1, Mixing::Rows);
    for batch in epoch(&mut reader, 0, 77) {
        assert_eq!(batch.stride, 48);
        for (row, line) in batch.dense.chunks(48).enumerate() {
            let expected = (0..48).map(|c| if c < 35 { value(c, batch.ids[row] as usize) as f32 } else { 0.0 });
            assert!(line.iter().copied().eq(expected));
        }
    }
}

#[test]
fn classes_are_the_same_from_any_storage() {
    let folder = tempfile::tempdir().unwrap();
    let x = || ("x", floats((0..50).map(|i| Some(f64::from(i)))));
    let class = |i: i64| i % 3 - 1;
    let targets = |y: ArrayRef, model: Option<Encoding>| {
        let file = write(folder.path(), "data", vec![x(), ("y", y)]);
        let (_, frame, shards) = import(&[file], 1024, folder.path());
        let roles = Roles { task: TaskChoice::Classification, ..roles("y") };
        let encoding = model.unwrap_or_else(|| Encoding::fit(&frame, &roles).unwrap().0);
        encoding.check(&frame, Apply::TARGET).unwrap();
        let data = Arc::new(EncodedFrame::new(50, shards, Arc::new(encoding.clone()), Apply::TARGET).unwrap());
        let mut batch = Batch::default();
        Reader::new(data, 0..1, 0, 1, Mixing::Rows).block(0, &mut batch).unwrap();
        (batch.targets, encoding)
    };
    let (expected, model) = targets(ints((0..50).map(|i| Some(class(i)))), None);
    assert_eq!(expected[..3], [0.0, 1.0, 2.0]);
    let Target::Classes { levels, .. } = &model.target else { panic!("classes") };
    assert_eq!(levels, &["-1", "0", "1"]);
    let (found, same) = targets(floats((0..50).map(|i| Some(class(i) as f64))), None);
    assert_eq!((found, &same.target), (expected.clone(), &model.target));
    let names: Vec<String> = (0..50).map(|i| format!("{} ", class(i))).collect();
    let (found, _) = targets(texts(names.iter().map(|n| Some(n.as_str()))), Some(model));
    assert_eq!(found, expected);
}

#[test]
fn prediction_needs_no_target() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "train", mixed(3000));
    let (_, frame, _) = import(&[file], 1024, folder.path());
    let (encoding, _) = Encoding::fit(&frame, &roles("y")).unwrap();
    let mut columns = mixed(3000);
    columns.pop();
    columns.reverse();
    let file = write(folder.path(), "new", columns);
    let survey = survey(&[file.into()], &SourceOptions::default()).unwrap();
    encoding.check_schema(&survey.columns, Apply::FEATURES).unwrap();
    assert_eq!(encoding.check_schema(&survey.columns, Apply::TARGET).unwrap_err().code(), "target_missing");
    let plan = plan_with_shard_rows(survey, 2048);
    let encoding = Arc::new(encoding);
    let mut rows = Vec::new();
    for k in 0..plan.shards.len() {
        let (shard, _) = crate::import_shard_in_memory(&plan, k).unwrap();
        let blocks = shard.rows().start / 1024..block_count(shard.rows().end);
        let data = EncodedFrame::new(plan.rows, vec![Arc::new(shard)], encoding.clone(), Apply::FEATURES).unwrap();
        let mut reader = Reader::new(Arc::new(data), blocks.clone(), 0, 0, Mixing::Rows);
        for block in blocks {
            let mut batch = Batch::default();
            reader.block(block, &mut batch).unwrap();
            assert!(batch.targets.iter().all(|y| y.is_nan()));
            rows.extend(batch.ids);
        }
        let mut batch = Batch::default();
        assert_eq!(reader.block(1000, &mut batch).unwrap_err().code(), "missing_block");
    }
    assert!(rows.into_iter().eq(0..3000));
}

/// Columns hold what rows do, in the order of shuffled blocks, whatever the batches and the shards; rows without a target
/// are there and weigh nothing.
#[test]
fn columns_are_the_rows_of_shuffled_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "data", mixed(10_500));
    for shard_rows in [1 << 20, 3000] {
        let (_, frame, shards) = import(std::slice::from_ref(&file), shard_rows, folder.path());
        let data = encoded(&frame, shards, &roles("y"));
        for rank in 0..2 {
            let blocks = rank_blocks(rank, 2, block_count(frame.rows));
            let reader = || Reader::new(data.clone(), blocks.clone(), rank, 9, Mixing::Blocks);
            let (mut as_rows, mut as_columns) = (reader(), reader());
            let mut order: Vec<u64> = Vec::new();
            for step in [100u64, 1024, 3000] {
                let (mut batch, mut columns) = (Batch::default(), Columns::default());
                for start in (0..as_rows.rows()).step_by(step as usize) {
                    let rows = start..as_rows.rows().min(start + step);
                    as_rows.shuffled(1, rows.clone(), &mut batch).unwrap();
                    as_columns.columns(1, rows.clone(), &mut columns).unwrap();
                    assert_eq!(columns.rows as u64, rows.end - rows.start);
                    assert_eq!(columns.with_target, batch.rows);
                    let kept: Vec<usize> = (0..columns.rows).filter(|row| columns.weights[*row] != 0.0).collect();
                    assert_eq!(kept.len(), batch.rows);
                    for (at, row) in kept.into_iter().enumerate() {
                        let dense = columns.dense.chunks_exact(columns.stride).map(|column| column[row]);
                        assert!(dense.eq(batch.dense[at * batch.stride..][..batch.width].iter().copied()));
                        let hot =
                            |all: &[u32], row: usize| all[row * batch.categorical..][..batch.categorical].to_vec();
                        assert_eq!(hot(&columns.indices, row), hot(&batch.indices, at));
                        assert_eq!(columns.targets[row], batch.targets[at]);
                    }
                    let padding = columns.dense.chunks_exact(columns.stride).flat_map(|column| &column[columns.rows..]);
                    assert!(padding.into_iter().all(|x| *x == 0.0));
                    order.extend(batch.ids.iter().filter(|_| step == 1024));
                }
            }
            // Blocks are shuffled, their rows are not.
            let breaks = order.windows(2).filter(|pair| pair[1] < pair[0]).count();
            assert!(breaks > 0 && breaks < blocks.count(), "{breaks}");
        }
    }
}

#[test]
fn instructions_change_no_bit_of_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "data", mixed(5000));
    let (_, frame, shards) = import(&[file], 1 << 20, folder.path());
    let (encoding, _) = Encoding::fit(&frame, &roles("y")).unwrap();
    let encoding = Arc::new(encoding);
    let read = |isa: Isa| {
        let data = EncodedFrame::new(frame.rows, shards.clone(), encoding.clone(), Apply::TARGET).unwrap();
        let mut reader = Reader::new(Arc::new(data.with_isa(isa)), 0..5, 0, 1, Mixing::Rows);
        epoch(&mut reader, 0, 100)
    };
    for isa in Isa::available() {
        assert_eq!(read(isa), read(Isa::PORTABLE), "{}", isa.name());
    }
}

/// Both sides of a fold are the rows of a batch that the fold takes, in the same order; held or not, as rows or columns.
#[test]
fn a_fold_s_rows_are_those_of_the_batch_that_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "data", mixed(9_000));
    let (_, frame, shards) = import(&[file], 2048, folder.path());
    let (encoding, _) = Encoding::fit(&frame, &roles("y")).unwrap();
    let folds = Folds::deal(3, Deal::Random, 5, &encoding);
    let data = EncodedFrame::new(frame.rows, shards, Arc::new(encoding), Apply::TARGET).unwrap();
    let data = Arc::new(data.with_folds(Some(folds.clone())).unwrap());
    let blocks = block_count(frame.rows);
    let reader = |mixing| Reader::new(data.clone(), 0..blocks, 0, 1, mixing);
    let mut held_out: Vec<u64> = Vec::new();
    for side in (0..3).flat_map(|fold| [folds.learned(fold), folds.held_out(fold)]) {
        let (mut all, mut alone, mut shared) =
            (reader(Mixing::Rows), reader(Mixing::Rows), reader(Mixing::Rows).shared());
        for start in (0..frame.rows).step_by(3000) {
            let round = start..frame.rows.min(start + 3000);
            shared.hold(0, round.clone());
            for first in round.clone().step_by(500) {
                let rows = first..round.end.min(first + 500);
                let (mut whole, mut a, mut b) = (Batch::default(), Batch::default(), Batch::default());
                all.shuffled(0, rows.clone(), &mut whole).unwrap();
                alone.shuffled_of(Some(side), 0, rows.clone(), &mut a).unwrap();
                shared.shuffled_of(Some(side), 0, rows.clone(), &mut b).unwrap();
                assert_eq!(a, b);
                let taken = |row: &usize| side.takes(whole.folds[*row]);
                let expected: Vec<u64> = (0..whole.rows).filter(taken).map(|row| whole.ids[row]).collect();
                assert_eq!(a.ids, expected);
                // A second trial reads the same rows from what is held.
                shared.shuffled_of(None, 0, rows, &mut b).unwrap();
                assert_eq!(b, whole);
            }
        }
        for block in 0..blocks {
            let (mut a, mut b) = (Batch::default(), Batch::default());
            all.block_of(Some(side), block, &mut a).unwrap();
            shared.block_of(Some(side), block, &mut b).unwrap();
            assert_eq!(a, b);
            if [0, 1, 2].map(|fold| folds.held_out(fold)).contains(&side) {
                held_out.extend(a.ids);
            }
        }
        let (mut alone, mut shared) = (reader(Mixing::Blocks), reader(Mixing::Blocks).shared());
        shared.hold(0, 0..4000);
        for first in (0..4000).step_by(1000) {
            let (mut a, mut b) = (Columns::default(), Columns::default());
            alone.columns_of(Some(side), 0, first..first + 1000, &mut a).unwrap();
            shared.columns_of(Some(side), 0, first..first + 1000, &mut b).unwrap();
            assert_eq!(a, b);
            alone.columns(0, first..first + 1000, &mut a).unwrap();
            assert!(b.with_target < a.with_target && b.with_target > 0);
        }
    }
    held_out.sort_unstable();
    let with_target: Vec<u64> = (0..frame.rows).filter(|row| row % 97 != 0).collect();
    assert_eq!(held_out, with_target, "every row with a target is held out once");
}
