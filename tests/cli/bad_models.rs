//! Model files that are not what they should be.

use std::path::{Path, PathBuf};

use aquifer_harness::Aquifer;

use crate::bed::{bed, refused, train};
use crate::tables::{regression, write};

/// Training data and a model of it; the data folder is as new.
fn model(aquifer: &Aquifer) -> (PathBuf, Vec<u8>) {
    let data = write(aquifer, "data", regression(2000));
    let model = aquifer.file("good.safetensors");
    aquifer.run(train(&data, "y", &["--out", model.to_str().unwrap()])).ok();
    std::fs::remove_dir_all(aquifer.dir()).unwrap();
    (data, std::fs::read(model).unwrap())
}

#[test]
fn every_command_refuses_what_is_no_model() {
    let aquifer = bed();
    let (data, good) = model(&aquifer);
    let bad = aquifer.file("bad.safetensors");
    let predictions = aquifer.file("p.parquet");
    let check = |bytes: &[u8], code: &str, said: &[&str]| {
        std::fs::write(&bad, bytes).unwrap();
        let said: Vec<&str> = said.iter().copied().chain(["bad.safetensors"]).collect();
        let path = |path: &Path| path.display().to_string();
        let (bad, data, out) = (path(&bad), path(&data), path(&predictions));
        refused(&aquifer, ["evaluate", &bad, &data], 3, code, &said);
        refused(&aquifer, ["predict", &bad, &data, "--out", &out], 3, code, &said);
        refused(&aquifer, ["model", "show", &bad], 3, code, &said);
        assert!(!predictions.exists());
    };
    check(b"", "not_safetensors", &["aquifer train"]);
    check(b"PAR1 and what follows", "not_safetensors", &[]);
    check(&good[..good.len() - 1], "model_truncated", &["truncated", "copy the file again"]);
    check(&good[..100], "model_truncated", &["truncated"]);
    check(&[&good[..], b"x"].concat(), "model_altered", &["altered"]);
    let mut altered = good.clone();
    let last = altered.len() - 2;
    altered[last] ^= 1;
    check(&altered, "model_altered", &["altered", "copy the file again"]);
    let format = br#"\"format\":1"#;
    let at = good.windows(format.len()).position(|window| window == format).expect("the format is in the header");
    let mut newer = good.clone();
    newer[at + format.len() - 1] = b'9';
    check(&newer, "model_newer", &["format 9", "update aquifer"]);
    let none = aquifer.file("none.safetensors");
    let words = ["evaluate".as_ref(), none.as_os_str(), data.as_os_str()];
    refused(&aquifer, words, 2, "no_model", &["none.safetensors"]);
}

#[test]
fn no_flipped_bit_goes_unseen() {
    let aquifer = bed();
    let (data, good) = model(&aquifer);
    let bad = aquifer.file("bad.safetensors");
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..200 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (at, bit) = ((random >> 16) as usize % good.len(), random >> 61);
        let mut bytes = good.clone();
        bytes[at] ^= 1 << bit;
        std::fs::write(&bad, bytes).unwrap();
        let finished = aquifer.run(["evaluate".as_ref(), bad.as_os_str(), data.as_os_str()]);
        assert_eq!(finished.status.code(), Some(3), "byte {at}, bit {bit}: {}{}", finished.stdout, finished.stderr);
    }
}
