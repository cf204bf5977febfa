//! Coordinators and workers as hosts of a simulation: the real ones, on simulated seams.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aquifer_coordinator::Coordinator;
use aquifer_frame::Roots;
use aquifer_learn::{Crew, Isa, self_test};
use aquifer_model::Report;
use aquifer_proto::{Clock, Credentials, Simulated, Token};
use aquifer_worker::{Executor, Inline, Task, Worker};

use crate::journal::Disk;
use crate::network::Turmoil;
use crate::notes::Notes;

pub(crate) const COORDINATOR: &str = "coordinator";
const PORT: u16 = 7400;

pub(crate) fn url(host: &str) -> String {
    format!("http://{host}:{PORT}")
}

pub(crate) fn token() -> Token {
    Token::new("a-token-of-the-simulation").expect("a token")
}

/// What a fault changes in a node while it runs.
#[derive(Clone, Default)]
pub(crate) struct Dials(Arc<Mutex<Set>>);

#[derive(Clone, Copy, Default)]
struct Set {
    jumped: Duration,
    rest: Duration,
}

impl Dials {
    /// The node's clock leaps forward.
    pub(crate) fn jump(&self, by: Duration) {
        self.set(|set| set.jumped += by);
    }

    /// A worker takes so long after each round.
    pub(crate) fn rest(&self, rest: Duration) {
        self.set(|set| set.rest = rest);
    }

    fn set(&self, change: impl FnOnce(&mut Set)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn get(&self) -> Set {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time as the simulation has it, and leaps.
struct Leaping(Simulated, Dials);

impl Clock for Leaping {
    fn now(&self) -> Duration {
        self.0.now() + self.1.get().jumped
    }
}

/// Computes inline, and rests after every round.
struct Paced(Inline, Dials);

impl Executor for Paced {
    fn submit(&self, task: Task) {
        self.0.submit(task);
    }

    fn enter(&self, work: &mut (dyn FnMut() + Send)) {
        self.0.enter(work);
    }

    fn crew(&self) -> &dyn Crew {
        self.0.crew()
    }

    fn turn(&self) -> Duration {
        Duration::ZERO
    }

    fn rest(&self) -> Duration {
        self.1.get().rest
    }

    fn join(&self, limit: Duration) {
        self.0.join(limit);
    }
}

/// What a node begins with, each time.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) seed: u64,
    pub(crate) dir: PathBuf,
    pub(crate) roots: Roots,
    pub(crate) dials: Dials,
    pub(crate) notes: Notes,
}

fn listen() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT)
}

impl Node {
    fn clock(&self) -> Arc<dyn Clock> {
        self.dials.set(|set| set.jumped = Duration::ZERO);
        Arc::new(Leaping(Simulated::default(), self.dials.clone()))
    }

    pub(crate) async fn coordinator(self, disk: Disk) -> turmoil::Result {
        let config = aquifer_coordinator::Config {
            listen: listen(),
            dir: self.dir.clone(),
            journal_dir: self.dir.clone(),
            roots: self.roots.clone(),
            token: token(),
            tokens: None,
            tls: None,
            cache_bytes: None,
            continues: true,
            no_worker_grace: aquifer_coordinator::core::NO_WORKER_GRACE,
            self_test: Some(self_test(Isa::detect()).map_err(Report::from)?),
            seams: aquifer_coordinator::Seams {
                network: Arc::new(Turmoil),
                clock: self.clock(),
                journal: Some(Box::new(disk)),
            },
        };
        let _coordinator = Coordinator::start(config).await?;
        self.notes.trace("the coordinator serves");
        std::future::pending().await
    }

    /// Begun again whenever it ends.
    pub(crate) async fn worker(self, name: String) -> turmoil::Result {
        loop {
            let config = aquifer_worker::Config {
                coordinator: url(COORDINATOR),
                credentials: Credentials { token: token(), tls: None },
                listen: listen(),
                advertise: Some(url(&name)),
                dir: self.dir.clone(),
                roots: self.roots.clone(),
                memory_bytes: None,
                threads: 1,
                seams: aquifer_worker::Seams {
                    network: Arc::new(Turmoil),
                    clock: self.clock(),
                    executor: Some(Arc::new(Paced(Inline::new(self.seed, 2), self.dials.clone()))),
                },
            };
            let mut worker = Worker::start(config).await?;
            self.notes.trace(&format!("{name} begins"));
            let ended = worker.ended().await;
            self.notes.trace(&format!("{name} ended: {ended:?}"));
            worker.stop().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
