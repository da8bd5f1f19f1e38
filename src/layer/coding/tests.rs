use std::io::Write;

use flate2::{Compression, write};
use proptest::prelude::*;

use super::*;

fn flated(text: &[u8], coding: &str) -> Vec<u8> {
    let level = Compression::default();
    match coding {
        "gzip" => {
            let mut encoder = write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        "zlib" => {
            let mut encoder = write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
        _ => {
            let mut encoder = write::DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        }
    }
}

fn brotli(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams::default();
    brotli::BrotliCompress(&mut &*text, &mut out, &parameters).unwrap();
    out
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 0).unwrap()
}

/// The same text in each coding.
fn coded(text: &[u8]) -> [(Coding, Vec<u8>); 5] {
    [
        (Coding::Gzip, flated(text, "gzip")),
        (Coding::Deflate, flated(text, "zlib")),
        (Coding::Deflate, flated(text, "raw")),
        (Coding::Brotli, brotli(text)),
        (Coding::Zstd, zstd(text)),
    ]
}

fn in_chunks(coding: Coding, bytes: &[u8], length: usize) -> Result<Vec<u8>, Undecodable> {
    let mut decoder = Decoder::new(coding);
    let mut out = Vec::new();
    for chunk in bytes.chunks(length) {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Some(bytes) = decoder.next()? {
            out.extend_from_slice(&bytes);
        }
    }
    decoder.finish()?;
    Ok(out)
}

#[test]
fn each_coding_gives_the_same_text_however_it_is_cut() {
    let text = "data: {\"delta\":\"It left on Tuesday, é.\"}\n\n".repeat(5_000);
    for (coding, bytes) in coded(text.as_bytes()) {
        for length in [1, 7, 4_096, usize::MAX] {
            assert!(in_chunks(coding, &bytes, length).as_deref() == Ok(text.as_bytes()), "{coding:?}, {length}");
        }
        assert!(decode(coding, bytes.clone().into(), text.len()) == Ok(Some(text.clone().into())), "{coding:?}");
        assert_eq!(decode(coding, bytes.into(), text.len() - 1), Ok(None), "{coding:?}: past the limit");
    }
}

#[test]
fn gzip_may_have_several_members_and_zstandard_several_frames() {
    let gzip = [flated(b"It left", "gzip"), flated(b" on Tuesday.", "gzip")].concat();
    // One frame is there to be skipped (RFC 8878, section 3.1.2).
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, b'n', b'o'].to_vec();
    let zstd = [zstd(b"It left"), skipped, zstd(b" on Tuesday.")].concat();
    for (coding, bytes) in [(Coding::Gzip, gzip), (Coding::Zstd, zstd)] {
        for length in [1, 7, usize::MAX] {
            assert_eq!(in_chunks(coding, &bytes, length).as_deref(), Ok(&b"It left on Tuesday."[..]), "{coding:?}");
        }
    }
}

#[test]
fn a_window_that_no_client_need_hold_is_refused_before_it_is_filled() {
    // Behind the magic number: no length, no checksum, and a window of 8 or 16 MiB (RFC 8878, section 3.1.1.1.2).
    for (window, expected) in [(13 << 3, Ok(None)), (14 << 3, Err(Undecodable))] {
        let mut decoder = Decoder::new(Coding::Zstd);
        decoder.push(vec![0x28, 0xb5, 0x2f, 0xfd, 0, window].into());
        assert_eq!(decoder.next(), expected);
    }
}

#[test]
fn what_ends_too_soon_is_seen_and_what_follows_the_end_is_not() {
    let text = "It left on Tuesday. ".repeat(100);
    for (coding, bytes) in coded(text.as_bytes()) {
        let cut = bytes.get(..bytes.len() - 1).unwrap();
        assert_eq!(in_chunks(coding, cut, 16), Err(Undecodable), "{coding:?}: cut");
        assert_eq!(in_chunks(coding, b"", 16).as_deref(), Ok(&b""[..]), "{coding:?}: nothing at all");
        if !matches!(coding, Coding::Gzip | Coding::Zstd) {
            let longer = [&*bytes, b"more"].concat();
            assert_eq!(in_chunks(coding, &longer, 16).as_deref(), Ok(text.as_bytes()), "{coding:?}: more behind it");
        }
    }
}

/// What comes out of a coding for each of these events, which are flushed one by one and never ended.
fn flushed<W: Write>(coding: Coding, mut encoder: W, sent: impl Fn(&mut W) -> Vec<u8>, events: &[Vec<u8>]) {
    let mut decoder = Decoder::new(coding);
    for event in events {
        encoder.write_all(event).unwrap();
        encoder.flush().unwrap();
        decoder.push(sent(&mut encoder).into());
        let mut seen = Vec::new();
        while let Some(bytes) = decoder.next().unwrap() {
            seen.extend_from_slice(&bytes);
        }
        assert!(seen == *event, "{coding:?}: {} of {} bytes", seen.len(), event.len());
    }
}

#[test]
fn what_has_been_sent_so_far_is_there_so_far() {
    let long: Vec<u8> = (0..100_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let events = [b"data: one\n\n".to_vec(), vec![b'x'; 100_000], long, b"data: two\n\n".to_vec()];
    let level = Compression::default();
    flushed(
        Coding::Gzip,
        write::GzEncoder::new(Vec::new(), level),
        |encoder| std::mem::take(encoder.get_mut()),
        &events,
    );
    flushed(
        Coding::Deflate,
        write::ZlibEncoder::new(Vec::new(), level),
        |encoder| std::mem::take(encoder.get_mut()),
        &events,
    );
    flushed(
        Coding::Deflate,
        write::DeflateEncoder::new(Vec::new(), level),
        |encoder| std::mem::take(encoder.get_mut()),
        &events,
    );
    let encoder = brotli::CompressorWriter::new(Vec::new(), 4_096, 5, 22);
    flushed(Coding::Brotli, encoder, |encoder| std::mem::take(encoder.get_mut()), &events);
    let encoder = zstd::Encoder::new(Vec::new(), 0).unwrap();
    flushed(Coding::Zstd, encoder, |encoder| std::mem::take(encoder.get_mut()), &events);
}

#[test]
fn a_bomb_comes_out_in_small_pieces() {
    let bomb = vec![0; 64 << 20];
    for (coding, bytes) in coded(&bomb) {
        let mut decoder = Decoder::new(coding);
        decoder.push(bytes.into());
        let (mut total, mut largest) = (0, 0);
        while let Some(bytes) = decoder.next().unwrap() {
            total += bytes.len();
            largest = largest.max(bytes.len());
        }
        assert_eq!(total, bomb.len(), "{coding:?}");
        assert!(largest <= 256 << 10, "{coding:?}: {largest} bytes at once");
    }
}

proptest! {
    #[test]
    fn nothing_that_comes_can_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        length in 1_usize..50,
        coding in proptest::sample::select(vec![Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd]),
    ) {
        let _ = in_chunks(coding, &bytes, length);
        let magic = [&[0x28, 0xb5, 0x2f, 0xfd][..], &bytes].concat();
        let _ = in_chunks(Coding::Zstd, &magic, length);
    }
}
