//! Clients of other nodes, with the token, limits and size caps that all of them have; and files fetched in pieces.

use std::path::Path;
use std::sync::Arc;

use aquifer_fault::{Writer, io_point, kill_point};
use aquifer_model::{Kind, Report};
use aquifer_proto::v1::membership_client::MembershipClient;
use aquifer_proto::v1::peer_client::PeerClient;
use aquifer_proto::{
    CONTROL_BYTES_MAX, Callee, Credentials, Network, Token, TokenSender, connect_through, from_status, in_place,
    new_part,
};
use tokio_stream::{Stream, StreamExt};
use tonic::Status;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;

use crate::store::io_report;

type Link = InterceptedService<Channel, TokenSender>;

/// The way to other nodes.
#[derive(Clone)]
pub(crate) struct Links {
    pub(crate) network: Arc<dyn Network>,
    pub(crate) credentials: Credentials,
    /// For peers: as the coordinator gave it in this session.
    pub(crate) peers: Token,
}

impl Links {
    pub(crate) async fn coordinator(&self, url: &str) -> Result<MembershipClient<Link>, Report> {
        let channel = self.dial(url, Callee::Coordinator).await?;
        let client = MembershipClient::with_interceptor(channel, TokenSender::new(&self.credentials.token));
        Ok(client.max_decoding_message_size(CONTROL_BYTES_MAX))
    }

    pub(crate) async fn peer(&self, url: &str) -> Result<PeerClient<Link>, Report> {
        let channel = self.dial(url, Callee::Worker).await?;
        Ok(PeerClient::with_interceptor(channel, TokenSender::new(&self.peers)))
    }

    async fn dial(&self, url: &str, callee: Callee) -> Result<Channel, Report> {
        Ok(connect_through(&*self.network, url, self.credentials.tls.as_ref(), callee).await?)
    }
}

/// Writes a stream of pieces to `path`: under a temporary name, checked against the hash that names it, synced, renamed.
pub(crate) async fn save<T>(
    mut pieces: impl Stream<Item = Result<T, Status>> + Unpin,
    data: impl Fn(T) -> Vec<u8>,
    path: &Path,
    hash: &str,
) -> Result<(), Report> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let part = io_point("worker.fetch.create").and_then(|()| new_part(folder));
    let mut part = part.map_err(|error| io_report("create a file in", folder, &error))?;
    let mut hasher = blake3::Hasher::new();
    while let Some(piece) = pieces.next().await {
        let piece = data(piece.map_err(|status| from_status(&status, "fetching a file"))?);
        hasher.update(&piece);
        let write = || std::io::Write::write_all(&mut Writer::new("worker.fetch.write", &mut part), &piece);
        in_place(write).map_err(|error| io_report("write", path, &error))?;
    }
    kill_point("worker.fetch.written");
    if hasher.finalize().to_hex().as_str() != hash {
        let message = format!("a file that was fetched is damaged: it does not have the hash {hash}");
        return Err(Report::new(Kind::Work, "damaged_transfer", message));
    }
    let sync = || io_point("worker.fetch.sync").and_then(|()| part.as_file().sync_all());
    in_place(sync).map_err(|error| io_report("sync", path, &error))?;
    io_point("worker.fetch.rename").map_err(|error| io_report("rename to", path, &error))?;
    part.persist(path).map_err(|error| io_report("rename to", path, &error.error))?;
    kill_point("worker.fetch.renamed");
    Ok(())
}
