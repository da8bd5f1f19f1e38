//! Zstandard (RFC 8878), block by block: a block of four bytes can stand for 128 KiB, and is the least that can be taken
//! apart.

use bytes::{Bytes, BytesMut};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::Undecodable;

/// The largest window that a content coding may ask for (RFC 9659).
const MAX_WINDOW: u64 = 8 << 20;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What ends a frame, where its header says that it is there.
const CHECKSUM: usize = 4;

/// Follows the frames of one body.
#[derive(Default)]
pub(super) struct Zstd {
    /// What is left of a header or a block whose end has not come.
    waiting: BytesMut,
    frame: Option<(FrameDecoder, bool)>,
    has_frame: bool,
}

impl Zstd {
    /// Whether the body may end here.
    pub(super) fn is_complete(&self) -> bool {
        self.frame.is_none() && self.waiting.is_empty() && self.has_frame
    }

    /// The bytes of the next block; none where its end has not come.
    pub(super) fn step(&mut self, input: &mut Bytes) -> Result<Vec<u8>, Undecodable> {
        loop {
            let missing = self.part().saturating_sub(self.waiting.len());
            if missing > 0 && input.is_empty() {
                return Ok(Vec::new());
            }
            let taken = input.split_to(missing.min(input.len()));
            self.waiting.extend_from_slice(&taken);
            if self.frame.is_none() && !MAGIC.starts_with(self.waiting.get(..4).unwrap_or(&self.waiting)) {
                return Err(Undecodable);
            }
            // The beginning of a part tells how long it is.
            if self.waiting.len() < self.part() {
                continue;
            }
            let out = self.take()?;
            if !out.is_empty() {
                return Ok(out);
            }
        }
    }

    /// How long the part is that comes next, a frame's header or a block, as far as what is there of it tells.
    fn part(&self) -> usize {
        match &self.frame {
            None => Header::length(&self.waiting).unwrap_or(Header::BEGINNING),
            Some((_, has_checksum)) => Block::of(&self.waiting).map_or(Block::HEADER, |block| {
                block.length + if block.is_last && *has_checksum { CHECKSUM } else { 0 }
            }),
        }
    }

    /// Takes the part apart that is there.
    fn take(&mut self) -> Result<Vec<u8>, Undecodable> {
        let part = self.waiting.split();
        let Some((decoder, _)) = &mut self.frame else {
            if Header::window(&part).ok_or(Undecodable)? > MAX_WINDOW {
                return Err(Undecodable);
            }
            let mut decoder = FrameDecoder::new();
            decoder.init(&*part).map_err(|_| Undecodable)?;
            self.frame = Some((decoder, Header::has_checksum(&part)));
            self.has_frame = true;
            return Ok(Vec::new());
        };
        decoder.decode_blocks(&*part, BlockDecodingStrategy::UptoBlocks(1)).map_err(|_| Undecodable)?;
        let mut out = Vec::new();
        decoder.collect_to_writer(&mut out).map_err(|_| Undecodable)?;
        if Block::of(&part).is_some_and(|block| block.is_last) {
            self.frame = None;
        }
        Ok(out)
    }
}

/// A block's header (RFC 8878, section 3.1.1.2).
struct Block {
    is_last: bool,
    /// With its header.
    length: usize,
}

impl Block {
    const HEADER: usize = 3;

    fn of(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, ..] = *bytes else { return None };
        let header = u32::from_le_bytes([a, b, c, 0]);
        let size = usize::try_from(header >> 3).ok()?;
        let is_repeated = header >> 1 & 3 == 1;
        let content = if is_repeated { 1 } else { size };
        Some(Self { is_last: header & 1 == 1, length: Self::HEADER + content })
    }
}

/// A frame's header (RFC 8878, section 3.1.1.1).
struct Header;

impl Header {
    /// Its magic number, and the byte that tells what else there is.
    const BEGINNING: usize = 5;

    /// How long it is, as soon as its first five bytes are there.
    fn length(bytes: &[u8]) -> Option<usize> {
        let descriptor = *bytes.get(4)?;
        let is_single_segment = descriptor & 0x20 != 0;
        let of_window = usize::from(!is_single_segment);
        let of_dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3))?;
        Some(5 + of_window + of_dictionary + Self::size_length(descriptor)?)
    }

    fn size_length(descriptor: u8) -> Option<usize> {
        let of_size = [usize::from(descriptor & 0x20 != 0), 2, 4, 8];
        of_size.get(usize::from(descriptor >> 6)).copied()
    }

    fn has_checksum(header: &[u8]) -> bool {
        header.get(4).is_some_and(|descriptor| descriptor & 4 != 0)
    }

    /// How much of the text before it a frame goes back to.
    fn window(header: &[u8]) -> Option<u64> {
        let descriptor = *header.get(4)?;
        if descriptor & 0x20 == 0 {
            let window = header.get(5)?;
            let base = 1_u64 << (10 + (window >> 3));
            return Some(base + base / 8 * u64::from(window & 7));
        }
        // The whole content is one segment, and its size stands at the end.
        let length = Self::size_length(descriptor)?;
        let mut size = [0; 8];
        size.get_mut(..length)?.copy_from_slice(header.get(header.len().checked_sub(length)?..)?);
        Some(u64::from_le_bytes(size) + if length == 2 { 256 } else { 0 })
    }
}
