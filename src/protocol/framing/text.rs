//! Plain text as it comes: what is there is a frame, but for half a character at its end.

use super::{Found, sse::BYTE_ORDER_MARK};

/// Follows a text from chunk to chunk.
#[derive(Debug, Default)]
pub(super) struct Text {
    has_started: bool,
}

impl Text {
    pub(super) fn next_frame(&mut self, buffer: &[u8], is_over: bool) -> Option<Found> {
        let is_mark = !self.has_started && !buffer.is_empty() && BYTE_ORDER_MARK.starts_with(buffer);
        let end = match std::str::from_utf8(buffer) {
            _ if is_mark && !is_over => return None,
            // A character whose end has not come.
            Err(error) if error.error_len().is_none() && !is_over => error.valid_up_to(),
            // What is no text at all is the reader's to see.
            Ok(_) | Err(_) => buffer.len(),
        };
        if end == 0 {
            return None;
        }
        let has_mark = !std::mem::replace(&mut self.has_started, true) && buffer.starts_with(BYTE_ORDER_MARK);
        let start = if has_mark { BYTE_ORDER_MARK.len().min(end) } else { 0 };
        let data = Some(start..end).filter(|data| !data.is_empty()).into_iter().collect();
        Some(Found { end, data, event: None })
    }
}
