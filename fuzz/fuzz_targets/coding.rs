//! Whatever comes, taking the compression off it neither panics nor depends on how it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undertone::fuzzing::decode;

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (coding, length, body) = input;
    let whole = decode(coding, &[body]);
    let chunks: Vec<_> = body.chunks(usize::from(length).max(1)).collect();
    let cut = decode(coding, &chunks);
    // Brotli's decoder sees some garbage behind the last byte only if that comes alone.
    if coding % 4 != 2 || (whole.is_some() && cut.is_some()) {
        assert!(cut == whole);
    }
});
