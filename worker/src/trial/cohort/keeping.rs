//! What is kept of a cohort's states: checkpoints while it runs, and what is held when it stops.

use aquifer_proto::v1;

use super::Cohort;

impl Cohort<'_> {
    /// Before the sums are applied the states are those that members have just compared: one of them may be kept.
    pub(super) fn keep_checkpoint(&mut self) {
        if self.me != 0 {
            return;
        }
        let compared = |at: &&usize| {
            let seat = &self.seats[**at];
            seat.state.record.round > 0 && !seat.is_new && seat.running.is_some_and(|kind| seat.compares(kind))
        };
        let compared: Vec<usize> = self.group.iter().filter(compared).copied().collect();
        if compared.is_empty() || !self.checkpoints.are_due(self.node.clock.now()) {
            return;
        }
        if let Some(at) = self.checkpoints.turn(&compared) {
            self.checkpoints.send(self.node, &self.id, self.seats[at].snapshot());
        }
    }

    /// Every member has begun: nobody asks for the states any more that trials went on from.
    pub(super) fn release(&mut self, group: &[usize]) {
        for at in group {
            let plan = &mut self.seats[*at].plan;
            if plan.from.take().is_some() {
                self.node.states.forget(&plan.identity);
            }
        }
    }

    /// Holds the states of the trials that have not ended, for whoever goes on with them. The cohort has none any more.
    pub(in crate::trial) fn hold(&mut self) -> Vec<v1::HeldState> {
        let now = self.node.clock.now();
        let open = self.seats.iter_mut().filter(|seat| !seat.ended && seat.state.record.round > 0);
        open.map(|seat| self.node.states.hold(&self.id.trial, seat.take_snapshot(), now)).collect()
    }

    /// Holds the last state of a trial that is done, until the coordinator has written down that it is.
    pub(in crate::trial) fn hold_done(&mut self, at: usize) -> v1::HeldState {
        self.node.states.hold(&self.id.trial, self.seats[at].take_snapshot(), self.node.clock.now())
    }

    /// What has ended here has not ended for the coordinator.
    pub(in crate::trial) fn reopen(&mut self, at: usize) {
        self.seats[at].ended = false;
    }
}
