//! `[cross_validation]`.

use super::*;

fn refused(sets: &[&str], expected: &str) {
    let message = message(spec(sets).check());
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn folds_are_counted_or_a_columns() {
    let folds = |sets: &[&str]| {
        let spec = spec(sets);
        spec.check().unwrap();
        assert_eq!(Spec::parse(&spec.to_toml()).unwrap(), spec);
        spec.folds()
    };
    let count = |nfolds, assignment| Some(FoldChoice::Count { nfolds, assignment });
    assert_eq!(folds(&[]), None);
    assert_eq!(folds(&["nfolds=0"]), None);
    assert_eq!(folds(&["nfolds=5"]), count(5, FoldAssignment::Random));
    assert_eq!(folds(&["nfolds=5", "fold_assignment=auto"]), count(5, FoldAssignment::Random));
    assert_eq!(folds(&["nfolds=1000", "fold_assignment=random"]), count(1000, FoldAssignment::Random));
    assert_eq!(folds(&["cross_validation.nfolds=2", "fold_assignment=modulo"]), count(2, FoldAssignment::Modulo));
    assert_eq!(folds(&["nfolds=3", "fold_assignment=stratified"]), count(3, FoldAssignment::Stratified));
    assert_eq!(folds(&["fold_column=f"]), Some(FoldChoice::Column("f".into())));
    assert_eq!(folds(&["fold_column=f", "fold_assignment=auto", "nfolds=0"]), Some(FoldChoice::Column("f".into())));
    assert_eq!(
        folds(&["fold_column=t", "fold_assignment=time", "nfolds=4"]),
        Some(FoldChoice::Time { nfolds: 4, column: "t".into() })
    );
    let text = "target = 'y'\n[cross_validation]\nnfolds = 5\nkeep_cross_validation_predictions = true";
    let spec = Spec::parse(text).unwrap();
    assert!(spec.check().is_ok() && spec.keeps_cross_validation_predictions());
    assert_eq!(spec.folds(), count(5, FoldAssignment::Random));
}

#[test]
fn a_column_that_says_the_fold_is_no_feature() {
    let fit = fit(&["fold_column=f", "ignored_columns=['z', 'a', 'f']"]);
    assert_eq!(fit.ignored_columns, ["a", "f", "z"]);
    assert_eq!(super::fit(&["fold_column=f"]).ignored_columns, ["f"]);
    assert_eq!(spec(&["fold_column=f"]).roles().unwrap().ignored_columns, ["f"]);
    // The times of rows may be learned from.
    let time = ["fold_column=t", "fold_assignment=time", "nfolds=4"];
    assert_eq!(super::fit(&time).ignored_columns, [""; 0]);
    assert!(spec(&["features=['t']"].into_iter().chain(time).collect::<Vec<_>>()).check().is_ok());
    // A candidate has no folds, and still leaves the column out.
    let spec = spec(&["fold_column=f"]);
    let candidate = spec.candidate(&[]).unwrap();
    assert_eq!((candidate.folds(), candidate.roles().unwrap().ignored_columns), (None, vec!["f".to_owned()]));
    // What was resolved is taken back; folds are no part of the fit.
    let resolved = Spec::parse(&spec.resolved_toml(&super::fit(&["fold_column=f"]))).unwrap();
    assert_eq!(resolved.folds(), spec.folds());
    assert_eq!(resolved.resolve(ROWS, "hash").unwrap(), super::fit(&["ignored_columns=f"]));
    assert_eq!(super::fit(&["nfolds=5", "fold_assignment=modulo"]), super::fit(&[]));
}

#[test]
fn folds_that_nothing_decides_or_two_things_do_are_errors() {
    refused(&["nfolds=1"], "`nfolds` is 1: must be 0, or 2 to 1000");
    refused(&["nfolds=1001"], "`nfolds` is 1001: must be");
    let neither = "`fold_assignment` does not apply: neither `nfolds` nor `fold_column` asks for cross-validation";
    refused(&["fold_assignment=random"], neither);
    refused(&["fold_assignment=modulo", "nfolds=0"], neither);
    refused(
        &["keep_cross_validation_predictions=false"],
        "`keep_cross_validation_predictions` does not apply: neither `nfolds` nor `fold_column` asks",
    );
    for assignment in ["random", "modulo", "stratified"] {
        refused(
            &["fold_column=f", &format!("fold_assignment={assignment}")],
            &format!(
                "`fold_assignment` is \"{assignment}\", but `fold_column` is given, whose values say the fold | keep"
            ),
        );
    }
    refused(&["fold_assignment=time"], "`fold_column` is not given | give `--set fold_column=…`");
    refused(&["fold_assignment=time", "nfolds=4"], "`fold_column` is not given");
    refused(&["fold_assignment=time", "fold_column=t"], "`nfolds` is not given");
    refused(&["fold_assignment=time", "fold_column=t", "nfolds=0"], "`nfolds` is not given");
    refused(
        &["fold_column=f", "nfolds=5"],
        "`nfolds` and `fold_column` are both given: the values of `f` say how many folds there are",
    );
    refused(&["fold_column=y"], "column `y` is both `target` and `fold_column`");
    refused(&["fold_column=w", "weights_column=w"], "column `w` is both `weights_column` and `fold_column`");
    refused(&["fold_column=y", "fold_assignment=time", "nfolds=3"], "column `y` is both `target` and `fold_column`");
    refused(&["fold_column=f", "features=['a', 'f']"], "column `f` is both in `features` and `fold_column`");
}

#[test]
fn what_others_call_folds_is_known() {
    for theirs in ["folds", "cv", "n_splits", "n_folds", "kfold"] {
        assert_eq!(
            first(Spec::default().set(&format!("{theirs}=5"))),
            format!("unknown key `{theirs}`: did you mean `nfolds`?")
        );
    }
    assert_eq!(
        first(Spec::parse("[params]\nnfold = 5")),
        "unknown key `nfold`: did you mean `nfolds` in [cross_validation]?"
    );
    assert_eq!(first(Spec::parse("nfolds = 5")), "key `nfolds` belongs in [cross_validation], not in the top level");
    assert_eq!(
        first(Spec::default().set("fold_assignment=StratifiedKFold")),
        "`fold_assignment` is \"StratifiedKFold\": did you mean \"stratified\"?"
    );
}
