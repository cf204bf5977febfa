//! Every point there is. Each stands once in the sources; the tidy suite compares.

/// A name, and the moment that it is.
pub type Point = (&'static str, &'static str);

/// Where a process may be killed or stopped. The first word of a name is the role of the process.
pub const KILL_POINTS: &[Point] = &[
    // A worker, from its first contact …
    ("worker.session.dialled", "before it registers"),
    ("worker.session.joined", "once it is a member"),
    // … an import …
    ("worker.import.begin", "before a shard is made"),
    ("worker.shard.created", "its temporary file is there, and empty"),
    ("worker.shard.written", "all of it is written, nothing synced"),
    ("worker.shard.synced", "it is on disk under its temporary name"),
    ("worker.shard.renamed", "it has its name, and nobody knows"),
    ("worker.import.made", "before the coordinator is told"),
    ("worker.import.reported", "once it has been told"),
    // … shards that come from elsewhere …
    ("worker.shards.open", "before the shards of a trial are opened"),
    ("worker.shard.asked", "a peer asks for a shard"),
    ("worker.shard.rebuild", "nobody has a shard: it is made of the source again"),
    ("worker.fetch.written", "a file that was fetched is written, nothing checked"),
    ("worker.fetch.renamed", "it has its name"),
    // … a trial …
    ("worker.trial.asked", "before a cohort that was asked for is read"),
    ("worker.trial.begin", "before it begins"),
    ("worker.round.turn", "between rounds"),
    ("worker.round.begin", "a round begins"),
    ("worker.round.mapped", "the own ranks are mapped"),
    ("worker.exchange.send", "before a partial is sent"),
    ("worker.exchange.arrived", "a peer's partial is whole"),
    ("worker.round.summed", "every sum is there, no state is updated"),
    ("worker.round.done", "every state is updated"),
    ("worker.trial.scored", "a scoring while training is done"),
    ("worker.trial.stopped", "a cohort stops early, its states are not held yet"),
    ("worker.state.asked", "a peer asks for a state"),
    ("worker.state.taken", "a state is there, and not gone on from"),
    ("worker.state.handed", "before a state is sent to the coordinator"),
    ("worker.trial.trained", "the last round is done"),
    ("worker.trial.unsaid", "before the coordinator is told how a trial ended"),
    // … and its model.
    ("worker.model.before", "before the model is sent"),
    ("worker.model.piece", "in the midst of it"),
    ("worker.model.sent", "it was taken"),
    // A coordinator, from its start …
    ("coordinator.start.term", "it has a new term"),
    ("coordinator.start.unserved", "before it serves"),
    ("coordinator.worker.registers", "before a worker is a member"),
    // … a job that is asked for …
    ("coordinator.submit.received", "before a job is looked at"),
    ("coordinator.submit.taken", "it is a job, and its client does not know"),
    ("coordinator.planned", "the sources are read and cut"),
    ("coordinator.frame.unsaved", "every shard is there, the frame is not kept"),
    ("coordinator.frame.saved", "the frame is kept"),
    ("coordinator.trials.unread", "before what was found is looked up"),
    // … what it decides …
    ("coordinator.step.done", "decided, not durable"),
    ("coordinator.journal.trials_committed", "trials are durable, their jobs are not"),
    ("coordinator.journal.committed", "durable, and nothing of it is carried out"),
    ("coordinator.command", "before a worker is told something"),
    ("coordinator.trial.progress", "a trial reports how far it is"),
    ("coordinator.trial.finished", "a trial reports its end"),
    // … and what it is given.
    ("coordinator.file.synced", "a file is on disk under its temporary name"),
    ("coordinator.file.renamed", "it has its name"),
    ("coordinator.model.begun", "before a model is taken"),
    ("coordinator.model.received", "all of it is there, nothing is checked"),
    ("coordinator.model.unsaid", "it is kept, and the core does not know"),
    ("coordinator.model.stored", "the core knows, the worker does not"),
    ("coordinator.checkpoint.begun", "before a state is taken"),
    ("coordinator.checkpoint.stored", "it is kept, and the core does not know"),
    ("coordinator.checkpoint.fetched", "a worker asks for a state"),
];

/// Where a disk may fail as well: the calls on the way from bytes to a file that has its name.
pub const IO_POINTS: &[Point] = &[
    ("worker.shard.create", "the temporary file of a shard"),
    ("worker.shard.write", "a piece of it"),
    ("worker.shard.sync", "its sync"),
    ("worker.shard.freeze", "it becomes read-only"),
    ("worker.shard.rename", "it gets its name"),
    ("worker.fetch.create", "the temporary file of what is fetched"),
    ("worker.fetch.write", "a piece of it"),
    ("worker.fetch.sync", "its sync"),
    ("worker.fetch.rename", "it gets its name"),
    ("coordinator.file.create", "the temporary file of a frame, upload, model or state"),
    ("coordinator.file.write", "a piece of it"),
    ("coordinator.file.sync", "its sync"),
    ("coordinator.file.rename", "it gets its name"),
    ("coordinator.folder.sync", "its name is on disk"),
    ("coordinator.journal.trials", "the commit of what trials found"),
    ("coordinator.journal.jobs", "the commit of what jobs are"),
];
