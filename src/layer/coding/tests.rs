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
    ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
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
fn what_ends_too_soon_or_is_garbled_is_seen() {
    let text = "It left on Tuesday. ".repeat(100);
    for (coding, bytes) in coded(text.as_bytes()) {
        let cut = bytes.get(..bytes.len() - 1).unwrap();
        assert_eq!(in_chunks(coding, cut, 16), Err(Undecodable), "{coding:?}: cut");
        let longer = [&*bytes, b"garbage"].concat();
        assert_eq!(in_chunks(coding, &longer, 16), Err(Undecodable), "{coding:?}: more behind it");
        assert_eq!(in_chunks(coding, b"", 16).as_deref(), Ok(&b""[..]), "{coding:?}: nothing at all");
    }
    assert_eq!(in_chunks(Coding::Zstd, b"data: hello", 4), Err(Undecodable));
}

#[test]
fn what_has_been_sent_so_far_is_there_so_far() {
    let mut encoder = write::GzEncoder::new(Vec::new(), Compression::default());
    let mut decoder = Decoder::new(Coding::Gzip);
    for event in ["data: one\n\n", "data: two\n\n"] {
        encoder.write_all(event.as_bytes()).unwrap();
        encoder.flush().unwrap();
        decoder.push(std::mem::take(encoder.get_mut()).into());
        let mut seen = Vec::new();
        while let Some(bytes) = decoder.next().unwrap() {
            seen.extend_from_slice(&bytes);
        }
        assert_eq!(seen, event.as_bytes());
    }
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

#[test]
fn a_window_that_no_content_coding_may_have_is_refused() {
    // A window of 16 MiB, in the header of a frame.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (14 << 3), 0x01, 0x00, 0x00];
    assert_eq!(in_chunks(Coding::Zstd, &frame, 99), Err(Undecodable));
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
        let _ = in_chunks(coding, &magic, length);
    }
}
