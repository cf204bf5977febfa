//! What the exchanges of a cohort's trials send, and take from peers.

use aquifer_model::{Kind, Report, ValueType};
use aquifer_proto::v1::{self, ExchangeRequest};
use aquifer_proto::{CHUNK_BYTES, PROTOCOL_VERSION, exchange_messages, read_parts};

use tracing::error;

use super::Cohort;
use crate::core::{Outgoing, Progress};
use crate::trial::End;
use crate::trial::stream::{from_wire, to_wire};

impl Cohort<'_> {
    /// Sends what an exchange wants sent.
    pub(super) fn follow(&mut self, at: usize, progress: Progress) {
        for outgoing in progress.outgoing {
            self.send(at, outgoing);
        }
        let seat = &mut self.seats[at];
        seat.total = progress.total.or(seat.total.take());
    }

    fn send(&self, at: usize, outgoing: Outgoing) {
        let Some(Some(peer)) = self.peers.get(outgoing.to) else { return };
        aquifer_fault::kill_point("worker.exchange.send");
        let mut messages = exchange_messages(&outgoing.nodes);
        let last = messages.len() - 1;
        for (number, parts) in messages.drain(..).enumerate() {
            // A peer that is gone is reported by its stream.
            let _ = peer.send(ExchangeRequest {
                header: Some(v1::Header {
                    protocol_version: PROTOCOL_VERSION,
                    term: self.id.term,
                    incarnation: self.node.incarnation,
                }),
                generation: Some((&self.id).into()),
                member: self.me as u32,
                round: outgoing.round,
                phase: to_wire(outgoing.phase) as i32,
                parts,
                last: number == last,
                state_check: self.seats[at].own_check,
                trial: at as u32,
            });
        }
    }

    /// Takes a piece of what a peer sends; once the peer has sent all of it, the exchange goes on.
    pub(super) fn take_message(&mut self, message: ExchangeRequest) -> Result<(), End> {
        let (from, at) = (message.member as usize, message.trial as usize);
        let Some(seat) = self.seats.get_mut(at) else {
            let reason = format!("a message for trial {at} of a cohort of {}", self.seats.len());
            return Err(End::Failed(Report::new(Kind::Work, "exchange", reason)));
        };
        let round = seat.state.record.round;
        let worker = self.members.get(from).map_or("an unknown member", |m| &m.worker);
        let bad = |reason: String| {
            End::Failed(Report::new(Kind::Work, "exchange", format!("{worker} in round {round}: {reason}")))
        };
        let sender = self.members.get(from).filter(|_| from != self.me);
        let incarnation = message.header.as_ref().map_or(0, |header| header.incarnation);
        if sender.is_none_or(|sender| sender.incarnation != incarnation) {
            return Err(bad("it is no member of this generation".into()));
        }
        if seat.ended {
            return Ok(()); // it has not heard yet
        }
        // A peer may have begun the round that is next here, or the one after that which is running.
        if seat.running.is_none() || message.round == round + 1 {
            seat.early.push(message);
            return Ok(());
        }
        if message.state_check != seat.own_check {
            error!(worker, round, "its state differs from this worker's: one of the two machines computes wrongly");
            return Err(End::Differs { trial: at, round, check: seat.own_check });
        }
        let phase = from_wire(message.phase()).ok_or_else(|| bad("phase: unspecified".into()))?;
        let (shape, nodes_max) = {
            let exchange = seat.exchange();
            (exchange.shape(message.round, phase, from), exchange.nodes_max(phase, from))
        };
        let shape = shape.ok_or_else(|| bad(format!("it sent round {} too early or too late", message.round)))?;
        let parts = seat.partly.entry((phase, from)).or_default();
        parts.extend(message.parts);
        if parts.len() > parts_max(&shape, nodes_max) {
            return Err(bad("it sent more than the round has".into()));
        }
        if !message.last {
            return Ok(());
        }
        aquifer_fault::kill_point("worker.exchange.arrived");
        let nodes = read_parts(std::mem::take(parts), &shape, nodes_max).map_err(|error| bad(error.to_string()))?;
        let arrived = seat.exchange().arrived(from, message.round, phase, nodes);
        let progress = arrived.map_err(|error| bad(error.to_string()))?;
        self.follow(at, progress);
        Ok(())
    }
}

/// Parts of at most a chunk each, one at least for every vector of every node.
fn parts_max(shape: &[(ValueType, usize)], nodes_max: usize) -> usize {
    let parts = |(value_type, len): &(ValueType, usize)| 1 + len * value_type.bytes() / CHUNK_BYTES;
    nodes_max * (1 + shape.iter().map(parts).sum::<usize>())
}
