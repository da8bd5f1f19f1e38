//! Whatever a client sends, finding the turn in it does not panic, and what is said to be written somewhere is written there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use undertone::protocol::Recognition;
use undertone_fuzz::{EXCHANGES, PROTOCOLS};

fuzz_target!(|input: &[u8]| {
    let [low, high, body @ ..] = input else { return };
    let exchange = &EXCHANGES[usize::from(u16::from_le_bytes([*low, *high])) % EXCHANGES.len()];
    let (head, _) = exchange.request.clone().into_parts();
    if let Some((_, Recognition::Chat(chat))) = PROTOCOLS.read(&head, body) {
        assert!(!chat.turn.text.trim().is_empty(), "a turn has words");
        assert!(undertone::fuzzing::places_hold(&chat.turn, body), "an utterance is not where it is said to be");
    }
});
