//! HTTP fields that are lists.

use http::{HeaderMap, HeaderName};

/// The members of a comma-separated list, over all the lines of the field (RFC 9110, section 5.6.1).
pub(crate) fn members<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty())
}
