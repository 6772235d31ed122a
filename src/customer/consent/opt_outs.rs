//! What stays of a book when its customer is erased (promise 2.4).

use super::{ConsentBook, ConsentRecord};

impl ConsentBook {
    /// The revocations that stand, each for the whole of its channel and topic: contact points are forgotten.
    pub(crate) fn opt_outs(&self) -> ConsentBook {
        let mut kept = ConsentBook { merged: self.merged, ..ConsentBook::default() };
        for said in self.said.iter().filter(|said| said.record.revokes() && self.is_standing(&said.record)) {
            let ConsentRecord { channel, topic, at, .. } = said.record.clone();
            kept.record(ConsentRecord { topic, ..ConsentRecord::revoked(channel, at) });
        }
        kept
    }
}
