//! Names of frames beside names of files.

use crate::bed::{bed, refused};
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
