//! Goes over JSON that has been read before, and so is known to be JSON: from quote to quote, without looking at what is in
//! between. What this finds is where things are, not whether they are well-formed.

use memchr::memchr2;

use super::Raw;

impl<'a> Raw<'a> {
    /// Whether it is an array.
    pub(crate) fn is_list(self) -> bool {
        self.0.is_some_and(|raw| raw.starts_with('['))
    }

    /// The items of an array; anything else is its only one.
    pub(in crate::protocol) fn list(self) -> impl Iterator<Item = Self> {
        let alone = Some(self).filter(|raw| raw.0.is_some() && !raw.is_list());
        alone.into_iter().chain(self.items())
    }

    /// The items of an array; of anything else, none.
    pub(crate) fn items(self) -> impl Iterator<Item = Self> {
        let mut rest = self.0.and_then(|raw| raw.strip_prefix('[')).unwrap_or_default();
        std::iter::from_fn(move || {
            rest = rest.trim_ascii_start().trim_start_matches(',').trim_ascii_start();
            let (value, after) = rest.split_at_checked(value(rest))?;
            rest = after;
            (!value.is_empty()).then(|| Self::of(value))
        })
    }

    /// Whether it is an array of parts whose first opens with a word, as nearly every message's does: then no more of it
    /// need be looked at, however long it is.
    pub(in crate::protocol) fn opens_with_words(self) -> bool {
        let after = |raw: &'a str, token| raw.trim_ascii_start().strip_prefix(token);
        let part = self.0.and_then(|raw| after(raw.strip_prefix('[')?, "{"));
        let typed = |raw: &'a str| after(after(after(after(raw, "\"type\"")?, ":")?, "\"text\"")?, ",");
        let text = part.and_then(|raw| after(after(after(typed(raw).unwrap_or(raw), "\"text\"")?, ":")?, "\""));
        text.is_some_and(|text| text.starts_with(char::is_alphanumeric))
    }

    /// The members of an object, each with its name; of anything else, none.
    pub(crate) fn members(self) -> impl Iterator<Item = (Self, Self)> {
        let mut rest = self.0.and_then(|raw| raw.strip_prefix('{')).unwrap_or_default();
        std::iter::from_fn(move || {
            rest = rest.trim_ascii_start().trim_start_matches(',').trim_ascii_start();
            let (name, after) = rest.split_at_checked(value(rest)).filter(|(name, _)| !name.is_empty())?;
            rest = after.trim_ascii_start().trim_start_matches(':').trim_ascii_start();
            let (member, after) = rest.split_at_checked(value(rest))?;
            rest = after;
            Some((Self::of(name), Self::of(member)))
        })
    }

    /// The value of an object's member, the last one of this name; of anything else, nothing.
    pub(crate) fn member(self, name: &str) -> Self {
        self.members().filter(|(key, _)| key.is(name)).last().map_or_else(Self::default, |(_, member)| member)
    }
}

/// How long the value is that a text begins with; 0 if none does.
fn value(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string(bytes, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth == 0 => break,
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            b',' | b':' if depth == 0 => break,
            byte if depth == 0 && byte.is_ascii_whitespace() => break,
            _ => {
                at += 1;
                continue;
            }
        }
        // A string or a bracket closes it.
        if depth == 0 {
            break;
        }
    }
    at.min(bytes.len())
}

/// Where a string ends that begins here.
fn string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn items_and_members_are_where_they_are() {
        let raw = Raw::of(r#"[ "a\"]", {"text" : "b", "n":[1,{"text":"x"}], "text":"c\\"} ,12.5, [ [] ], null,true ]"#);
        let items: Vec<_> = raw.items().map(|item| item.get()).collect();
        let object = r#"{"text" : "b", "n":[1,{"text":"x"}], "text":"c\\"}"#;
        assert_eq!(items, [Some(r#""a\"]""#), Some(object), Some("12.5"), Some("[ [] ]"), None, Some("true")]);
        assert_eq!(Raw::of(object).member("text").get(), Some(r#""c\\""#));
        assert_eq!(Raw::of(object).member("n").get(), Some(r#"[1,{"text":"x"}]"#));
        assert_eq!((Raw::of(object).member("x").get(), Raw::of("[1]").member("x").get()), (None, None));
        assert_eq!((Raw::of("{}").items().count(), Raw::of("[]").items().count()), (0, 0));
    }

    #[test]
    fn words_that_a_message_opens_with_are_seen_without_reading_on() {
        for opens in [r#"[{"text":"Hi"#, r#"[ { "type" : "text" , "text" : "é"#, r#"[{"text":"0","type":"x"}]"#] {
            assert!(Raw::of(opens).opens_with_words(), "{opens}");
        }
        for no in [
            "[]",
            r#""Hi""#,
            r#"{"text":"Hi"}"#,
            r#"[{"text":""}]"#,
            r#"[{"text":" "}]"#,
            r#"[{"text":1}]"#,
            r#"[{"type":"tool_result","text":"Hi"}]"#,
            r#"[{"type":"text"}]"#,
            r#"["Hi"]"#,
            r#"[{"text":"\n"}]"#,
        ] {
            assert!(!Raw::of(no).opens_with_words(), "{no}");
        }
    }

    #[test]
    fn depth_costs_no_stack_and_what_is_cut_does_not_hang() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(Raw::of(&deep).items().count(), 1);
        for cut in ["[", "[1", "[\"a", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":[", "[}", "{]", "[,", "{:"] {
            assert!(Raw::of(cut).items().count() < 3, "{cut}");
            Raw::of(cut).member("a");
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[a-z\"\\\\{}\\[\\],: é\n]{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                proptest::collection::hash_map("[a-c\"]{1,2}", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_sees_what_a_parser_sees(value in json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let read = |raw: Raw<'_>| serde_json::from_str::<serde_json::Value>(raw.get().unwrap_or("null")).unwrap();
            if let Some(array) = value.as_array() {
                prop_assert_eq!(&Raw::of(&text).items().map(read).collect::<Vec<_>>(), array);
            }
            for name in ["a", "ab", "c"] {
                let expected = value.get(name).cloned().unwrap_or_default();
                prop_assert_eq!(read(Raw::of(&text).member(name)), expected);
            }
        }
    }
}
