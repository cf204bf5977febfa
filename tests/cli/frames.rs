//! Frames: their names beside names of files, and how they come and go.

use std::path::Path;

use aquifer_harness::Aquifer;

use crate::bed::{assert_nothing_left, bed, files, refused, train};
use crate::tables::{regression, write};

#[test]
fn a_misspelt_frame() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(2000));
    aquifer.run(["frame", "import", "adult", path.to_str().unwrap()]).ok();
    for words in [&["train", "adlt", "--target", "y"][..], &["train", "adlt"], &["frame", "show", "adlt"]] {
        let said = ["there is no frame named `adlt`", "did you mean `adult`?"];
        refused(&aquifer, words, 2, "no_frame", &said);
    }
    let said = ["no frame named `zzzzz`", "aquifer frame ls", "a file needs a slash or must exist"];
    refused(&aquifer, ["train", "zzzzz", "--target", "y"], 2, "no_frame", &said);
    refused(
        &aquifer,
        ["train", "adult", "--target", "color"],
        3,
        "unknown_column",
        &["\"color\"", "did you mean colour?"],
    );
}

/// A word that is a file here and a frame there.
#[test]
fn a_word_of_two_meanings() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(2000));
    aquifer.run(["frame", "import", "both", path.to_str().unwrap()]).ok();
    let folder = aquifer.file("here");
    std::fs::create_dir_all(folder.join("both")).unwrap();
    std::fs::create_dir_all(folder.join("alone")).unwrap();
    for name in ["both", "alone"] {
        std::fs::copy(&path, folder.join(name).join("1.parquet")).unwrap();
    }
    let train = |data: &str| {
        let mut command = aquifer.command(["train", data, "--target", "y", "--set", "epochs=0.1"]);
        command.current_dir(&folder);
        aquifer_harness::Running::start(command).finish()
    };
    train("both").code(2).says(&["`both` is both a file or folder and a frame", "`frame:both`", "`./both`"]);
    train("frame:both").ok();
    train("./both").ok();
    train("alone").ok();
    train("frame:alone").code(2).says(&["there is no frame named `alone`"]);
}

#[test]
fn names_and_forms_that_are_refused() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(2000));
    let path = path.to_str().unwrap();
    for name in ["a/b", "a*", "x.parquet", "s3:x", ""] {
        refused(&aquifer, ["frame", "import", name, path], 2, "frame_name", &["cannot be a frame's name"]);
    }
    refused(&aquifer, ["train", "frame:a", path, "--target", "y"], 2, "mixed_data", &["`frame:a` is a frame"]);
    aquifer.run(["frame", "import", "f", path]).ok();
    let model = aquifer.file("m.safetensors");
    aquifer.run(["train", "f", "--target", "y", "--set", "epochs=0.1", "--out", model.to_str().unwrap()]).ok();
    std::fs::remove_dir_all(aquifer.dir().join("jobs")).unwrap();
    let said = ["no such file: f", "for a frame, those that it was imported from"];
    refused(&aquifer, ["evaluate", model.to_str().unwrap(), "f"], 3, "no_such_file", &said);
}

#[test]
fn no_frames_yet() {
    let aquifer = bed();
    let finished = aquifer.run(["frame", "ls"]).ok().says(&["there are no frames", "aquifer frame import"]);
    assert_eq!(finished.stdout, "");
}

/// Records of frames and shard files in the data folder.
fn kept(aquifer: &Aquifer) -> (usize, usize) {
    let count = |folder: &str, beside: &str| {
        let all = files(&aquifer.dir().join(folder));
        all.iter().filter(|path| !path.to_string_lossy().contains(beside)).count()
    };
    (count("frames", "/names/"), count("shards", "/nothing/"))
}

fn import(aquifer: &Aquifer, name: &str, path: &Path) -> aquifer_harness::Finished {
    aquifer.run(["frame", "import", name, path.to_str().unwrap()]).ok()
}

#[test]
fn frames_go_with_their_last_name() {
    let aquifer = bed();
    let (one, two) = (write(&aquifer, "one", regression(2000)), write(&aquifer, "two", regression(3000)));
    import(&aquifer, "a", &one);
    import(&aquifer, "b", &one);
    import(&aquifer, "c", &two);
    assert_eq!(kept(&aquifer), (2, 2));
    refused(&aquifer, ["frame", "rm", "a", "d"], 2, "no_frame", &["there is no frame named `d`"]);
    let removed = aquifer.run(["frame", "rm", "a", "--output", "json"]).ok().json();
    assert_eq!(removed, serde_json::json!({ "frames": 0, "bytes": 0 }), "`b` is the same frame");
    assert_eq!(kept(&aquifer), (2, 2));
    let removed = aquifer.run(["frame", "rm", "b", "frame:c"]).ok();
    assert!(removed.stdout.starts_with("2 frames and "), "{}", removed.stdout);
    assert_eq!(kept(&aquifer), (0, 0));
    assert!(one.exists() && two.exists(), "the files stay");
    refused(&aquifer, ["frame", "show", "b"], 2, "no_frame", &["`b`"]);
    aquifer.run(["frame", "rm"]).code(2);
    import(&aquifer, "b", &one);
}

#[test]
fn the_cache_is_listed_and_removed() {
    let aquifer = bed();
    let (one, two) = (write(&aquifer, "one", regression(2000)), write(&aquifer, "two", regression(3000)));
    import(&aquifer, "a", &one);
    aquifer.run(train(&two, "y", &[])).ok();
    let names = |words: &[&str]| {
        let listed = aquifer.run(words.iter().chain(&["--output", "json"])).ok().json();
        let names = listed["frames"].as_array().unwrap().iter().map(|frame| frame["name"].as_str().map(str::to_owned));
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&["frame", "ls"]), [Some("a".to_owned())]);
    assert_eq!(names(&["frame", "ls", "--all"]), [Some("a".to_owned()), None]);
    let listed = aquifer.run(["frame", "ls", "--all"]).ok().stdout;
    assert!(listed.contains("two.parquet") && listed.contains("last used"), "{listed}");
    aquifer.run(["frame", "rm", "--cache"]).ok();
    assert_eq!((names(&["frame", "ls", "--all"]), kept(&aquifer)), (vec![Some("a".to_owned())], (1, 1)));
    assert_nothing_left_but_journals(&aquifer);
}

fn assert_nothing_left_but_journals(aquifer: &Aquifer) {
    std::fs::remove_dir_all(aquifer.dir().join("jobs")).unwrap();
    assert_nothing_left(aquifer);
}

/// The limit is no more than the last frame needs: those before it go, one with a name stays.
#[test]
fn a_full_cache_loses_what_was_used_first() {
    let aquifer = bed();
    let paths: Vec<_> = [2000, 2100, 2200].map(|rows| write(&aquifer, &rows.to_string(), regression(rows))).into();
    import(&aquifer, "named", &paths[0]);
    let show = |at: usize| {
        let shown = ["frame", "show", paths[at].to_str().unwrap(), "--cache-bytes", "1000"];
        aquifer.run(shown).ok();
        let listed = aquifer.run(["frame", "ls", "--all", "--output", "json"]).ok().json();
        let rows = |frame: &serde_json::Value| frame["rows"].as_u64().unwrap();
        listed["frames"].as_array().unwrap().iter().map(rows).collect::<Vec<_>>()
    };
    assert_eq!(show(1), [2000, 2100], "what is in use stays");
    assert_eq!(show(2), [2000, 2200]);
    assert_eq!((show(1), kept(&aquifer)), (vec![2000, 2100], (2, 2)));
    let mut roomy = aquifer.command(["frame", "show", paths[2].to_str().unwrap()]);
    roomy.env("AQUIFER_CACHE_BYTES", "1000000000");
    aquifer_harness::Running::start(roomy).finish().ok();
    assert_eq!(kept(&aquifer), (3, 3));
}

#[test]
fn files_that_have_changed_are_noticed() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(2000));
    let file = path.to_str().unwrap();
    assert_eq!(import(&aquifer, "f", &path).stderr, "");
    import(&aquifer, "f", &path).says(&["`f` was there already, and its files have not changed"]);
    import(&aquifer, "g", &path).says(&["these files had been imported before"]);
    assert!(!aquifer.run(["frame", "show", "f"]).ok().stdout.contains("note:"));

    write(&aquifer, "data", regression(2500));
    let again = format!("aquifer frame import f {file}");
    let shown = aquifer.run(["frame", "show", "f"]).ok().stdout;
    assert!(shown.contains("has changed since the frame `f` was imported") && shown.contains(&again), "{shown}");
    assert!(shown.contains("2,000 rows"), "the frame is what it was");
    aquifer.run(train(Path::new("f"), "y", &[])).ok().says(&["has changed since the frame `f` was imported"]);
    import(&aquifer, "f", &path).says(&["`f` stood for a frame of 2,000 rows; now it stands for this data"]);
    assert!(!aquifer.run(["frame", "show", "f"]).ok().stdout.contains("note:"));
    std::fs::remove_file(&path).unwrap();
    assert!(aquifer.run(["frame", "show", "f"]).ok().stdout.contains("data.parquet is gone since"));
    let notes = aquifer.run(["frame", "show", "f", "--output", "json"]).ok().json()["notes"].clone();
    assert_eq!(notes[0]["code"], "source_changed");
}

#[test]
fn a_dry_run_writes_nothing() {
    let aquifer = bed();
    let path = write(&aquifer, "data", regression(2000));
    let run = |more: &[&str]| {
        let words = ["frame", "import", "f", path.to_str().unwrap(), "--dry-run"];
        let mut command = aquifer.command(words.iter().chain(more));
        command.env("AQUIFER_DIR", aquifer.file("elsewhere"));
        aquifer_harness::Running::start(command).finish().ok()
    };
    let said = run(&["--ignore", "colour"]).stdout;
    assert!(said.starts_with("frame f would have 2,000 rows, 2 columns and 1 shard from 1 file of "), "{said}");
    assert!(said.contains("nothing was written") && said.contains("float64") && !said.contains("colour"), "{said}");
    let plan = run(&["--shuffle=5", "--output", "json"]).json();
    let columns: Vec<&str> = plan["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!((columns, &plan["rows"], &plan["shuffle"]), (vec!["x", "colour", "y"], &2000.into(), &5.into()));
    assert!(!aquifer.file("elsewhere").exists());
}

/// The same rows in another order, the same for the same seed.
#[test]
fn rows_are_scattered_on_request() {
    let aquifer = bed();
    let mut columns = regression(5000);
    columns.push(("row", crate::tables::ints(0..5000)));
    let path = write(&aquifer, "data", columns);
    let import = |name: &str, more: &[&str]| {
        let words = ["frame", "import", name, path.to_str().unwrap(), "--output", "json"];
        aquifer.run(words.iter().chain(more)).ok().json()
    };
    let frames =
        [import("a", &[]), import("b", &["--shuffle"]), import("c", &["--shuffle=1"]), import("d", &["--shuffle=2"])];
    let content = |at: usize| frames[at]["content"].as_str().unwrap();
    assert_eq!(content(1), content(2));
    assert!(content(0) != content(1) && content(1) != content(3));
    let means =
        frames.each_ref().map(|frame| (frame["columns"][3]["mean"].as_f64(), frame["columns"][3]["distinct"].as_u64()));
    assert!(means.iter().all(|of| *of == means[0]), "{means:?}");
    let sorted = |name: &str| {
        let shown = aquifer.run(["frame", "show", name, "--target", "row", "--output", "json"]).ok().json();
        shown["notes"].as_array().unwrap().iter().any(|note| note["code"] == "sorted_target")
    };
    assert!(sorted("a") && !sorted("b"));
}
