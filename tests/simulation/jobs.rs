//! The jobs of a simulation, and what each of them finds when nothing happens to it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::case::Case;
use crate::client::{Found, Job};
use crate::cluster;

/// Trained by all workers together, in many rounds.
pub(crate) const SPREAD: Job = Job {
    name: "spread",
    file: "few.parquet",
    spec: "target = \"class\"\nsplit = 0.8\n[params]\nhidden = [4]\nepochs = 6\nmini_batch_size = 16\nranks = 3\n\
           [params.averaging]\ninterval = 480\n",
};

pub(crate) const GRADIENT: Job = Job {
    name: "gradient",
    file: "few.parquet",
    spec: "target = \"class\"\n[params]\nhidden = [3]\nepochs = 1\nmini_batch_size = 20\nranks = 3\n\
           [params.averaging]\nmode = \"gradient\"\n[stopping]\nscore_interval = 0.25\n",
};

pub(crate) const GRID: Job = Job {
    name: "grid",
    file: "few.parquet",
    spec: "target = \"class\"\n[params]\nhidden = [3]\nepochs = 2\nmini_batch_size = 16\nranks = 2\n\
           [params.averaging]\ninterval = 320\n[search]\n[search.params]\nl2 = [0.0, 1e-3]\nhidden = [[2], [3, 2]]\n\
           [cross_validation]\nnfolds = 2\n",
};

pub(crate) const FOLDS: Job = Job {
    name: "folds",
    file: "few.parquet",
    spec: "target = \"class\"\n[params]\nhidden = [3]\nepochs = 3\nmini_batch_size = 16\nranks = 3\n\
           [params.averaging]\ninterval = 480\n[stopping]\nscore_interval = 0.5\nstopping_rounds = 1\n\
           [cross_validation]\nnfolds = 3\n",
};

pub(crate) const ALL: &[Job] = &[SPREAD, GRADIENT, GRID, FOLDS];

/// What a job finds on one worker when nothing happens.
pub(crate) fn undisturbed(job: Job) -> Found {
    static FOUND: Mutex<BTreeMap<Job, Found>> = Mutex::new(BTreeMap::new());
    if let Some(found) = FOUND.lock().unwrap_or_else(PoisonError::into_inner).get(&job) {
        return found.clone();
    }
    let run = cluster::run(&Case::calm(job));
    let found = run.found.into_iter().next().and_then(|(_, found)| found.ok()).expect("an end");
    FOUND.lock().unwrap_or_else(PoisonError::into_inner).insert(job, found.clone());
    found
}
