//! Where a name's cell stands among a customer's attributes.

/// Finds one of up to 254 hashes at one look, mostly.
///
/// A table with holes: at least half of its slots are empty. Without it a look has to guess its way through the hashes in
/// their order, and a guess that fails costs more than all the rest of a comparison.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// Slots by the hash's lowest bits: zero, or one more than where the cell stands. Empty for so few that they are sooner
    /// looked through, and for more than a byte tells apart.
    slots: Box<[u8]>,
}

/// What the table says of a hash.
pub(super) enum Hint {
    /// The hash stands there, if it stands anywhere; unless another hash is there: then the next slot has to be asked.
    At(usize),
    Nowhere,
    /// There is no table.
    Unknown,
}

impl Places {
    const FEW: usize = 4;
    const MOST: usize = u8::MAX as usize - 1;

    pub(super) fn of(hashes: impl ExactSizeIterator<Item = u64>) -> Places {
        if hashes.len() <= Places::FEW || hashes.len() > Places::MOST {
            return Places::default();
        }
        let mut places = Places { slots: vec![0; (2 * hashes.len()).next_power_of_two()].into() };
        for (hash, place) in hashes.zip(1..) {
            let mut turn = 0;
            while !matches!(places.hint(hash, turn), Hint::Nowhere) {
                turn += 1;
            }
            let slot = places.slot(hash, turn);
            if let Some(free) = places.slots.get_mut(slot) {
                *free = place;
            }
        }
        places
    }

    /// What the slot says that is asked `turn`-th, from 0.
    #[inline]
    pub(super) fn hint(&self, hash: u64, turn: usize) -> Hint {
        match self.slots.get(self.slot(hash, turn)) {
            None => Hint::Unknown,
            Some(0) => Hint::Nowhere,
            Some(place) => Hint::At(usize::from(*place) - 1),
        }
    }

    #[inline]
    fn slot(&self, hash: u64, turn: usize) -> usize {
        (hash as usize).wrapping_add(turn) & self.slots.len().wrapping_sub(1)
    }
}
