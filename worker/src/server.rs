//! Starts and stops a worker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aquifer_learn::{Isa, self_test};
use aquifer_model::{Kind, Report};
use aquifer_proto::v1::peer_server::PeerServer;
use aquifer_proto::{
    Access, CHUNK_BYTES, DESCRIPTORS, QUESTION_BYTES_MAX, Scope, Tokens, admit, bind, blocking, with_operations,
};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tonic::service::Routes;

use crate::address::advertised;
use crate::budget::{Budget, watch_memory};
use crate::config::Config;
use crate::counters::Counters;
use crate::executor::{Executor, ThreadPool};
use crate::imports::Imports;
use crate::link::Links;
use crate::node::node_name;
use crate::operations::Operations;
use crate::peer::PeerService;
use crate::registry::Registry;
use crate::resources::memory_bytes;
use crate::session::Session;
use crate::shards::Shards;
use crate::states::States;
use crate::store::Store;

/// An exchange message: its values, and room for what describes them.
pub(crate) const PEER_BYTES_MAX: usize = CHUNK_BYTES + (64 << 10);

/// A worker that stops waits this long for tasks that are being done.
const STOP_MAX: Duration = Duration::from_secs(10);

/// A running worker.
pub struct Worker {
    address: SocketAddr,
    session: JoinHandle<Result<(), Report>>,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
    stop: watch::Sender<bool>,
    executor: Arc<dyn Executor>,
}

impl Worker {
    /// Binds, proves its arithmetic, and begins to dial the coordinator; must be called inside a tokio runtime.
    pub async fn start(config: Config) -> Result<Self, Report> {
        let (listener, address) = bind(&*config.seams.network, config.listen, config.credentials.tls.as_ref())?;
        let own_address = advertised(&config, address).await?;
        let tls = config.credentials.tls.clone();
        let store = Store::open(&config.dir)?;
        let executor = match &config.seams.executor {
            Some(executor) => executor.clone(),
            None => threads(config.threads)?,
        };
        let proof = blocking(|| self_test(Isa::detect())).await;
        let self_test =
            proof.ok_or_else(|| Report::new(Kind::Work, "self_test", "the self-test panicked: this is a bug"))??;

        let budget = Arc::new(Budget::new(config.memory_bytes.unwrap_or_else(memory_bytes)));
        tokio::spawn(watch_memory(Arc::downgrade(&budget)));
        let node = node_name(&config.dir)
            .map_err(|error| Report::new(Kind::Work, "random", "the system gives no random bytes").caused_by(&error))?;
        let registry = Registry::default();
        let states = States::default();
        let shards = Shards {
            store: store.clone(),
            roots: Arc::new(config.roots.clone()),
            links: Links {
                network: config.seams.network.clone(),
                credentials: config.credentials.clone(),
                peers: config.credentials.token.clone(),
            },
            coordinator: config.coordinator.clone(),
            own_address,
            fetching: Arc::default(),
        };
        // Peers bring a token that the coordinator gives; its own lets its owner look at its health.
        let tokens = Tokens::new(&config.credentials.token, Scope::Admin);
        let access = Access::new(tokens.clone(), tls.is_some());
        let peer = PeerService { registry: registry.clone(), store: store.clone(), states: states.clone() };
        let peer = PeerServer::new(peer);
        let peer = peer.max_decoding_message_size(PEER_BYTES_MAX);
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<PeerServer<PeerService>>().await;

        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .build_v1()
            .map_err(|error| {
                Report::new(Kind::Work, "reflection", "the reflection service cannot be made").caused_by(&error)
            })?;
        let counters = Arc::new(Counters::default());
        let operations = Operations {
            counters: counters.clone(),
            budget: budget.clone(),
            registry: registry.clone(),
            store,
            states: states.clone(),
            clock: config.seams.clock.clone(),
        };

        let (stop, stopped) = watch::channel(false);
        let services = Routes::new(peer)
            .add_service(health.max_decoding_message_size(QUESTION_BYTES_MAX))
            .add_service(reflection.max_decoding_message_size(QUESTION_BYTES_MAX));
        let server = aquifer_proto::server()
            .layer(access.clone())
            .add_routes(with_operations(services, Arc::new(operations), access))
            .serve_with_incoming(admit(listener, tls));
        let server = tokio::spawn(server);
        let session = Session {
            clock: config.seams.clock.clone(),
            config,
            listening: address,
            shards,
            states,
            executor: executor.clone(),
            importing: Arc::new(Semaphore::new(budget.imports_max())),
            budget,
            registry,
            tokens,
            imports: Imports::default(),
            counters,
            self_test,
            node,
        };
        let session = tokio::spawn(async move { session.keep(stopped).await });
        Ok(Self { address, session, server, stop, executor })
    }

    /// Where peers reach it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the worker ends by itself: refused, or without a coordinator for too long.
    pub async fn ended(&mut self) -> Result<(), Report> {
        match (&mut self.session).await {
            Ok(ended) => ended,
            Err(_) => Err(Report::new(Kind::Work, "panic", "the worker's session panicked: this is a bug")),
        }
    }

    /// Leaves the cluster, and stops serving once what it had is handed over.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if !self.session.is_finished() {
            let _ = self.session.await;
        }
        self.server.abort();
        let _ = self.server.await;
        // What is being made is finished, so that nothing half-written stays.
        let executor = self.executor;
        blocking(move || executor.join(STOP_MAX)).await;
    }
}

fn threads(count: usize) -> Result<Arc<dyn Executor>, Report> {
    let pool = ThreadPool::new(count).map_err(|error| {
        Report::new(Kind::Work, "threads", format!("cannot start {count} compute threads")).caused_by(&error)
    })?;
    Ok(Arc::new(pool))
}
