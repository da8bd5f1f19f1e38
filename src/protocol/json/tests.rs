use super::*;

object! {
    struct Words<'a> {
        text: Raw<'a> = "text",
    }
}

object! {
    struct Sample<'a> {
        number: Raw<'a> = "n",
        list: List<Raw<'a>> = "list",
        inner: Words<'a> = "inner",
        any: Any = "a" | "b",
    }
}

fn sample(json: &str) -> Sample<'_> {
    serde_json::from_str(json).unwrap()
}

#[test]
fn the_last_of_two_members_counts_and_numbers_are_read_in_any_dress() {
    for (json, number) in [
        (r#"{"n":1,"n":2}"#, Some(2)),
        (r#"{"n":1.0}"#, Some(1)),
        (r#"{"n":"1"}"#, Some(1)),
        (r#"{"n":-1}"#, None),
        (r#"{"n":null}"#, None),
        (r#"{"n":1e400}"#, None),
        (r#"{"n":1.5}"#, None),
        ("{}", None),
        ("[1]", None),
        ("3", None),
    ] {
        assert_eq!(sample(json).number.number(), number, "{json}");
    }
}

#[test]
fn what_is_of_the_wrong_type_is_as_if_it_were_not_there() {
    let read = sample(r#"{"list":{"x":[]},"inner":[{"text":"x"}],"a":"","b":false}"#);
    assert!(!read.list.is_there && read.inner.text.get().is_none() && !read.any.0);
    let read = sample(r#"{"list":[1,"2",{}],"inner":{"text":"x"},"a":[1],"b":null}"#);
    assert!(read.list.items.len() == 3 && read.inner.text.is("x") && read.any.0);
}

#[test]
fn members_nobody_asked_for_may_be_deep() {
    let deep = format!(r#"{{"x":{}{},"n":7}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(sample(&deep).number.number(), Some(7));
}

#[test]
fn values_know_their_place() {
    let json = r#"{"inner":{"text":"a\u00e9"},"n":42}"#;
    let read = sample(json);
    assert_eq!(read.inner.text.span_in(json.as_bytes()).map(|at| &json[at]), Some("a\\u00e9"));
    assert_eq!(read.number.number_in(json.as_bytes()).map(|at| &json[at]), Some("42"));
}

#[test]
fn content_is_a_string_a_part_or_a_list() {
    for (json, expected) in [
        (r#""a""#, "a"),
        (r#"{"type":"text","text":"a"}"#, "a"),
        (r#"["a",{"type":"input_text","text":"b"},{"type":"image_url"},{"text":null}]"#, "a\nb"),
        ("5", ""),
        (r#"[{"type":"reasoning","text":"a"},{"text":"b","thought":true},{"type":"text","text":"c"}]"#, "c"),
        (r#""\ud800""#, ""),
        (r#"[["a"],"b"]"#, "b"),
    ] {
        assert_eq!(content(serde_json::from_str(json).unwrap()), expected, "{json}");
    }
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    assert_eq!(content(serde_json::from_str(&deep).unwrap()), "", "depth costs no stack");
}

#[test]
fn a_list_of_more_items_than_any_chat_has_is_not_read() {
    let list = |items: usize| format!("{{\"list\":[{}0]}}", "0,".repeat(items - 1));
    assert_eq!(sample(&list(1 << 16)).list.items.len(), 1 << 16);
    assert!(serde_json::from_str::<Sample<'_>>(&list((1 << 16) + 1)).is_err());
}

#[test]
fn of_several_names_the_first_that_says_anything_counts() {
    object! {
        struct Named<'a> {
            words: First<'a> = "a" | "b",
        }
    }
    for json in [r#"{"a":"x","b":null}"#, r#"{"b":"","a":"x"}"#, r#"{"a":"x","b":"y"}"#] {
        assert!(serde_json::from_str::<Named<'_>>(json).unwrap().words.0.is("x"), "{json}");
    }
}
