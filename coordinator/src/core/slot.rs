//! The frames of a job on their way: asked for, planned, being made, ready.

use std::sync::Arc;
use std::time::Duration;

use aquifer_frame::{Note, Plan, ShardRecord};
use aquifer_model::{Kind, Part, Report};

use super::{Role, Source, StoredFrame, WorkerId};

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) role: Role,
    pub(super) source: Source,
    pub(super) stage: Stage,
    /// Its frame was there before this job.
    pub(super) reused: bool,
    /// What was found out about its sources.
    pub(super) notes: Vec<Note>,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// Its plan or its frame has been asked for.
    Asked,
    /// Planned, waiting for workers.
    Planned(Arc<Plan>),
    /// Shards are being made, in the order of the plan.
    Importing {
        plan: Arc<Plan>,
        shards: Vec<Making>,
    },
    Ready(Box<StoredFrame>),
}

/// A shard that is made.
#[derive(Clone, Debug, Default)]
pub(super) struct Making {
    /// Once it is made.
    pub(super) record: Option<ShardRecord>,
    /// Who makes it; nobody where the last worker was lost.
    pub(super) by: Option<WorkerId>,
    /// Workers that were lost over it, or could not make it.
    pub(super) lost: u32,
    /// When the last of them was.
    pub(super) lost_at: Option<Duration>,
}

impl Slot {
    /// A shard that is being made, or is made while others are.
    pub(super) fn making(&mut self, shard: usize) -> Option<&mut Making> {
        match &mut self.stage {
            Stage::Importing { shards, .. } => shards.get_mut(shard),
            Stage::Asked | Stage::Planned(_) | Stage::Ready(_) => None,
        }
    }

    /// Of the shards that are made.
    pub(super) fn records(&self) -> Vec<&ShardRecord> {
        match &self.stage {
            Stage::Ready(stored) => stored.frame.shards.iter().collect(),
            Stage::Importing { shards, .. } => shards.iter().filter_map(|making| making.record.as_ref()).collect(),
            Stage::Asked | Stage::Planned(_) => Vec::new(),
        }
    }
}

/// The frames of a job that are ready.
pub(super) struct Frames<'a> {
    pub(super) slots: &'a [Slot],
}

impl Frames<'_> {
    pub(super) fn of(&self, part: Part) -> Option<&StoredFrame> {
        self.slots.iter().find_map(|slot| match &slot.stage {
            Stage::Ready(stored) if slot.role == Role::Part(part) => Some(&**stored),
            _ => None,
        })
    }

    pub(super) fn train(&self) -> Result<&StoredFrame, Report> {
        self.of(Part::Train).ok_or_else(|| Report::new(Kind::Work, "job", "the job has no training frame"))
    }
}
