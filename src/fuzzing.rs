//! What the fuzz targets need of the inside (`--cfg fuzzing`).

use bytes::Bytes;

use crate::{
    layer::decode_in_chunks,
    protocol::{Framer, Framing, Turn},
};

/// The frames of a body that comes in these chunks: the bytes of each, and its data.
#[must_use]
pub fn frames(framing: u8, chunks: &[&[u8]]) -> Vec<(Bytes, Vec<u8>)> {
    let framings = [Framing::Whole, Framing::Sse, Framing::Values, Framing::Elements, Framing::Text];
    let framing = framings.get(usize::from(framing) % framings.len()).copied().unwrap_or(Framing::Whole);
    let mut framer = Framer::new(framing);
    let mut frames = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        frames.extend(std::iter::from_fn(|| framer.next_frame(false)));
    }
    frames.extend(std::iter::from_fn(|| framer.next_frame(true)));
    let rest = framer.take_rest();
    let mut frames: Vec<_> = frames.iter().map(|frame| (frame.raw().clone(), frame.data().into_owned())).collect();
    frames.push((rest, Vec::new()));
    frames
}

/// What a compressed body says that comes in these chunks; nothing if it is garbled.
#[must_use]
pub fn decode(coding: u8, chunks: &[&[u8]]) -> Option<Vec<u8>> {
    decode_in_chunks(coding, chunks)
}

/// Whether the utterances before a turn begin with what stands at their places in the request.
#[must_use]
pub fn places_hold(turn: &Turn, body: &[u8]) -> bool {
    turn.history.iter().all(|utterance| {
        let Some((span, encoding)) = &utterance.place else { return true };
        let written = body.get(span.clone()).and_then(|raw| encoding.decode(raw));
        written.is_some_and(|written| utterance.text.starts_with(&*written))
    })
}
