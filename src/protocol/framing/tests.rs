use proptest::prelude::*;

use super::*;

fn frames(framing: Framing, chunks: &[&[u8]]) -> Vec<Frame> {
    let mut framer = Framer::new(framing);
    let mut frames = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        frames.extend(std::iter::from_fn(|| framer.next_frame(false)));
    }
    frames.extend(std::iter::from_fn(|| framer.next_frame(true)));
    assert_eq!(framer.buffered(), 0);
    frames
}

/// The data of the frames that have any.
fn data(frames: &[Frame]) -> Vec<String> {
    let data = frames.iter().map(|frame| String::from_utf8_lossy(&frame.data()).into_owned());
    data.filter(|data| !data.is_empty()).collect()
}

#[test]
fn data_is_a_frame_when_its_json_is_complete() {
    let body =
        b"data: {\"a\":1}\n\ndata:[2]\r\n\r\ndata: 3\r\r: ping\n\nevent: x\ndata: {\ndata: \"b\":\"}\"\ndata: }\n\n";
    assert_eq!(data(&frames(Framing::Sse, &[body])), ["{\"a\":1}", "[2]", "3", "{\n\"b\":\"}\"\n}"]);
}

#[test]
fn an_array_that_comes_piece_by_piece_is_its_elements() {
    let body = b"[{\"a\":\"[,\"}\n,\r\n{\"b\":[1,2]}\n]\n";
    assert_eq!(data(&frames(Framing::Elements, &[body])), ["{\"a\":\"[,\"}", "{\"b\":[1,2]}"]);
    let mut framer = Framer::new(Framing::Elements);
    framer.push(b"[");
    assert_eq!(framer.next_frame(false).unwrap().raw(), "[".as_bytes(), "a bracket waits for nothing");
}

#[test]
fn text_is_a_frame_as_it_comes_but_for_half_a_character() {
    let mut framer = Framer::new(Framing::Text);
    framer.push(b"\xef\xbb");
    assert_eq!(framer.next_frame(false), None);
    framer.push(b"\xbfOn\xc3");
    let frame = framer.next_frame(false).unwrap();
    assert_eq!((&*frame.data(), frame.raw().len()), (&b"On"[..], 5));
    assert_eq!(framer.next_frame(false), None);
    framer.push(b"\xa9.\xff");
    assert_eq!(&*framer.next_frame(false).unwrap().data(), b"\xc3\xa9.\xff", "what is no text is given out as well");
}

#[test]
fn events_may_be_a_single_line_feed_apart() {
    assert_eq!(data(&frames(Framing::Sse, &[b"data: {}\ndata: [1]\ndata: [DONE]\n"])), ["{}", "[1]", "[DONE]"]);
}

#[test]
fn a_frame_knows_the_event_it_belongs_to() {
    let frames = frames(Framing::Sse, &[b"event: error\nid: 1\ndata: {}\n\ndata: {}\n\n"]);
    let events: Vec<_> = frames.iter().filter(|frame| !frame.data().is_empty()).map(Frame::event).collect();
    assert_eq!(events, [Some("error"), None]);
}

#[test]
fn a_line_that_says_nothing_is_a_frame_at_once() {
    for line in [": ping\n", "event: message\n", "retry: 3000\n", "id\n", "\n"] {
        let mut framer = Framer::new(Framing::Sse);
        framer.push(line.as_bytes());
        assert_eq!(framer.next_frame(false).unwrap().raw(), line);
        assert_eq!(framer.buffered(), 0);
    }
    let mut framer = Framer::new(Framing::Values);
    framer.push(b"\n  ");
    assert_eq!(framer.next_frame(false).unwrap().raw(), "\n  ".as_bytes());
}

#[test]
fn a_carriage_return_cut_from_its_line_feed_ends_one_line_and_not_two() {
    let frames = frames(Framing::Sse, &[b"event: x\r", b"\ndata: {}\r", b"\n\r", b"\n"]);
    assert_eq!(data(&frames), ["{}"]);
    assert!(frames.iter().any(|frame| frame.event() == Some("x") && !frame.data().is_empty()));
}

#[test]
fn a_byte_order_mark_and_other_fields_are_no_data() {
    let body = b"\xef\xbb\xbfdata: a\ndatabase: b\ndata\nid: 1\n\n";
    assert_eq!(data(&frames(Framing::Sse, &[&body[..1], &body[1..]])), ["a"]);
}

#[test]
fn json_texts_end_where_they_close() {
    let body = b"{\"a\":\"}\\\"\"} [1,\n2]\r\n\n3\n\"x\"\n{\"b\":\n1}{}data: [DONE]\n{\"cut";
    assert_eq!(
        data(&frames(Framing::Values, &[body])),
        ["{\"a\":\"}\\\"\"}", "[1,\n2]", "3", "\"x\"", "{\"b\":\n1}", "{}", "data: [DONE]", "{\"cut"]
    );
}

#[test]
fn a_place_in_the_data_is_found_in_the_bytes() {
    let frames = frames(Framing::Sse, &[b"id: 7\ndata: {\"a\":\ndata:\"b\"}\n\n"]);
    let frame = frames.iter().find(|frame| frame.data.len() == 2).unwrap();
    let at = frame.data().iter().position(|byte| *byte == b'b').unwrap();
    let raw = frame.raw_range(&(at..at + 1)).unwrap();
    assert_eq!(&frame.raw()[raw], b"b");
    assert_eq!(frame.raw_range(&(at - 5..at + 1)), None, "not over the end of a line");
}

#[test]
fn a_whole_value_in_a_body_that_goes_on_is_seen() {
    for (body, expected) in [
        ("{\"a\":[1]", Seen::Part),
        (" {\"a\":\"}\"}", Seen::Whole),
        ("[]\n{}", Seen::Whole),
        ("", Seen::Nothing),
        (" \n", Seen::Blank),
        ("{\"a", Seen::Part),
    ] {
        for size in 1..4 {
            let chunks = || body.as_bytes().chunks(size);
            let mut progress = Progress::default();
            let mut seen = Seen::Nothing;
            for came in 0..=chunks().len() {
                seen = progress.see(chunks().take(came));
                if let Seen::Begins(start) = &seen {
                    assert!(body.trim_start().as_bytes().starts_with(start), "{body}");
                    seen = progress.see(chunks().take(came));
                }
            }
            assert_eq!(seen, expected, "{body}");
        }
    }
}

proptest! {
    #[test]
    fn chunk_borders_change_no_frame_with_data_and_no_byte(
        lines in proptest::collection::vec("(data: \\{\"a\":\"[é\\}]\"\\}|data:\\{|data: \"b\":1\\}|data: x|: c|id: 1|event: e|)", 0..10),
        ends in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\r")], 1..4),
        cuts in proptest::collection::vec(0_usize..200, 0..8),
        is_sse in any::<bool>(),
    ) {
        let body: String = lines.iter().zip(ends.iter().cycle()).flat_map(|(line, end)| [line.as_str(), end]).collect();
        let framing = if is_sse { Framing::Sse } else { Framing::Values };
        let body = body.as_bytes();
        let mut borders: Vec<_> = cuts.into_iter().map(|cut| cut.min(body.len())).chain([0, body.len()]).collect();
        borders.sort_unstable();
        let chunks: Vec<_> = borders.windows(2).map(|pair| &body[pair[0]..pair[1]]).collect();
        let (whole, split) = (frames(framing, &[body]), frames(framing, &chunks));
        prop_assert_eq!(data(&whole), data(&split));
        for frames in [whole, split] {
            prop_assert_eq!(frames.iter().flat_map(|frame| frame.raw().to_vec()).collect::<Vec<_>>(), body);
        }
    }
}
