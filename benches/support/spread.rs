//! Medians, and how far the runs lie apart.

/// The middle one.
pub fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// `median (least to most)`.
pub fn spread(values: &mut [u64]) -> String {
    let middle = median(values);
    format!("{middle} ({} to {})", values.first().copied().unwrap_or(0), values.last().copied().unwrap_or(0))
}
