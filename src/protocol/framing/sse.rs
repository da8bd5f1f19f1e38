//! Server-sent events, after the grammar of the WHATWG HTML standard, section 9.2.5: lines end in LF, CRLF or a lone
//! CR, a blank line ends the event, one byte order mark may stand before everything.
//!
//! A frame is less than an event: a line without data is one, and data is one as soon as its JSON is complete. Many
//! servers put one line feed between their events instead of two, or send the blank line with the next event; their
//! clients read line by line, and so must who edits for them.

use std::ops::Range;

use super::{Balance, Found, begins_like_json};

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Follows the lines of an event stream from chunk to chunk.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Something has been read.
    has_started: bool,
    /// The line before ended in a CR at the end of the buffer: a LF right now belongs to it.
    after_cr: bool,
    /// The name of the event that is being read.
    event: Option<String>,
    /// Up to here the buffer holds no end of a line.
    scanned: usize,
    /// Where the line that is being read begins.
    line: usize,
    /// The data lines of the frame that is being read, and how far their JSON has come.
    data: Vec<Range<usize>>,
    balance: Balance,
}

impl Lines {
    pub(super) fn next_frame(&mut self, buffer: &[u8], is_over: bool) -> Option<Found> {
        if self.after_cr
            && let Some(next) = buffer.get(self.scanned)
        {
            self.after_cr = false;
            if *next == b'\n' {
                self.scanned += 1;
                self.line = self.scanned;
                if self.data.is_empty() {
                    return Some(self.found(self.scanned));
                }
            }
        }
        if !self.has_started && buffer.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(buffer) && !is_over
        {
            return None;
        }
        loop {
            let rest = buffer.get(self.scanned..).unwrap_or_default();
            let Some(length) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.scanned = buffer.len();
                break;
            };
            let content = self.line..self.scanned + length;
            let mut end = content.end + 1;
            if buffer.get(content.end) == Some(&b'\r') {
                match buffer.get(end) {
                    Some(b'\n') => end += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            self.scanned = end;
            self.line = end;
            if self.is_frame_with(buffer, content) {
                return Some(self.found(end));
            }
        }
        if !is_over || buffer.is_empty() {
            return None;
        }
        // A last line without an end: a conforming client drops it, others read it.
        self.is_frame_with(buffer, self.line..buffer.len());
        Some(self.found(buffer.len()))
    }

    /// Takes a line; whether the frame is complete with it.
    fn is_frame_with(&mut self, buffer: &[u8], mut content: Range<usize>) -> bool {
        if !std::mem::replace(&mut self.has_started, true)
            && buffer.get(content.clone()).is_some_and(|line| line.starts_with(BYTE_ORDER_MARK))
        {
            content.start += BYTE_ORDER_MARK.len();
        }
        let line = buffer.get(content.clone()).unwrap_or_default();
        if line.is_empty() {
            self.event = None;
            return true;
        }
        if let Some(value) = field(line, b"data") {
            let value = content.end - value.len()..content.end;
            return self.is_complete_with(buffer, value);
        }
        if let Some(name) = field(line, b"event") {
            self.event = Some(String::from_utf8_lossy(name).into_owned());
        }
        self.data.is_empty()
    }

    /// Takes a line of data; whether the data is complete with it: a JSON object or array when it closes, anything
    /// else at the end of its line.
    fn is_complete_with(&mut self, buffer: &[u8], value: Range<usize>) -> bool {
        let bytes = buffer.get(value.clone()).unwrap_or_default();
        let is_first = self.data.is_empty();
        self.data.push(value);
        if is_first && !bytes.trim_ascii_start().first().is_some_and(|first| begins_like_json(*first)) {
            return true;
        }
        let mut is_closed = false;
        for byte in bytes {
            is_closed |= self.balance.closes_with(*byte);
        }
        is_closed
    }

    fn found(&mut self, end: usize) -> Found {
        self.scanned = 0;
        self.line = 0;
        self.balance = Balance::default();
        Found { end, data: std::mem::take(&mut self.data), event: self.event.clone() }
    }
}

/// The value of a line, if it is one of this field: without the one space after the colon.
fn field<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    match line.strip_prefix(name)? {
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        [] => Some(&[]),
        // Another field whose name begins with these letters.
        _ => None,
    }
}
