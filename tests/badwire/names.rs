//! No text of a caller becomes a path: nasty strings in every string of every request of every method.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aquifer_proto::{scope_of, v1};
use prost::Message;
use prost_types::field_descriptor_proto::Type;

use crate::bed::{Bed, block_on};
use crate::call::{Heard, Node, complaint};
use crate::fields::{Leaf, methods};
use crate::nasty::{NASTY, NO_TEXT, long};
use crate::proto::{Value, with};
use crate::seeds::{Call, Known};

/// What no answer, log or file may have: it stands in a file beside the roots.
const SECRET: &str = "wpq7-what-nobody-may-read-3fz";

/// Everything that is tried in a field.
fn tried(leaf: &Leaf, secrets: &[String]) -> Vec<Value> {
    let text = |text: &str| Value::Bytes(text.as_bytes().to_vec());
    match leaf.kind {
        Type::String | Type::Bytes => {
            let texts = NASTY.iter().copied().chain(secrets.iter().map(String::as_str)).map(text);
            texts
                .chain(NO_TEXT.iter().map(|bytes| Value::Bytes(bytes.to_vec())))
                .chain([Value::Bytes(long())])
                .collect()
        }
        Type::Fixed64 => vec![Value::Fixed64([0xff; 8])],
        Type::Double => [f64::NAN, f64::INFINITY, -1.0].map(|x| Value::Fixed64(x.to_le_bytes())).into(),
        _ => [0, u64::from(u32::MAX), i64::MAX as u64, u64::MAX].map(Value::Varint).into(),
    }
}

fn files_under(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            files_under(&path, found);
        }
        found.insert(path);
    }
}

/// What a job may leave in the cluster's folder: files named by hashes, and by numbers.
fn is_own(path: &Path, cluster: &Path) -> bool {
    const WORDS: [&str; 10] =
        ["jobs", "models", "checkpoints", "points.jsonl", "frames", "names", "uploads", "shards", "workers", "1"];
    let is_hash = |name: &str| {
        let name = ["json", "parquet", "arrow", "safetensors", "state"]
            .iter()
            .find_map(|extension| name.strip_suffix(extension)?.strip_suffix('.'))
            .unwrap_or(name);
        let name = name.split_once('-').map_or(name, |(identity, _)| identity);
        [12, 16, 32, 64].contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let Ok(inside) = path.strip_prefix(cluster) else { return false };
    inside.iter().all(|name| name.to_str().is_some_and(|name| WORDS.contains(&name) || is_hash(name)))
}

/// Sends a call, and ends the job that it may have begun.
async fn send(node: &Node, path: &str, call: Call) -> Heard {
    let heard = node.call(path, call).await;
    if path.ends_with("/Submit")
        && let Some(answer) = heard.answers.first()
    {
        let job = v1::SubmitResponse::decode(answer.as_slice()).expect("an answer").job;
        let cancel = v1::CancelRequest { job }.encode_to_vec();
        node.call("/aquifer.v1.Jobs/Cancel", vec![cancel]).await;
    }
    heard
}

#[test]
fn no_name_is_a_path() {
    let bed = Bed::up(1);
    let known = Known::of(&bed);
    let secret = bed.aquifer.file("secret");
    std::fs::write(&secret, SECRET).expect("a secret");
    let outside = bed.aquifer.file("outside.parquet");
    std::fs::copy(bed.source(), &outside).expect("a file outside");
    let link = |to: &Path, name: &str| {
        let link = bed.aquifer.file("root").join(name);
        std::os::unix::fs::symlink(to, &link).expect("a link");
        link.display().to_string()
    };
    let secrets = [
        secret.display().to_string(),
        format!("{}/../secret", bed.aquifer.file("root").display()),
        "../secret".to_owned(),
        link(&secret, "link.parquet"),
        link(&outside, "other.parquet"),
        format!("{}/root/other.parquet", link(bed.aquifer.file("").as_path(), "folder")),
    ];
    let files = || {
        let mut found = BTreeSet::new();
        files_under(&bed.aquifer.file(""), &mut found);
        found
    };
    let before = files();
    let mut count = 0;
    block_on(async {
        let (coordinator, worker) = (bed.coordinator().await, bed.worker().await);
        let calls = known.calls();
        for method in methods() {
            let path = method.path.as_str();
            assert!(scope_of(path).is_some(), "{path}");
            let of_method = calls.get(path).unwrap_or_else(|| panic!("{path}: seeds.rs has no call of it"));
            let node = if path.contains(".Peer/") { &worker } else { &coordinator };
            for leaf in &method.leaves {
                for value in tried(leaf, &secrets) {
                    let mut call = of_method[count % of_method.len()].clone();
                    // A session is changed in what it begins with, and in what it says then.
                    let at = if leaf.path[0] == 2 { 0 } else { call.len() - 1 };
                    call[at] = with(&call[at], &leaf.path, &value);
                    let heard = send(node, path, call).await;
                    let wrong = complaint(path, &heard);
                    assert!(wrong.is_none(), "{path} with {value:.60?} as {}: {wrong:?}", leaf.name);
                    let leaks = |answer: &Vec<u8>| {
                        let text = String::from_utf8_lossy(answer);
                        text.contains(SECRET) || text.contains("root:x:")
                    };
                    assert!(!heard.answers.iter().any(leaks), "{path} with {value:?} as {}: {heard:?}", leaf.name);
                    count += 1;
                }
            }
        }
        // What lies outside is no source, whichever way leads there.
        for path in secrets.iter().filter(|path| path.ends_with("parquet")) {
            let mut file = known.asked.train.clone().unwrap_or_default().files.remove(0);
            file.path = path.clone();
            let probe = v1::ProbeFilesRequest { files: vec![file] }.encode_to_vec();
            let heard = coordinator.call("/aquifer.v1.Jobs/ProbeFiles", vec![probe]).await;
            let answer = v1::ProbeFilesResponse::decode(heard.answers[0].as_slice()).expect("an answer");
            assert_eq!(answer.missing, [0], "{path}");
        }
    });
    println!("{count} calls");
    assert!(count > 5000, "{count}");
    let after = files();
    let strange: Vec<_> = after.symmetric_difference(&before).filter(|path| !is_own(path, bed.cluster.dir())).collect();
    assert!(strange.is_empty(), "{strange:?}");
    for path in after.iter().filter(|path| path.is_file() && **path != secret && !path.is_symlink()) {
        let bytes = std::fs::read(path).expect("a file");
        assert!(!bytes.windows(SECRET.len()).any(|text| text == SECRET.as_bytes()), "{path:?} has the secret");
    }
    assert!(!bed.cluster.log().contains(SECRET));
    bed.check(256);
}
