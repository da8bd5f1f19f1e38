use http::Request;
use proptest::prelude::*;

use super::*;
use crate::{
    protocol::{OpenAiChat, Protocol, Recognition},
    sentiment::{Classify, Pending, Sentiment},
};

struct Calm;

impl Classify for Calm {
    fn submit(&self, _: &str) -> Pending {
        Pending::ready(Ok(Sentiment::default()))
    }
}

thread_local! {
    static EMPATHY: Empathy = Empathy::new(Calm);
}

const SENTENCE: &str = "That's \"it\".";

fn editor(choices: usize, max_held_bytes: usize) -> StreamEditor {
    let (head, ()) = Request::post("/v1/chat/completions").body(()).unwrap().into_parts();
    let request = format!(r#"{{"n":{choices},"messages":[{{"role":"user","content":"Hi"}}]}}"#);
    let Recognition::Exchange { reply, .. } = OpenAiChat.read(&head, request.as_bytes()) else { panic!() };
    StreamEditor::new(Framing::Sse, reply, EMPATHY.with(Clone::clone), SENTENCE.to_owned(), max_held_bytes)
}

/// The pieces that go out for these chunks, and what was done.
fn run(mut editor: StreamEditor, chunks: &[&[u8]]) -> (Vec<u8>, Action) {
    let mut out = VecDeque::new();
    for chunk in chunks {
        editor.push(Bytes::copy_from_slice(chunk), &mut out);
    }
    editor.finish(&mut out);
    (out.into_iter().flatten().collect(), editor.verdict().unwrap())
}

fn delta(index: usize, text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":{text}}}}}]}}\n\n")
}

#[test]
fn the_sentence_goes_into_the_first_visible_piece_of_text() {
    let body = delta(0, "") + &delta(0, "\n") + &delta(0, "Your") + &delta(0, " order") + "data: [DONE]\n\n";
    let (edited, action) = run(editor(1, 9_999), &[body.as_bytes()]);
    let expected =
        delta(0, "") + &delta(0, "\n") + &delta(0, "That's \"it\". Your") + &delta(0, " order") + "data: [DONE]\n\n";
    assert_eq!((String::from_utf8(edited).unwrap(), action), (expected, Action::Prepend));
}

#[test]
fn a_beginning_that_may_be_an_acknowledgment_is_held_until_it_is_clear() {
    let mut editor = editor(1, 9_999);
    let mut out = VecDeque::new();
    editor.push(Bytes::from(delta(0, "I") + ": keep-alive\n\n"), &mut out);
    assert!(editor.is_holding() && out.is_empty(), "`I` may become `I'm sorry`");
    editor.push(Bytes::from(delta(0, " found it.")), &mut out);
    let expected = delta(0, "That's \"it\". I") + ": keep-alive\n\n" + &delta(0, " found it.");
    assert_eq!(String::from_utf8(out.into_iter().flatten().collect()).unwrap(), expected);
}

#[test]
fn a_bot_that_acknowledges_itself_keeps_its_bytes() {
    for pieces in
        [["I", "'m so ", "sorry!"], ["Tha", "nks", " for waiting."], ["```", "js\n", "f()"], ["{", "\"a\"", "}"]]
    {
        let body: String = pieces.iter().map(|piece| delta(0, piece)).collect();
        let (edited, action) = run(editor(1, 9_999), &[body.as_bytes()]);
        assert_eq!(edited, body.as_bytes());
        assert!(matches!(action, Action::None(Reason::Silence(_))), "{pieces:?}: {action:?}");
    }
}

#[test]
fn every_choice_gets_the_sentence_once_however_they_interleave() {
    let body = delta(1, "On") + &delta(0, "Two") + &delta(1, "e.") + &delta(0, ".") + "data: [DONE]\n\n";
    let (edited, _) = run(editor(2, 9_999), &[body.as_bytes()]);
    let expected = delta(1, "That's \"it\". On")
        + &delta(0, "That's \"it\". Two")
        + &delta(1, "e.")
        + &delta(0, ".")
        + "data: [DONE]\n\n";
    assert_eq!(String::from_utf8(edited).unwrap(), expected);
}

#[test]
fn a_stream_without_text_passes_as_it_is() {
    for body in [
        "",
        "data: [DONE]\n\n",
        ": ping\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{}]}}]}\n\ndata: [DONE]",
        "data: {\"error\":{\"message\":\"overloaded\"}}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"cut off",
        "<html>",
    ] {
        let (edited, action) = run(editor(1, 9_999), &[body.as_bytes()]);
        assert_eq!(String::from_utf8(edited).unwrap(), body);
        assert!(matches!(action, Action::None(Reason::LeftAlone(_))), "{body}: {action:?}");
    }
}

#[test]
fn an_event_over_the_limit_ends_the_editing_and_not_the_stream() {
    let body = format!("data: {}\n\n", "x".repeat(500)) + &delta(0, "Your order");
    let (edited, action) = run(editor(1, 100), &[&body.as_bytes()[..300], &body.as_bytes()[300..]]);
    assert_eq!(edited, body.as_bytes());
    assert_eq!(action, Action::None(Reason::FailOpen(FailOpen::ReplyTooLong)));
}

#[test]
fn after_the_insertion_chunks_are_handed_on_and_not_copied() {
    let mut editor = editor(1, 9_999);
    let mut out = VecDeque::new();
    editor.push(Bytes::from(delta(0, "Tracking")), &mut out);
    out.clear();
    let chunk = Bytes::from_static(b"data: half an ev");
    editor.push(chunk.clone(), &mut out);
    assert_eq!(out.pop_front().map(|passed| passed.as_ptr()), Some(chunk.as_ptr()));
}

proptest! {
    #[test]
    fn chunk_borders_change_nothing_and_the_bots_bytes_come_back_without_the_sentence(
        pieces in proptest::collection::vec((0_usize..2, "(I|I'm|'m| |\n|é|😀|\"|\\\\|[a-z]{1,4}|- |1\\.)"), 0..8),
        ends in prop_oneof![Just("\n\n"), Just("\r\n\r\n"), Just("\r\r")],
        cuts in proptest::collection::vec(0_usize..900, 0..10),
    ) {
        let body: String = pieces.iter().map(|(choice, text)| delta(*choice, text).replace("\n\n", ends)).collect();
        let body = body.as_bytes();
        let mut borders: Vec<_> = cuts.into_iter().map(|cut| cut.min(body.len())).chain([0, body.len()]).collect();
        borders.sort_unstable();
        let chunks: Vec<_> = borders.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect();
        let whole = run(editor(2, 9_999), &[body]);
        let split = run(editor(2, 9_999), &chunks);
        prop_assert_eq!(&split, &whole);
        let mut edited = String::from_utf8(whole.0).unwrap();
        for inserted in ["That's \\\"it\\\".\\n\\n", "That's \\\"it\\\". ", "That's \\\"it\\\"."] {
            edited = edited.replace(inserted, "");
        }
        prop_assert_eq!(edited.as_bytes(), body);
    }
}
