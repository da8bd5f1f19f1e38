use http::Request;
use proptest::prelude::*;

use super::*;
use crate::{
    empathy::{Change, Kind, Weight},
    protocol::{Chat, CustomProtocol, Edit, OpenAiChat, OpenAiResponses, Protocol, Recognition, apply},
};

thread_local! {
    static POLICY: Policy = Policy::default();
}

fn intent() -> Intent {
    Intent::saying("That's \"it\".", Kind::Problem, Weight::clamped(0.9))
}

fn reader(protocol: &dyn Protocol, path: &str, request: &str) -> Box<dyn ReplyReader> {
    let (head, ()) = Request::post(path).body(()).unwrap().into_parts();
    match protocol.read(&head, request.as_bytes()) {
        Recognition::Chat(Chat { reply, .. }) => reply,
        other => panic!("{other:?}"),
    }
}

fn chat(choices: usize) -> Box<dyn ReplyReader> {
    let request = format!(r#"{{"n":{choices},"messages":[{{"role":"user","content":"Hi"}}]}}"#);
    reader(&OpenAiChat, "/v1/chat/completions", &request)
}

fn responses() -> Box<dyn ReplyReader> {
    reader(&OpenAiResponses, "/v1/responses", r#"{"input":"Hi"}"#)
}

fn undecided(framing: Framing, reader: Box<dyn ReplyReader>, max_held_bytes: usize) -> Editor {
    Editor::new(framing, reader, POLICY.with(Clone::clone), max_held_bytes).unwrap()
}

fn editor(framing: Framing, reader: Box<dyn ReplyReader>) -> Editor {
    let mut editor = undecided(framing, reader, 9_999);
    editor.speak(intent(), None, &mut VecDeque::new());
    editor
}

/// The bytes that go out for these chunks, and what was done.
fn run(mut editor: Editor, chunks: &[&[u8]]) -> (String, Verdict) {
    let mut out = VecDeque::new();
    for chunk in chunks {
        editor.push(Bytes::copy_from_slice(chunk), &mut out);
    }
    editor.finish(&mut out);
    let bytes = out.into_iter().flatten().collect();
    (String::from_utf8(bytes).unwrap(), editor.verdict().unwrap())
}

fn text(out: &mut VecDeque<Bytes>) -> String {
    String::from_utf8(out.drain(..).flatten().collect()).unwrap()
}

const PREPENDED: Verdict = Verdict::Adjusted(Adjustment::Prepend);

fn json(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn delta(index: usize, text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{\"content\":{}}}}}]}}\n\n", json(text))
}

#[test]
fn the_sentence_goes_into_the_first_visible_piece_of_text() {
    let body = delta(0, "") + &delta(0, "Your") + &delta(0, " order") + "data: [DONE]\n\n";
    let expected = delta(0, "") + &delta(0, "That's \"it\". Your") + &delta(0, " order") + "data: [DONE]\n\n";
    assert_eq!(run(editor(Framing::Sse, chat(1)), &[body.as_bytes()]), (expected, PREPENDED));
}

#[test]
fn what_a_model_thinks_aloud_passes_at_once_and_the_sentence_comes_after_it() {
    let mut editor = editor(Framing::Sse, chat(1));
    let mut out = VecDeque::new();
    for piece in ["<th", "ink>", "I'm so", " sorry</thi"] {
        editor.push(Bytes::from(delta(0, piece)), &mut out);
    }
    assert_eq!(editor.holding(), Holding::Nothing);
    assert_eq!(text(&mut out), ["<th", "ink>", "I'm so", " sorry</thi"].map(|piece| delta(0, piece)).concat());
    for piece in ["nk>\n\n", "Your", " order"] {
        editor.push(Bytes::from(delta(0, piece)), &mut out);
    }
    let expected = delta(0, "nk>\n\n") + &delta(0, "That's \"it\".\n\nYour") + &delta(0, " order");
    assert_eq!(text(&mut out), expected);
}

#[test]
fn a_beginning_that_may_be_an_acknowledgment_is_held_until_it_is_clear() {
    let mut editor = editor(Framing::Sse, chat(1));
    let mut out = VecDeque::new();
    editor.push(Bytes::from(delta(0, "I") + ": keep-alive\n\n"), &mut out);
    assert_eq!((editor.holding(), out.len()), (Holding::Beginning, 0), "`I` may become `I'm sorry`");
    editor.push(Bytes::from(delta(0, " found it.")), &mut out);
    assert_eq!(text(&mut out), delta(0, "That's \"it\". I") + ": keep-alive\n\n" + &delta(0, " found it."));
}

#[test]
fn a_single_word_is_held_until_the_next_or_for_as_long_as_its_holder_likes() {
    let mut editor = editor(Framing::Sse, chat(1));
    let mut out = VecDeque::new();
    editor.push(Bytes::from(delta(0, "Positive")), &mut out);
    assert_eq!((editor.holding(), out.len()), (Holding::Word, 0));
    editor.settle(&mut out);
    assert_eq!(text(&mut out), delta(0, "That's \"it\". Positive"));
}

#[test]
fn what_has_waited_long_enough_is_decided_with_what_is_there() {
    let mut of_text = editor(Framing::Sse, chat(1));
    let mut out = VecDeque::new();
    of_text.push(Bytes::from(delta(0, "Your")), &mut out);
    assert_eq!((of_text.holding(), out.len()), (Holding::Beginning, 0), "`Your` may become `Your frustration`");
    of_text.settle(&mut out);
    assert_eq!(text(&mut out), delta(0, "That's \"it\". Your"));

    let mut of_frame = editor(Framing::Sse, chat(1));
    of_frame.push(Bytes::from_static(b"data: {\"choices\":"), &mut out);
    assert_eq!((of_frame.holding(), out.len()), (Holding::Frame, 0));
    of_frame.settle(&mut out);
    assert_eq!(text(&mut out), "data: {\"choices\":");
    assert_eq!(of_frame.verdict(), Some(Verdict::Untouched(FailOpen::HeldTooLong.into())));
}

#[test]
fn text_waits_for_the_plan_and_nothing_else_does() {
    let mut editor = undecided(Framing::Sse, chat(1), 9_999);
    let mut out = VecDeque::new();
    editor.push(Bytes::from(": ping\n\n".to_owned() + &delta(0, "")), &mut out);
    assert_eq!((editor.holding(), text(&mut out)), (Holding::Nothing, ": ping\n\n".to_owned() + &delta(0, "")));
    editor.push(Bytes::from(delta(0, "Your order")), &mut out);
    assert_eq!((editor.holding(), out.len()), (Holding::Plan, 0));
    editor.speak(intent(), None, &mut out);
    assert_eq!(text(&mut out), delta(0, "That's \"it\". Your order"));
}

#[test]
fn a_bot_that_acknowledges_itself_keeps_its_bytes() {
    for pieces in
        [["I", "'m so ", "sorry!"], ["Tha", "nks", " for waiting."], ["```", "js\n", "f()"], ["{", "\"a\"", "}"]]
    {
        let body: String = pieces.iter().map(|piece| delta(0, piece)).collect();
        let (edited, verdict) = run(editor(Framing::Sse, chat(1)), &[body.as_bytes()]);
        assert_eq!(edited, body);
        assert!(matches!(verdict, Verdict::Untouched(Reason::Silence(_))), "{pieces:?}: {verdict:?}");
    }
}

#[test]
fn every_choice_gets_the_sentence_once_however_they_interleave() {
    let body = delta(1, "On") + &delta(0, "Two") + &delta(1, "e is.") + &delta(0, " are.") + "data: [DONE]\n\n";
    let expected = delta(1, "That's \"it\". On")
        + &delta(0, "That's \"it\". Two")
        + &delta(1, "e is.")
        + &delta(0, " are.")
        + "data: [DONE]\n\n";
    assert_eq!(run(editor(Framing::Sse, chat(2)), &[body.as_bytes()]).0, expected);
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
        let (edited, verdict) = run(editor(Framing::Sse, chat(1)), &[body.as_bytes()]);
        assert_eq!(edited, body);
        assert!(matches!(verdict, Verdict::Untouched(Reason::HandsOff(_))), "{body}: {verdict:?}");
    }
}

#[test]
fn what_cannot_be_read_ends_the_editing_and_the_next_event_is_not_taken_for_the_first() {
    for event in [
        "data: {\"choices\":[{\"delta\":{\"content\":NaN}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"The \"}}]}{}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\\ud83d\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"The \n\n",
    ] {
        let body = event.to_owned() + &delta(0, "order left.");
        let (edited, verdict) = run(editor(Framing::Sse, chat(1)), &[body.as_bytes()]);
        assert_eq!((edited, verdict), (body, Verdict::Untouched(HandsOff::Unreadable.into())), "{event}");
    }
    for leak in [r"The user is angry.</think>It left.", r"The user.\u003c/think\u003eIt left."] {
        let body = format!("{{\"choices\":[{{\"message\":{{\"content\":\"{leak}\"}}}}]}}");
        let mut out = VecDeque::new();
        let mut editor = editor(Framing::Whole, chat(2));
        editor.whole(Bytes::from(body.clone()), intent(), None, &mut out);
        assert_eq!((text(&mut out), editor.verdict()), (body, Some(Verdict::Untouched(HandsOff::Reasoning.into()))));
    }
    let held = delta(0, "I") + "data: {\"cut\n\n" + &delta(0, " found it.");
    assert_eq!(run(editor(Framing::Sse, chat(1)), &[held.as_bytes()]).0, held, "its beginning is not known");
}

#[test]
fn an_event_over_the_limit_ends_the_editing_and_not_the_stream() {
    let body = format!("data: {{\"x\":\"{}\"}}\n\n", "x".repeat(500)) + &delta(0, "Your order");
    let mut editor = undecided(Framing::Sse, chat(1), 100);
    editor.speak(intent(), None, &mut VecDeque::new());
    let (edited, verdict) = run(editor, &[&body.as_bytes()[..300], &body.as_bytes()[300..]]);
    assert_eq!((edited, verdict), (body, Verdict::Untouched(FailOpen::ReplyTooLong.into())));
}

#[test]
fn after_the_last_edit_chunks_are_handed_on_and_not_copied() {
    let mut editor = editor(Framing::Sse, chat(1));
    let mut out = VecDeque::new();
    editor.push(Bytes::from(delta(0, "Tracking says")), &mut out);
    out.clear();
    let chunk = Bytes::from_static(b"data: half an ev");
    editor.push(chunk.clone(), &mut out);
    assert_eq!(out.pop_front().map(|passed| passed.as_ptr()), Some(chunk.as_ptr()));
}

#[test]
fn a_bot_that_says_one_thing_and_its_label_another_is_read_as_it_is() {
    let whole = r#"{"choices":[{"message":{"content":"Your order left."}}]}"#;
    let edited = whole.replace("Your", "That's \\\"it\\\". Your");
    let body = whole.to_owned() + "\n\ndata: [DONE]\n\n";
    assert_eq!(run(editor(Framing::Sse, chat(1)), &[body.as_bytes()]).0, edited.clone() + "\n\ndata: [DONE]\n\n");
    let blank_first = format!("\n \n{whole}");
    assert_eq!(run(editor(Framing::Whole, chat(1)), &[blank_first.as_bytes()]).0, format!("\n \n{edited}"));
    let events = delta(0, "Your order left.");
    assert_eq!(run(editor(Framing::Whole, chat(1)), &[events.as_bytes()]).0, events, "its client reads JSON");
}

/// A whole stream of OpenAI Responses whose text comes in these pieces.
fn responses_stream(pieces: &[String], shown: &str, start: usize) -> String {
    let event = |kind: &str, fields: &str| format!("event: {kind}\ndata: {{\"type\":\"{kind}\",{fields}}}\n\n");
    let place = "\"output_index\":0,\"content_index\":0";
    let part = format!(
        "{{\"type\":\"output_text\",\"text\":{},\"annotations\":[{{\"start_index\":{start},\"end_index\":{}}}]}}",
        json(shown),
        start + 2
    );
    let item = format!("{{\"type\":\"message\",\"content\":[{part}]}}");
    let mut body = event("response.created", "\"response\":{\"output\":[]}");
    for piece in pieces {
        body += &event("response.output_text.delta", &format!("{place},\"delta\":{}", json(piece)));
    }
    body += &event("response.output_text.done", &format!("{place},\"text\":{}", json(shown)));
    body += &event("response.content_part.done", &format!("{place},\"part\":{part}"));
    body += &event("response.output_item.done", &format!("\"output_index\":0,\"item\":{item}"));
    body + &event("response.completed", &format!("\"response\":{{\"status\":\"completed\",\"output\":[{item}]}}"))
}

#[test]
fn every_copy_of_the_text_agrees_with_it_and_citations_move_along() {
    let pieces = ["Your".to_owned(), " order left.".to_owned()];
    let edited = ["That's \"it\". Your".to_owned(), " order left.".to_owned()];
    let body = responses_stream(&pieces, "Your order left.", 5);
    let expected = responses_stream(&edited, "That's \"it\". Your order left.", 5 + 13);
    assert_eq!(run(editor(Framing::Sse, responses()), &[body.as_bytes()]), (expected, PREPENDED));
}

#[test]
fn a_text_that_moderation_replaced_is_not_touched() {
    let body = responses_stream(&["Your order".to_owned()], "Withheld.", 0);
    let (edited, _) = run(editor(Framing::Sse, responses()), &[body.as_bytes()]);
    assert_eq!(edited.matches("it\\\".").count(), 1, "{edited}");
    assert!(edited.contains("\"text\":\"Withheld.\""));
}

#[test]
fn a_long_text_comes_to_the_same_whole_and_in_pieces() {
    let long = |part: &str| part.repeat(3_000);
    for (text, expected) in [
        (long("Left. "), format!("That's \"it\". {}", long("Left. "))),
        (
            format!("<think>{}</think>\nLeft. {}", long("Hm é. "), long("é ")),
            format!("<think>{}</think>\nThat's \"it\".\nLeft. {}", long("Hm é. "), long("é ")),
        ),
        (format!("{}Left. ", "\n  ".repeat(1_000)), format!("{}That's \"it\". Left. ", "\n  ".repeat(1_000))),
        (format!("{}Left. ", long("\n  ")), format!("{}Left. ", long("\n  "))),
        (long("no"), long("no")),
        (format!("{} it left.", long("no")), format!("That's \"it\". {} it left.", long("no"))),
        (format!("<think>{}", long("Hm. ")), format!("<think>{}", long("Hm. "))),
    ] {
        let with = |max| undecided(Framing::Sse, chat(1), max);
        let whole = format!("{{\"choices\":[{{\"message\":{{\"content\":{}}}}}]}}", json(&text));
        let mut of_whole = with(1 << 20);
        let mut out = VecDeque::new();
        of_whole.whole(Bytes::from(whole), intent(), None, &mut out);
        let edited: serde_json::Value = serde_json::from_slice(&out.into_iter().flatten().collect::<Vec<_>>()).unwrap();
        assert!(edited["choices"][0]["message"]["content"] == expected.as_str(), "{}", &text[..20]);

        let pieces: Vec<_> = text.chars().collect::<Vec<_>>().chunks(777).map(|piece| piece.iter().collect()).collect();
        let stream: String = pieces.iter().map(|piece: &String| delta(0, piece)).collect();
        let mut of_stream = with(1 << 20);
        of_stream.speak(intent(), None, &mut VecDeque::new());
        assert!(told(&run(of_stream, &[stream.as_bytes()]).0) == expected, "{}", &text[..20]);
    }
}

/// What a client makes of a stream of deltas.
fn told(stream: &str) -> String {
    let values = stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| data.starts_with('{'));
    let values = values.map(|data| serde_json::from_str::<serde_json::Value>(data).unwrap());
    values.filter_map(|value| value["choices"][0]["delta"]["content"].as_str().map(str::to_owned)).collect()
}

const WORDS: &str = "(<think>|</think>|I|I'm| so|'m| sorry|true|0\\.87|Hi| |\n|é|😀|\"|\\\\|\\{|[a-z]{1,4}|- |1\\.)";

proptest! {
    #[test]
    fn any_cut_of_the_text_comes_to_the_same_as_the_whole(
        words in proptest::collection::vec(WORDS, 0..8),
        cuts in proptest::collection::vec(0_usize..40, 0..6),
    ) {
        let text = words.concat();
        // A stream shows too late that its opening tag was swallowed.
        prop_assume!(text.trim_start().starts_with("<think>") || !text.contains("</think>"));
        let whole = format!("{{\"choices\":[{{\"message\":{{\"content\":{}}}}}]}}", json(&text));
        let mut out = VecDeque::new();
        let mut of_whole = editor(Framing::Whole, chat(1));
        of_whole.whole(Bytes::from(whole), intent(), None, &mut out);
        let edited: serde_json::Value = serde_json::from_slice(&out.into_iter().flatten().collect::<Vec<_>>()).unwrap();
        let edited = edited["choices"][0]["message"]["content"].as_str().unwrap();

        let mut borders: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
        borders.retain(|border| text.is_char_boundary(*border));
        borders.sort_unstable();
        let pieces: Vec<_> = borders.windows(2).map(|pair| text[pair[0]..pair[1]].to_owned()).collect();
        let stream: String = pieces.iter().map(|piece| delta(0, piece)).collect();
        let (streamed, verdict) = run(editor(Framing::Sse, chat(1)), &[stream.as_bytes()]);
        prop_assert_eq!(told(&streamed), edited);
        prop_assert_eq!(Some(verdict), of_whole.verdict());

        let body = responses_stream(&pieces, &text, 0);
        let (streamed, _) = run(editor(Framing::Sse, responses()), &[body.as_bytes()]);
        let texts: Vec<_> = streamed.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| {
            serde_json::from_str::<serde_json::Value>(data).unwrap()
        }).collect();
        let deltas: String = texts.iter().filter_map(|event| event["delta"].as_str()).collect();
        let last = &texts.last().unwrap()["response"]["output"][0]["content"][0]["text"];
        prop_assert_eq!(Some(deltas.as_str()), last.as_str(), "{}", streamed);
        prop_assert_eq!(deltas, edited);
    }

    #[test]
    fn chunk_borders_change_nothing_and_the_bots_bytes_come_back_without_the_sentence(
        pieces in proptest::collection::vec((0_usize..2, WORDS), 0..8),
        ends in prop_oneof![Just("\n\n"), Just("\r\n\r\n"), Just("\r\r"), Just("\n")],
        cuts in proptest::collection::vec(0_usize..900, 0..10),
    ) {
        let body: String = pieces.iter().map(|(choice, text)| delta(*choice, text).replace("\n\n", ends)).collect();
        let body = body.as_bytes();
        let mut borders: Vec<_> = cuts.into_iter().map(|cut| cut.min(body.len())).chain([0, body.len()]).collect();
        borders.sort_unstable();
        let chunks: Vec<_> = borders.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect();
        let whole = run(editor(Framing::Sse, chat(2)), &[body]);
        prop_assert_eq!(&run(editor(Framing::Sse, chat(2)), &chunks), &whole);
        // Each insertion is the sentence and what separates it: take both out again.
        let (mut rest, mut edited) = (body, whole.0.as_bytes());
        while !edited.is_empty() {
            if edited.first() == rest.first() && !edited.starts_with(b"That's") {
                (rest, edited) = (&rest[1..], &edited[1..]);
                continue;
            }
            let end = (1..=edited.len()).find(|end| edited[*end..].starts_with(rest));
            let next = (1..60.min(edited.len())).find(|end| edited.len() - end >= rest.len() && edited[*end..].starts_with(&rest[..rest.len().min(12)]));
            let skipped = end.or(next);
            prop_assert!(skipped.is_some(), "{:?}", whole.0);
            edited = &edited[skipped.unwrap()..];
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn no_bytes_whatever_are_lost_or_made_up(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        framing in prop_oneof![Just(Framing::Sse), Just(Framing::Values), Just(Framing::Whole)],
        cut in 0_usize..200,
    ) {
        let (head, tail) = body.split_at(cut.min(body.len()));
        let mut editor = editor(framing, chat(1));
        let mut out = VecDeque::new();
        editor.push(Bytes::copy_from_slice(head), &mut out);
        editor.push(Bytes::copy_from_slice(tail), &mut out);
        editor.finish(&mut out);
        prop_assert_eq!(out.into_iter().flatten().collect::<Vec<u8>>(), body);
    }

    #[test]
    fn any_cut_of_the_text_is_cut_alike(
        text in "[a-z][a-zé😀\"\\\\ ]{0,12}",
        cuts in proptest::collection::vec(0_usize..20, 0..4),
        from in 0_usize..20,
        length in 0_usize..10,
    ) {
        let at = |index: usize| (0..=index.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let cut = at(from)..at(from + length).max(at(from));
        let change = Change { cut, put: "X".to_owned(), adjustment: Adjustment::Prepend, saying: None, interjection: None };
        let mut borders: Vec<_> = cuts.into_iter().map(at).chain([0, text.len()]).collect();
        borders.sort_unstable();
        let mut state = Text::default();
        let (mut frames, mut at) = (Vec::new(), 0);
        for pair in borders.windows(2) {
            let raw = Bytes::from(json(&text[pair[0]..pair[1]]));
            let raw = raw.slice(1..raw.len() - 1);
            let part = Part { frame: frames.len(), span: 0..raw.len(), raw: raw.clone(), encoding: crate::protocol::Encoding::Json };
            state.take(part, PieceKind::Delta).unwrap();
            frames.push(raw);
            at = pair[1];
        }
        prop_assert_eq!(at, text.len());
        let mut edits: Vec<Vec<Edit>> = vec![Vec::new(); frames.len()];
        for (frame, edit) in state.change(change.clone()) {
            edits[frame].push(edit);
        }
        let edited: Vec<u8> = frames.into_iter().zip(edits).flat_map(|(raw, edits)| apply(raw, edits).concat()).collect();
        let quoted = [b"\"", edited.as_slice(), b"\""].concat();
        prop_assert_eq!(serde_json::from_slice::<String>(&quoted).unwrap(), change.apply(&text));
    }
}

#[test]
fn a_custom_protocol_goes_the_same_way() {
    let spec = toml::from_str("path = '/chat'\nuser = '/q'\nreply = '/a'\ndelta = '/d'").unwrap();
    let custom = || reader(&CustomProtocol::new(&spec).unwrap(), "/chat", r#"{"q":"Hi"}"#);
    let (whole, _) = run(editor(Framing::Whole, custom()), &[br#"{"a":"Your order"}"#]);
    assert_eq!(whole, r#"{"a":"That's \"it\". Your order"}"#);
    let (lines, _) = run(editor(Framing::Values, custom()), &[b"{\"d\":\"Your\"}\n{\"d\":\" order\"}"]);
    assert_eq!(lines, "{\"d\":\"That's \\\"it\\\". Your\"}\n{\"d\":\" order\"}");
}
