//! Where a name's cell stands among a customer's attributes.

/// Finds one of up to 255 hashes at one look, mostly.
///
/// A table with holes: at least half of its slots are empty. Without it a look has to guess its way through the hashes in
/// their order, and a guess that fails costs more than all the rest of a comparison.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// Slots by the hash's lowest bits: where the cell stands, or [`NOBODY`](Self::NOBODY). Empty for so few that they are
    /// sooner looked through, and for more than a byte tells apart.
    slots: Box<[u8]>,
}

impl Places {
    const FEW: usize = 4;
    const MOST: usize = u8::MAX as usize;
    /// No cell stands there: with so many there is no table.
    const NOBODY: u8 = u8::MAX;

    pub(super) fn of(hashes: impl ExactSizeIterator<Item = u64>) -> Places {
        if hashes.len() <= Places::FEW || hashes.len() > Places::MOST {
            return Places::default();
        }
        let mut slots = vec![Places::NOBODY; (2 * hashes.len()).next_power_of_two()];
        let last = slots.len() - 1;
        for (hash, place) in hashes.zip(0..) {
            let mut slot = hash as usize & last;
            while slots.get(slot).is_some_and(|taken| *taken != Places::NOBODY) {
                slot = (slot + 1) & last;
            }
            if let Some(free) = slots.get_mut(slot) {
                *free = place;
            }
        }
        Places { slots: slots.into() }
    }

    /// Where a hash stands among the cells, in whose order the table was made.
    #[inline]
    pub(super) fn find<'c, C>(&self, hash: u64, cells: &'c [(u64, C)]) -> Option<(usize, &'c C)> {
        let mut slot = hash as usize;
        while let Some(place) = self.slots.get(slot & self.slots.len().wrapping_sub(1)) {
            let place = usize::from(*place);
            match cells.get(place) {
                Some((known, cell)) if *known == hash => return Some((place, cell)),
                Some(_) => slot = slot.wrapping_add(1),
                None => return None,
            }
        }
        let place = cells.binary_search_by_key(&hash, |(known, _)| *known).ok()?;
        cells.get(place).map(|(_, cell)| (place, cell))
    }
}
