//! JSON texts one after another: NDJSON, objects back to back, one that is printed over several lines, or the elements
//! of an array that is sent piece by piece.

use super::{Balance, Found};

/// Follows the texts from chunk to chunk.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Up to here the buffer holds no end of a text.
    scanned: usize,
    /// Where the text that is being read begins, and what it is.
    start: Option<(usize, Kind)>,
    balance: Balance,
    /// Whether brackets and commas between the texts are an array's.
    in_array: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// An object or array: ends where it closes.
    Container,
    /// Anything else, JSON or not: ends with its line.
    Line,
}

impl Values {
    /// The elements of an array.
    pub(super) fn in_array() -> Self {
        Self { in_array: true, ..Self::default() }
    }

    pub(super) fn next_frame(&mut self, buffer: &[u8], is_over: bool) -> Option<Found> {
        let Some((start, kind)) = self.start.or_else(|| self.begin(buffer)) else {
            // White space alone keeps a connection alive, and a bracket says nothing: nothing to wait for.
            return (!buffer.is_empty()).then(|| self.found(buffer, 0..0, buffer.len()));
        };
        self.scanned = self.scanned.max(start);
        self.start = Some((start, kind));
        while let Some(byte) = buffer.get(self.scanned) {
            self.scanned += 1;
            let is_end = match kind {
                Kind::Container => self.balance.closes_with(*byte),
                Kind::Line => *byte == b'\n',
            };
            if is_end {
                return Some(self.found(buffer, start..self.scanned, self.scanned));
            }
        }
        (is_over && !buffer.is_empty()).then(|| self.found(buffer, start..buffer.len(), buffer.len()))
    }

    /// The frame, with the rest of its line if that is blank.
    fn found(&mut self, buffer: &[u8], data: std::ops::Range<usize>, mut end: usize) -> Found {
        *self = Self { in_array: self.in_array, ..Self::default() };
        let rest = buffer.get(end..).unwrap_or_default();
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        if rest.get(blank) == Some(&b'\n') {
            end += blank + 1;
        }
        let text = buffer.get(data.clone()).unwrap_or_default().trim_ascii_end().len();
        let line = data.start..data.start + text;
        let data = Some(line).filter(|line| !line.is_empty()).into_iter().collect();
        Found { end, data, event: None }
    }

    /// Where the first text in the buffer begins; nothing if there is only what stands between them.
    fn begin(&self, buffer: &[u8]) -> Option<(usize, Kind)> {
        let is_between =
            |byte: &u8| byte.is_ascii_whitespace() || (self.in_array && matches!(byte, b'[' | b',' | b']'));
        let start = buffer.iter().position(|byte| !is_between(byte))?;
        let is_container = buffer.get(start).is_some_and(|first| super::begins_like_json(*first));
        Some((start, if is_container { Kind::Container } else { Kind::Line }))
    }
}
