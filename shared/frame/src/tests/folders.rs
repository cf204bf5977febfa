//! Many files: matched by name, in folders that are values, some without rows, some without a column; cut and scattered.

use std::fs;

use super::importing::values;
use super::*;
use crate::{Absent, Listed, Origin, SchemaMode, list, plan};

fn planned(files: &[Listed], options: &SourceOptions, shard_rows: u64) -> Plan {
    plan_with_shard_rows(survey(files, options).unwrap(), shard_rows)
}

fn listed(files: &[PathBuf]) -> Vec<Listed> {
    files.iter().cloned().map(Into::into).collect()
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.columns.iter().map(|column| column.name.as_str()).collect()
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|&text| (text != "-").then(|| text.to_owned())).collect()
}

#[test]
fn columns_are_matched_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let n = |from: i64| ints((from..from + 2).map(Some));
    let files = [
        write(folder.path(), "a", vec![("x", n(0)), ("y", n(10))]),
        write(folder.path(), "b", vec![("y", n(20)), ("x", n(30))]),
    ];
    let (plan, _, shards) = import(&files, 1024, folder.path());
    assert_eq!(names(&plan), ["x", "y"]);
    assert_eq!(values(&shards, "x"), some(&["0", "1", "30", "31"]));
    assert_eq!(values(&shards, "y"), some(&["10", "11", "20", "21"]));
}

#[test]
fn a_file_without_rows_has_no_say() {
    let folder = tempfile::tempdir().unwrap();
    let n = || ints([Some(1), Some(2)]);
    let empty = |name: &str, column: &str| write(folder.path(), name, vec![(column, texts([]))]);
    let files = [
        empty("0", "other"),
        write(folder.path(), "1", vec![("x", n())]),
        empty("2", "x"),
        write(folder.path(), "3", vec![("x", n())]),
    ];
    let (plan, _, shards) = import(&files, 1024, folder.path());
    assert_eq!((names(&plan), plan.files.len(), plan.rows), (vec!["x"], 4, 4));
    assert_eq!(plan.files.iter().map(|file| file.first_row).collect::<Vec<_>>(), [0, 0, 2, 2]);
    assert_eq!(values(&shards, "x"), some(&["1", "2", "1", "2"]));
}

#[test]
fn a_column_that_files_lack_is_missing_there_if_that_is_wished() {
    let folder = tempfile::tempdir().unwrap();
    let n = || ints([Some(1), Some(2)]);
    let files = [
        write(folder.path(), "a", vec![("x", n())]),
        write(folder.path(), "b", vec![("y", texts([Some("t"), None])), ("x", n()), ("list", fixed_list(2, 2))]),
        write(folder.path(), "c", vec![("x", n())]),
    ];
    let error = look(&files).unwrap_err();
    assert_eq!(error.code(), "missing_columns");
    let (a, c) = (files[0].display(), files[2].display());
    let says = format!("columns are not in all files: \"y\" is not in {a}, {c}, \"list\" is not in {a}, {c}");
    assert_eq!(error.to_string(), says);
    let options = SourceOptions { schema: SchemaMode::Union, ..SourceOptions::default() };
    let (plan, _, shards) = import_planned(planned(&listed(&files), &options, 1024), folder.path());
    assert_eq!(names(&plan), ["x", "y", "list[0]", "list[1]"]);
    let absent = |name: &str| Absent { name: name.into(), files: 2 };
    assert_eq!(plan.absent, [absent("y"), absent("list")]);
    assert_eq!(values(&shards, "y"), some(&["-", "-", "t", "-", "-", "-"]));
    assert_eq!(values(&shards, "list[1]"), some(&["-", "-", "1", "3", "-", "-"]));
}

#[test]
fn folders_are_columns() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("data");
    let n = |from: i64| vec![("x", ints((from..from + 2).map(Some)))];
    for (at, path) in
        ["year=2020/city=A%2FB", "year=2021/city=__HIVE_DEFAULT_PARTITION__", "year=2021/city=c"].iter().enumerate()
    {
        fs::create_dir_all(base.join(path)).unwrap();
        write(&base.join(path), "part", n(at as i64 * 10));
    }
    let files = list(&[base.display().to_string()]).unwrap();
    let (plan, _, shards) = import_planned(planned(&files, &SourceOptions::default(), 1024), folder.path());
    assert_eq!(names(&plan), ["x", "year", "city"]);
    assert_eq!((plan.columns[1].source_type.as_str(), plan.columns[2].source_type.as_str()), ("int64", "text"));
    assert_eq!(plan.columns[2].origin, Some(Origin::Partition));
    assert_eq!(values(&shards, "year"), some(&["2020", "2020", "2021", "2021", "2021", "2021"]));
    assert_eq!(values(&shards, "city"), some(&["A/B", "A/B", "-", "-", "c", "c"]));

    let off = SourceOptions { partitions: false, ..SourceOptions::default() };
    assert_eq!(names(&planned(&files, &off, 1024)), ["x"]);
    let ignored = SourceOptions { ignored: vec!["city".into()], ..SourceOptions::default() };
    assert_eq!(names(&planned(&files, &ignored, 1024)), ["x", "year"]);
    // Leading zeros are no number's.
    let mut padded = files.clone();
    padded[0].partitions[0].1 = Some("007".into());
    assert_eq!(planned(&padded, &SourceOptions::default(), 1024).columns[1].source_type, "text");
    let mut other = files.clone();
    other[1].partitions.pop();
    let error = survey(&other, &SourceOptions::default()).unwrap_err();
    assert_eq!(error.code(), "partition_mismatch");
    assert!(error.to_string().ends_with("year, city and year"), "{error}");
    // A file's own column comes before its folder's value.
    let mut own = files;
    for file in &mut own {
        file.partitions.push(("x".into(), Some("1".into())));
    }
    let plan = planned(&own, &SourceOptions::default(), 1024);
    assert_eq!(names(&plan), ["x", "year", "city"]);
    assert_eq!((plan.left_out[0].name.as_str(), plan.left_out[0].source_type.as_str()), ("x", "partition"));
}

#[test]
fn columns_of_one_name_get_their_own_if_that_is_wished() {
    let folder = tempfile::tempdir().unwrap();
    let n = |n: i64| ints([Some(n)]);
    let columns =
        vec![("x", n(0)), ("", n(1)), ("x", n(2)), (" ", n(3)), ("x.1", n(4)), ("x", n(5)), ("", n(6)), ("é\n", n(7))];
    let a = write(folder.path(), "a", columns);
    let b = write(
        folder.path(),
        "b",
        vec![
            ("x", n(10)),
            ("x", n(12)),
            ("", n(11)),
            ("x", n(15)),
            (" ", n(13)),
            ("x.1", n(14)),
            ("é\n", n(17)),
            ("", n(16)),
        ],
    );
    let files = listed(&[a.clone(), b]);
    let error = survey(&files, &SourceOptions::default()).unwrap_err();
    assert_eq!(error.code(), "duplicate_column");
    assert!(error.hint().unwrap().contains("--rename"));
    let options = SourceOptions { rename: true, ..SourceOptions::default() };
    let (plan, _, shards) = import_planned(planned(&files, &options, 1024), folder.path());
    assert_eq!(names(&plan), ["x", "", "x.2", " ", "x.1", "x.3", ".1", "é\n"]);
    assert_eq!(plan.columns[2].origin, Some(Origin::Renamed { column: "x".into(), nth: 1 }));
    for (at, column) in plan.columns.iter().enumerate() {
        assert_eq!(
            values(&shards, &column.name),
            some(&[&at.to_string(), &(at + 10).to_string()]),
            "{:?}",
            column.name
        );
    }
    let ignored = SourceOptions { ignored: vec!["x".into(), "".into()], ..SourceOptions::default() };
    assert_eq!(names(&planned(&files, &ignored, 1024)), [" ", "x.1", "é\n"]);
    let unknown = SourceOptions { ignored: vec!["z".into()], ..SourceOptions::default() };
    assert_eq!(survey(&files, &unknown).unwrap_err().code(), "no_such_column");
    // An element's name is another's.
    let c = write(folder.path(), "c", vec![("l[0]", n(0)), ("l", fixed_list(1, 2))]);
    let error = look(std::slice::from_ref(&c)).unwrap_err();
    assert_eq!(error.code(), "duplicate_column");
    assert_eq!(names(&planned(&listed(&[c]), &options, 1024)), ["l[0]", "l[0].1", "l[1]"]);
}

#[test]
fn the_first_bad_file_is_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let good = write(folder.path(), "good", mixed(10));
    let mut files = vec![good; 300];
    for at in [120, 150, 299] {
        files[at] = folder.path().join(format!("{at}.parquet"));
    }
    for _ in 0..20 {
        let error = look(&files).unwrap_err();
        assert!(error.to_string().ends_with("120.parquet"), "{error}");
    }
}

#[test]
fn very_many_files_and_columns() {
    let folder = tempfile::tempdir().unwrap();
    let columns: Vec<String> = (0..2000).map(|i| format!("c{i}")).collect();
    let wide = columns.iter().enumerate().map(|(i, name)| (name.as_str(), ints([Some(i as i64), None]))).collect();
    let (plan, _, shards) = import(&[write(folder.path(), "wide", wide)], 1024, folder.path());
    assert_eq!(plan.columns.len(), 2000);
    assert_eq!(values(&shards, "c1999"), some(&["1999", "-"]));
    let file = |i: i64| write(folder.path(), &format!("many{i}"), vec![("x", ints([Some(i), Some(-i)]))]);
    let files: Vec<PathBuf> = (0..1500).map(file).collect();
    let (plan, _, shards) = import(&files, 1024, folder.path());
    assert_eq!((plan.files.len(), shards.len()), (1500, 3));
    let expected: Vec<Option<String>> =
        (0..1500).flat_map(|i: i64| [Some(i.to_string()), Some((-i).to_string())]).collect();
    assert_eq!(values(&shards, "x"), expected);
    // What one shard is told of.
    let part = plan.for_shard(1);
    assert_eq!((part.files.len(), part.rows, part.files[0].first_row), (512, 3000, 1024));
}

/// Files of uneven lengths, with a partition and lists.
fn uneven(folder: &Path) -> Vec<Listed> {
    let mut columns = mixed(7000);
    columns.push(("list", fixed_list(7000, 3)));
    let cuts = [0, 1, 1500, 1500, 3001, 7000];
    let file = |pair: &[usize]| {
        let part = columns.iter().map(|(name, array)| (*name, array.slice(pair[0], pair[1] - pair[0]))).collect();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(611)).build();
        let path = write_with(folder, &format!("part{}-{}", pair[0], pair[1]), part, properties);
        Listed { path, partitions: vec![("p".into(), Some(pair[0].to_string()))] }
    };
    cuts.windows(2).map(file).collect()
}

#[test]
fn a_shard_needs_its_own_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = planned(&uneven(folder.path()), &SourceOptions::default(), 1024);
    for shuffle in [None, Some(7)] {
        plan.shuffle = shuffle;
        for shard in 0..plan.shards.len() {
            let part = plan.for_shard(shard);
            let json = serde_json::to_string(&part).unwrap();
            let part: Plan = serde_json::from_str(&json).unwrap();
            let whole = import_shard(&plan, shard, folder.path()).unwrap();
            assert_eq!(import_shard(&part, shard, folder.path()).unwrap(), whole);
            let files = if shuffle.is_some() { 4 } else { 1 + usize::from(shard < 3) };
            assert_eq!(part.files.len(), files, "{shard}");
        }
        // Another shard's files are not those of this one.
        if shuffle.is_none() {
            assert_eq!(import_shard(&plan.for_shard(0), 6, folder.path()).unwrap_err().code(), "shards_do_not_fit");
        }
    }
}

#[test]
fn scattered_rows_are_the_same_rows_for_any_cut() {
    let folder = tempfile::tempdir().unwrap();
    let files = uneven(folder.path());
    let rows = |shuffle: Option<u64>, shard_rows: u64| {
        let plan = Plan { shuffle, ..planned(&files, &SourceOptions::default(), shard_rows) };
        let (plan, frame, shards) = import_planned(plan, folder.path());
        let columns: Vec<Vec<Option<String>>> = names(&plan).iter().map(|name| values(&shards, name)).collect();
        let row = |at: usize| columns.iter().map(|column| column[at].clone()).collect::<Vec<_>>();
        ((0..plan.rows as usize).map(row).collect::<Vec<_>>(), frame)
    };
    let (plain, _) = rows(None, 1024);
    let (scattered, frame) = rows(Some(5), 1024);
    let (same, other_cut) = rows(Some(5), 5000);
    let (other_seed, _) = rows(Some(6), 1024);
    assert_eq!((&scattered, &frame.columns), (&same, &other_cut.columns));
    assert!(scattered != plain && scattered != other_seed);
    let shuffle = crate::Shuffle::new(5, 7000);
    for (row, found) in scattered.iter().enumerate() {
        assert_eq!(*found, plain[shuffle.source(row as u64) as usize]);
    }
    let sorted = |mut rows: Vec<Vec<Option<String>>>| {
        rows.sort();
        rows
    };
    assert_eq!(sorted(scattered), sorted(plain));
    // A plan without it says nothing of it.
    let json = serde_json::to_string(&plan(survey(&files, &SourceOptions::default()).unwrap())).unwrap();
    assert!(!json.contains("shuffle") && json.contains("partitions"));
}
