//! Frames lose no byte, and are the same however the body is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undertone::fuzzing::frames;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (framing, length, body) = input;
    let whole = frames(framing, &[body]);
    assert_eq!(whole.iter().flat_map(|(raw, _)| raw.to_vec()).collect::<Vec<_>>(), body, "bytes are lost");
    let chunks: Vec<_> = body.chunks(usize::from(length).max(1)).collect();
    let cut = frames(framing, &chunks);
    // What says nothing is a frame as it comes.
    let data = |frames: &[(bytes::Bytes, Vec<u8>)]| {
        frames.iter().map(|(_, data)| data.clone()).filter(|data| !data.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(cut.iter().flat_map(|(raw, _)| raw.to_vec()).collect::<Vec<_>>(), body, "bytes are lost in chunks");
    if framing % 5 == 4 {
        // Plain text is what has come.
        assert_eq!(data(&cut).concat(), data(&whole).concat());
    } else {
        assert_eq!(data(&cut), data(&whole));
    }
});
