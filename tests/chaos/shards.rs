//! Files of shards that are damaged behind a worker's back: a shard is a function of its source, so it is fetched or made
//! again. One that is cut off while it is mapped ends its worker by SIGBUS, not the job.

use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use aquifer_fault::Action;
use aquifer_harness::{Signal, until};

use crate::bed::{Bed, WORKERS};
use crate::work::Work;

/// A cluster whose every worker has the only shard of the frame.
fn with_shards() -> Bed {
    let bed = Bed::up();
    bed.ends_undisturbed(Work::Train, bed.begin(Work::Train));
    for at in 1..=WORKERS {
        assert_eq!(shards(&bed, at).len(), 1, "worker {at} has the shard");
    }
    bed
}

fn shards(bed: &Bed, worker: u32) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(bed.worker_folder(worker).join("shards")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "arrow")).collect()
}

/// Shards are read-only for everybody but a broken disk.
fn writable(path: &Path) -> std::fs::File {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::File::options().read(true).write(true).open(path).unwrap()
}

fn flip(path: &Path, at: u64) {
    let byte = std::fs::read(path).unwrap()[at as usize];
    let mut file = writable(path);
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[byte ^ 1 << (at % 8)]).unwrap();
}

fn hash_of(path: &Path) -> String {
    blake3::hash(&std::fs::read(path).unwrap()).to_hex().to_string()
}

/// A bit in the head, in the middle, at the end: at one worker, then at all of them.
#[test]
fn flipped_bits() {
    let bed = with_shards();
    let bytes = std::fs::metadata(&shards(&bed, 1)[0]).unwrap().len();
    for (round, at) in [0, bytes / 3, bytes - 1].into_iter().enumerate() {
        let damaged: Vec<u32> = if round == 2 { (1..=WORKERS).collect() } else { vec![1 + round as u32] };
        for worker in &damaged {
            flip(&shards(&bed, *worker)[0], at);
        }
        bed.ends_undisturbed(Work::Steps, bed.begin(Work::Steps));
        damaged.into_iter().for_each(|worker| is_whole(&bed, worker));
    }
    assert!(noticed(&bed) > 0, "{}", bed.cluster.log());
}

/// How often a worker said that its shard is damaged.
fn noticed(bed: &Bed) -> usize {
    bed.cluster.log().matches("the shard in the store is damaged").count()
}

#[track_caller]
fn is_whole(bed: &Bed, worker: u32) {
    let shards = shards(bed, worker);
    let [path] = &shards[..] else { panic!("worker {worker} has {} shards", shards.len()) };
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    assert_eq!(hash_of(path), name, "worker {worker}: the shard was not made again");
}

#[test]
fn truncated_and_deleted() {
    let bed = with_shards();
    for length in [0, 100, 4096] {
        let before = noticed(&bed);
        writable(&shards(&bed, 2)[0]).set_len(length).unwrap();
        bed.ends_undisturbed(Work::Train, bed.begin(Work::Train));
        is_whole(&bed, 2);
        assert!(noticed(&bed) > before, "{length} bytes: nobody said so\n{}", bed.cluster.log());
    }
    for deleted in [vec![3], (1..=WORKERS).collect()] {
        deleted.iter().for_each(|worker| std::fs::remove_file(&shards(&bed, *worker)[0]).unwrap());
        bed.ends_undisturbed(Work::Train, bed.begin(Work::Train));
        deleted.into_iter().for_each(|worker| is_whole(&bed, worker));
    }
}

/// The mapped rows are gone in the midst of a training.
#[test]
fn truncated_while_mapped() {
    let bed = with_shards();
    let fault = bed.arm("worker.round.done", 10, Action::Stop);
    let running = bed.begin(Work::Steps);
    let stopped = bed.wait_for(&fault);
    let of_stopped = |at: &u32| {
        let maps = std::fs::read_to_string(format!("/proc/{stopped}/maps")).unwrap();
        maps.contains(&*bed.worker_folder(*at).to_string_lossy())
    };
    let victim = (1..=WORKERS).find(of_stopped).expect("a worker that maps its shard");
    writable(&shards(&bed, victim)[0]).set_len(0).unwrap();
    assert!(Signal::Continue.send(stopped));
    bed.ends_undisturbed(Work::Steps, running);
    assert!(!crate::bed::lives(stopped), "it read what is not there");
    until("its supervisor to know", || bed.cluster.log().contains("SIGBUS").then_some(()));
    bed.all_workers();
    bed.ends_undisturbed(Work::Train, bed.begin(Work::Train));
}
