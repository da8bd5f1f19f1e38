//! Zstandard (RFC 8878), a whole body at a time: the decoder keeps what it has until a window of it is full, and so has
//! nothing to give of a stream whose events are far smaller.

use std::io::Read as _;

use bytes::Bytes;
use ruzstd::decoding::StreamingDecoder;

use super::Undecodable;

/// Takes a whole body apart, frame by frame; nothing if it stands for more than `limit` bytes.
///
/// # Errors
///
/// [`Undecodable`].
pub(super) fn decode(body: &[u8], limit: usize) -> Result<Option<Bytes>, Undecodable> {
    let mut rest = body;
    let mut decoded = Vec::new();
    while !rest.is_empty() {
        let decoder = StreamingDecoder::new(&mut rest).map_err(|_| Undecodable)?;
        let room = (limit - decoded.len()) as u64;
        decoder.take(room + 1).read_to_end(&mut decoded).map_err(|_| Undecodable)?;
        if decoded.len() > limit {
            return Ok(None);
        }
    }
    Ok(Some(decoded.into()))
}
