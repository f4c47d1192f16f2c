//! The wishes of a caller in `Accept` and its kin (RFC 9110, 12.5).

/// The quality value among the parameters of a range; 1 if there is none that can be read.
pub(crate) fn quality(parameters: &str) -> f32 {
    let mut values = parameters.split(';').filter_map(|parameter| parameter.trim().strip_prefix("q="));
    values.find_map(|value| value.parse().ok()).unwrap_or(1.0)
}
