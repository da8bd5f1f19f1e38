//! Takes the compression off a reply, as it comes and a little at a time: however much a few bytes stand for, no more than
//! a step of it is there at once.

use std::io::Write as _;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use bytes::{Buf as _, Bytes, BytesMut};
use flate2::{Decompress, FlushDecompress, Status, write::MultiGzDecoder};
use mzstd::{DecodeLimits, DecodeOperation, DecoderSessionOwned, DecoderStatus, Decompressor};

/// How many bytes come out in one step, about.
const STEP: usize = 32 << 10;

/// How many bytes of gzip go in at once: its ratio is at most 1,032.
const GZIP_STEP: usize = 64;

/// The largest window of Zstandard, as a power of two: no client need take a larger one (RFC 9659, section 3).
const ZSTD_WINDOW_LOG: u8 = 23;

/// The most that a block of Zstandard stands for (RFC 8878, section 3.1.1.2.4).
const ZSTD_BLOCK: usize = 128 << 10;

/// How the bytes of a reply are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// The coding of this name (RFC 9110, section 8.4.1; RFC 8878; RFC 7932).
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// The bytes are not what their coding says, or end too soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Undecodable;

/// Takes one body apart.
pub(super) struct Decoder {
    coding: Coding,
    /// What has come and has not been looked at.
    input: Bytes,
    has_begun: bool,
    inner: Inner,
}

enum Inner {
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// Without a decoder until the first byte tells whether it is in a zlib envelope, as it should be, or bare.
    Deflate {
        decoder: Option<Box<Decompress>>,
        is_over: bool,
    },
    Brotli {
        state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
        has_more: bool,
        is_over: bool,
    },
    Zstd(Box<DecoderSessionOwned>),
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("coding", &self.coding).finish_non_exhaustive()
    }
}

impl Decoder {
    pub(super) fn new(coding: Coding) -> Self {
        let alloc = StandardAlloc::default;
        let inner = match coding {
            Coding::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Coding::Deflate => Inner::Deflate { decoder: None, is_over: false },
            Coding::Brotli => Inner::Brotli {
                state: Box::new(BrotliState::new_strict(alloc(), alloc(), alloc())),
                has_more: false,
                is_over: false,
            },
            Coding::Zstd => {
                let limits = DecodeLimits::DEFAULT.with_max_window_log(ZSTD_WINDOW_LOG).unwrap_or_default();
                Inner::Zstd(Box::new(Decompressor::new(limits.into()).into_session()))
            }
        };
        Self { coding, input: Bytes::new(), has_begun: false, inner }
    }

    /// Adds the next bytes of the body, once all before them have been taken apart.
    pub(super) fn push(&mut self, chunk: Bytes) {
        self.has_begun |= !chunk.is_empty();
        if self.input.is_empty() {
            self.input = chunk;
        } else {
            let mut joined = BytesMut::from(&*self.input);
            joined.extend_from_slice(&chunk);
            self.input = joined.freeze();
        }
    }

    /// The next bytes, or nothing until more has come.
    ///
    /// # Errors
    ///
    /// [`Undecodable`].
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, Undecodable> {
        loop {
            let before = self.input.len();
            let out = self.step()?;
            if !out.is_empty() {
                return Ok(Some(out.into()));
            }
            if self.input.len() == before {
                return Ok(None);
            }
        }
    }

    /// How many bytes it holds, about: mostly its window.
    pub(super) fn held_bytes(&self) -> usize {
        match &self.inner {
            Inner::Gzip(_) | Inner::Deflate { .. } => 64 << 10,
            Inner::Brotli { .. } => 4 << 20,
            // It lets a second window fill before it drops the first.
            Inner::Zstd(session) => {
                let held = session.total_out().min(session.window_size().unwrap_or(0).saturating_mul(2));
                usize::try_from(held).unwrap_or(usize::MAX).saturating_add(3 * ZSTD_BLOCK)
            }
        }
    }

    /// Whether it may end here. (Where a connection tells that it is over, many servers never end what is compressed.)
    ///
    /// # Errors
    ///
    /// [`Undecodable`] if it ended too soon.
    fn finish(&mut self) -> Result<(), Undecodable> {
        let is_complete = match &mut self.inner {
            Inner::Gzip(decoder) => decoder.try_finish().is_ok(),
            Inner::Deflate { is_over, .. } | Inner::Brotli { is_over, .. } => *is_over,
            Inner::Zstd(session) => {
                session.finish(&mut []).is_ok_and(|progress| progress.status == DecoderStatus::Finished)
            }
        };
        // Some servers name a coding and send nothing.
        if is_complete || !self.has_begun { Ok(()) } else { Err(Undecodable) }
    }

    fn step(&mut self) -> Result<Vec<u8>, Undecodable> {
        match &mut self.inner {
            Inner::Gzip(decoder) => {
                let input = self.input.split_to(GZIP_STEP.min(self.input.len()));
                let written = decoder.write_all(&input).and_then(|()| decoder.flush());
                written.map_err(|_| Undecodable)?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Inner::Deflate { decoder, is_over } => inflate(decoder, is_over, &mut self.input),
            Inner::Brotli { state, has_more, is_over } => {
                let mut out = vec![0; STEP];
                if *is_over {
                    // What stands behind the end means nothing.
                    self.input.clear();
                }
                if *is_over || (self.input.is_empty() && !*has_more) {
                    return Ok(Vec::new());
                }
                let (mut available_in, mut read) = (self.input.len(), 0);
                let (mut available_out, mut written, mut total) = (out.len(), 0, 0);
                let result = BrotliDecompressStream(
                    &mut available_in,
                    &mut read,
                    &self.input,
                    &mut available_out,
                    &mut written,
                    &mut out,
                    &mut total,
                    state,
                );
                self.input.advance(read);
                // It says that it needs more input even where the room for its output was too small.
                *has_more = matches!(result, BrotliResult::NeedsMoreOutput) || written == STEP;
                *is_over = matches!(result, BrotliResult::ResultSuccess);
                if matches!(result, BrotliResult::ResultFailure) {
                    return Err(Undecodable);
                }
                out.truncate(written);
                Ok(out)
            }
            Inner::Zstd(session) => {
                let mut out = vec![0; STEP];
                let progress =
                    session.process(&self.input, &mut out, DecodeOperation::Process).map_err(|_| Undecodable)?;
                self.input.advance(progress.consumed);
                out.truncate(progress.produced);
                Ok(out)
            }
        }
    }
}

/// One step of deflate.
fn inflate(
    decoder: &mut Option<Box<Decompress>>,
    is_over: &mut bool,
    input: &mut Bytes,
) -> Result<Vec<u8>, Undecodable> {
    if *is_over {
        // What stands behind the end means nothing.
        input.clear();
        return Ok(Vec::new());
    }
    let Some(first) = input.first().copied().or_else(|| decoder.as_ref().map(|_| 0)) else { return Ok(Vec::new()) };
    // A zlib envelope begins with its method, 8, in the low half of the first byte (RFC 1950, section 2.2).
    let decoder = decoder.get_or_insert_with(|| Box::new(Decompress::new(first & 0x0f == 8)));
    let mut out = Vec::with_capacity(STEP);
    let before = decoder.total_in();
    let status = decoder.decompress_vec(input, &mut out, FlushDecompress::None).map_err(|_| Undecodable)?;
    let read = usize::try_from(decoder.total_in() - before).unwrap_or(usize::MAX);
    input.advance(read.min(input.len()));
    *is_over = status == Status::StreamEnd;
    Ok(out)
}

/// Takes a whole body apart; nothing if it stands for more than `limit` bytes.
///
/// # Errors
///
/// [`Undecodable`].
pub(super) fn decode(coding: Coding, body: Bytes, limit: usize) -> Result<Option<Bytes>, Undecodable> {
    let mut decoder = Decoder::new(coding);
    decoder.push(body);
    let mut decoded = BytesMut::new();
    while let Some(bytes) = decoder.next()? {
        if decoded.len() + bytes.len() > limit {
            return Ok(None);
        }
        decoded.extend_from_slice(&bytes);
    }
    decoder.finish()?;
    Ok(Some(decoded.freeze()))
}

/// What a body says that comes in these chunks, up to 16 MiB of it; nothing if it is garbled.
#[cfg(fuzzing)]
pub(crate) fn decode_in_chunks(coding: u8, chunks: &[&[u8]]) -> Option<Vec<u8>> {
    let codings = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];
    let coding = *codings.get(usize::from(coding) % codings.len())?;
    let mut decoder = Decoder::new(coding);
    let mut out = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(bytes) = decoder.next().ok()? {
            out.extend_from_slice(&bytes);
            if out.len() > 16 << 20 {
                return None;
            }
        }
    }
    decoder.finish().ok().map(|()| out)
}

#[cfg(test)]
mod tests;
