//! Newline-delimited JSON: one JSON text a line, with an optional carriage return before the line feed.

use std::ops::Range;

/// The end of the first line in `buffer`, its line feed included. Nothing before `scanned` is looked at again.
pub(super) fn line_end(buffer: &[u8], scanned: &mut usize) -> Option<usize> {
    let found = buffer.iter().skip(*scanned).position(|byte| *byte == b'\n').map(|at| *scanned + at + 1);
    *scanned = buffer.len();
    found
}

/// The line without its end.
pub(super) fn line(raw: &[u8]) -> Range<usize> {
    let end = raw.strip_suffix(b"\n").map_or(raw.len(), |line| line.strip_suffix(b"\r").unwrap_or(line).len());
    0..end
}
