//! Server-sent events, after the grammar of the WHATWG HTML standard, section 9.2.5: lines end in LF, CRLF or a lone
//! CR, a blank line ends the event, one byte order mark may stand before everything.

use std::ops::Range;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Follows the lines of an event stream from chunk to chunk.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Something has been read.
    started: bool,
    /// The line that is being read has no byte yet.
    line_has_bytes: bool,
    /// The byte before was a CR: a LF right now belongs to it.
    after_cr: bool,
}

impl Lines {
    /// Whether nothing has been read yet.
    pub(super) const fn at_start(&self) -> bool {
        !self.started
    }

    /// The end of the first event in `buffer`, its blank line included. Bytes before `scanned` are not read again.
    ///
    /// A blank line that is a lone CR ends the event at once, although a LF may follow in the next chunk: it then
    /// stands at the head of the next event, where it ends no line.
    pub(super) fn event_end(&mut self, buffer: &[u8], scanned: &mut usize) -> Option<usize> {
        while let Some(byte) = buffer.get(*scanned) {
            self.started = true;
            *scanned += 1;
            let ends_line = match byte {
                b'\n' => !std::mem::take(&mut self.after_cr),
                b'\r' => {
                    self.after_cr = true;
                    true
                }
                _ => {
                    self.after_cr = false;
                    self.line_has_bytes = true;
                    false
                }
            };
            if ends_line && !std::mem::take(&mut self.line_has_bytes) {
                // Take the LF of this CRLF along where it is there already.
                if self.after_cr && buffer.get(*scanned) == Some(&b'\n') {
                    self.after_cr = false;
                    *scanned += 1;
                }
                return Some(*scanned);
            }
        }
        None
    }
}

/// Where in one event the values of its `data` lines are, without the one space after the colon.
pub(super) fn data_lines(raw: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = if raw.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    while let Some(rest) = raw.get(start..).filter(|rest| !rest.is_empty()) {
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        let line = rest.get(..length).unwrap_or_default();
        if let Some(value) = line.strip_prefix(b"data") {
            match value {
                [] => found.push(start + length..start + length),
                [b':', b' ', ..] => found.push(start + 6..start + length),
                [b':', ..] => found.push(start + 5..start + length),
                // Another field whose name begins with these letters.
                _ => {}
            }
        }
        start += length + 1;
    }
    found
}
