//! Starts and stops a coordinator: binds, begins its term, serves.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aquifer_model::{Kind, Report};
use aquifer_proto::v1::{jobs_server::JobsServer, membership_server::MembershipServer};
use aquifer_proto::{
    Access, BindError, CONTROL_BYTES_MAX, DESCRIPTORS, QUESTION_BYTES_MAX, Scope, Tokens, TokensError, admit, bind,
    on_own_thread, with_operations,
};
use tokio::sync::{Semaphore, oneshot, watch};
use tonic::service::Routes;
use tracing::{Instrument, info, info_span};

use crate::config::Config;
use crate::core::{Event, JobRow, State};
use crate::driver::{Driver, Handle};
use crate::journal::{Journal, JournalError, SqliteJournal};
use crate::service::{JobsService, MembershipService, Operations};
use crate::store::{Store, StoreError};

/// Checkpoints, and models, that workers send side by side: each is in memory until it is believed.
const RECEIVED_AT_ONCE: usize = 2;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Tokens(#[from] TokensError),
    #[error("the reflection service cannot be made")]
    Reflection { source: tonic_reflection::server::Error },
}

impl From<StartError> for Report {
    fn from(error: StartError) -> Self {
        let message = error.to_string();
        match error {
            StartError::Bind(error) => error.into(),
            StartError::Tokens(error) => error.into(),
            StartError::Store(error) => error.into(),
            StartError::Journal(error) => Report::from(&error),
            StartError::Reflection { source } => Report::new(Kind::Work, "reflection", message).caused_by(&source),
        }
    }
}

/// A running coordinator. Dropped, it goes on until the process ends; [`Coordinator::stop`] ends it.
pub struct Coordinator {
    address: SocketAddr,
    url: String,
    handle: Handle,
    driver: oneshot::Receiver<()>,
    server: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
    stop: watch::Sender<bool>,
}

impl Coordinator {
    /// Binds and serves; must be called inside a tokio runtime.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let (listener, address) = bind(&*config.seams.network, config.listen, config.tls.as_ref())?;
        let url = aquifer_proto::url(address, config.tls.as_ref());
        let store = Store::open(&config.dir, &config.journal_dir, config.cache_bytes)?;
        let mut journal = match config.seams.journal {
            Some(journal) => journal,
            None => {
                let (jobs, trials) = (config.journal_dir.join("journal.sqlite"), config.dir.join("trials.sqlite"));
                Box::new(SqliteJournal::open(&jobs, &trials)?) as Box<dyn Journal>
            }
        };
        let term = journal.begin_term()?;
        aquifer_fault::kill_point("coordinator.start.term");
        if !config.continues {
            let orphans = State::end_orphans(journal.jobs()?);
            journal.commit(&orphans, &[])?;
        }
        let state = State::new(term).with_past(journal.jobs()?).with_no_worker_grace(config.no_worker_grace);
        let (state, running) = state.continued();

        let roots = Arc::new(config.roots);
        let clock = config.seams.clock;
        let (driver, handle) = Driver::new(state, journal, clock.clone(), store.clone(), roots.clone());
        for JobRow { id, request, created_ms, .. } in running {
            let Some(request) = request.map(Box::new) else { continue };
            info!(job = %id, term, "goes on");
            handle.feeds.open(&id);
            handle.send(Event::Submitted { job: id, request, workers_min: 1, created_ms });
        }
        let driver = on_own_thread(driver.run().instrument(info_span!("coordinator", term)));

        let tokens = match &config.tokens {
            Some(file) => Tokens::with_file(&config.token, Scope::Admin, file)?,
            None => Tokens::new(&config.token, Scope::Admin),
        };
        let access = Access::new(tokens.clone(), config.tls.is_some());
        let jobs = JobsService { handle: handle.clone(), store: store.clone(), roots, address: url.clone() };
        let jobs = JobsServer::new(jobs).max_decoding_message_size(CONTROL_BYTES_MAX);
        let membership = MembershipService {
            handle: handle.clone(),
            store,
            term,
            self_test: Mutex::new(config.self_test),
            next_worker: Arc::default(),
            peer_token: config.token.for_peers(),
            tokens,
            checkpoints: Semaphore::new(RECEIVED_AT_ONCE),
            models: Semaphore::new(RECEIVED_AT_ONCE),
        };
        let membership = MembershipServer::new(membership).max_decoding_message_size(CONTROL_BYTES_MAX);
        aquifer_fault::kill_point("coordinator.start.unserved");
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<JobsServer<JobsService>>().await;
        reporter.set_serving::<MembershipServer<MembershipService>>().await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .build_v1()
            .map_err(|source| StartError::Reflection { source })?;

        let (stop, mut stopped) = watch::channel(false);
        let services = Routes::new(jobs)
            .add_service(membership)
            .add_service(health.max_decoding_message_size(QUESTION_BYTES_MAX))
            .add_service(reflection.max_decoding_message_size(QUESTION_BYTES_MAX));
        let operations = Arc::new(Operations { handle: handle.clone(), clock });
        let server = aquifer_proto::server()
            .layer(access.clone())
            .add_routes(with_operations(services, operations, access))
            .serve_with_incoming_shutdown(admit(listener, config.tls), async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            });
        let server = tokio::spawn(server);
        Ok(Self { address, url, handle, driver, server, stop })
    }

    /// Where callers on this machine reach it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the services and the driver. Sessions that are open are cut.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.handle.stop();
        self.server.abort();
        let _ = self.server.await;
        let _ = self.driver.await;
    }
}
