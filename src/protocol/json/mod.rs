//! Lenient reading of JSON in one pass, with the place of each value.
//!
//! Real bots and clients write a member twice (the last one counts), `1.0` or `"1"` for 1, `""` or `false` for none, or
//! a list where an object was expected. All of that is read; what is no JSON at all is not. Members nobody asked for
//! are skipped without being built, however deep they are.

mod walk;

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{HandsOff, Piece, PieceKind, framing};

/// Makes a default of every value that is of no type the reader wants.
macro_rules! anything_else {
    () => {
        $crate::protocol::json::anything_else!(
            visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str)
        );
    };
    ($($visit:ident($type:ty)),+) => {
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("any JSON value")
        }

        $(fn $visit<E>(self, _: $type) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        })+

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}
pub(super) use anything_else;

/// Declares what to read of an object: each field with the names it goes by. What is no object reads as one without
/// members.
macro_rules! object {
    ($(#[$meta:meta])* struct $name:ident<'a> {
        $($(#[$field_meta:meta])* $field:ident: $type:ty = $key:literal $(| $other:literal)*,)*
    }) => {
        $(#[$meta])*
        #[derive(Default)]
        struct $name<'a> {
            $($(#[$field_meta])* $field: $type,)*
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use $crate::protocol::json::{Merge, Name};

                struct Reader<'a>(std::marker::PhantomData<&'a ()>);
                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Reader<'a> {
                    type Value = $name<'a>;

                    $crate::protocol::json::anything_else!();

                    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                        while items.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                        Ok(Self::Value::default())
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut object = Self::Value::default();
                        while let Some(name) = map.next_key::<Name<'de>>()? {
                            match name.as_ref() {
                                $($key $(| $other)* => object.$field.merge(map.next_value()?),)*
                                _ => drop(map.next_value::<serde::de::IgnoredAny>()?),
                            }
                        }
                        Ok(object)
                    }
                }
                deserializer.deserialize_any(Reader(std::marker::PhantomData))
            }
        }

        impl $crate::protocol::json::Merge for $name<'_> {}
    };
}
pub(super) use object;

/// How a member that comes again goes together with what was there.
pub(super) trait Merge: Sized {
    /// The last one counts.
    fn merge(&mut self, new: Self) {
        *self = new;
    }
}

/// A member's name, borrowed where it has no escapes.
pub(super) enum Name<'de> {
    Borrowed(&'de str),
    Owned(String),
}

impl AsRef<str> for Name<'_> {
    fn as_ref(&self) -> &str {
        match self {
            Self::Borrowed(name) => name,
            Self::Owned(name) => name,
        }
    }
}

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name::Borrowed(name))
            }

            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name::Owned(name.to_owned()))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

/// How many items of an array are read: small ones take many times their length.
const MAX_ITEMS: usize = 1 << 16;

/// The items of an array; what is no array has none.
#[derive(Debug)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
    /// Whether there was an array at all.
    pub(super) is_there: bool,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), is_there: false }
    }
}

impl<T> Merge for List<T> {}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Reader<T> {
            type Value = List<T>;

            anything_else!();

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = array.next_element()? {
                    if items.len() == MAX_ITEMS {
                        return Err(serde::de::Error::custom("more items than any chat has"));
                    }
                    items.push(item);
                }
                Ok(List { items, is_there: true })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(List::default())
            }
        }
        deserializer.deserialize_any(Reader(std::marker::PhantomData))
    }
}

/// A value as it is written; nothing for `null` or where there is none.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Raw<'a>(Option<&'a str>);

impl Merge for Raw<'_> {}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Self::from)
    }
}

impl<'a> From<&'a RawValue> for Raw<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(Some(raw.get()).filter(|raw| *raw != "null"))
    }
}

impl<'a> Raw<'a> {
    /// The value as it is written.
    pub(super) const fn get(self) -> Option<&'a str> {
        self.0
    }

    /// Whether it is more than nothing: not missing, `null`, `false`, zero, or empty.
    pub(super) fn says_something(self) -> bool {
        let Some(raw) = self.0 else { return false };
        let is_blank = |open, close| {
            raw.strip_prefix(open)
                .and_then(|raw| raw.strip_suffix(close))
                .is_some_and(|inside: &str| inside.trim().is_empty())
        };
        let is_zero = raw.parse::<f64>().is_ok_and(|number| number == 0.0);
        !(raw == "false" || is_zero || is_blank('"', '"') || is_blank('[', ']') || is_blank('{', '}'))
    }

    /// A string's text; nothing if it is none, or none that can be read (a lone surrogate, say).
    pub(super) fn text(self) -> Option<String> {
        unescape(self.string()?).or_else(|| serde_json::from_str(self.0?).ok())
    }

    /// Whether it is a string of just these characters, none of them escaped.
    pub(super) fn is(self, text: &str) -> bool {
        self.string().is_some_and(|raw| raw == text)
    }

    /// A whole number, be it written as one, as `1.0` or as `"1"`.
    pub(super) fn number(self) -> Option<usize> {
        let raw = self.0?;
        let number = raw.trim_matches('"').trim().parse::<f64>().ok()?;
        // Every whole number up to 2^53 is exact.
        (number >= 0.0 && number.fract() == 0.0).then(|| number.to_string().parse().ok()).flatten()
    }

    /// The same value, read as something else.
    pub(super) fn read<T: Deserialize<'a> + Default>(self) -> T {
        self.0.and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default()
    }

    /// The inside of a string's quotes, as it is written.
    fn string(self) -> Option<&'a str> {
        self.0.and_then(|raw| raw.strip_prefix('"')).and_then(|raw| raw.strip_suffix('"'))
    }

    /// Where in `body`, from which it was read, the inside of a string is.
    pub(super) fn span_in(self, body: &[u8]) -> Option<Range<usize>> {
        self.string().and_then(|inside| place(body, inside))
    }

    /// The piece of a text that it is, if it is a string in `body`, from which it was read.
    pub(super) fn piece_in(self, body: &[u8], text: usize, kind: PieceKind) -> Option<Piece> {
        self.span_in(body).map(|span| Piece::json(text, span, kind))
    }

    /// Whether it is a string.
    pub(super) fn is_string(self) -> bool {
        self.string().is_some()
    }

    /// The inside of a string's quotes, as it is written.
    pub(super) fn inside(self) -> Option<&'a str> {
        self.string()
    }

    /// Whether it is a string with something in it, be it white space.
    pub(super) fn has_characters(self) -> bool {
        self.string().is_some_and(|inside| !inside.is_empty())
    }

    /// Whether it is a string with something to be seen in it.
    pub(super) fn has_words(self) -> bool {
        let Some(mut rest) = self.string().map(str::trim_start) else { return false };
        while let Some(after) = ["\\n", "\\r", "\\t"].iter().find_map(|blank| rest.strip_prefix(blank)) {
            rest = after.trim_start();
        }
        !rest.is_empty()
    }

    /// Where in `body`, from which it was read, a number is.
    pub(super) fn number_in(self, body: &[u8]) -> Option<Range<usize>> {
        self.0.filter(|raw| raw.bytes().all(|byte| byte.is_ascii_digit())).and_then(|raw| place(body, raw))
    }
}

/// The text of a string's inside, if only the short escapes are in it: most have no others, and going from one backslash to
/// the next is several times as fast as reading JSON.
fn unescape(inside: &str) -> Option<String> {
    let mut text = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(rest.get(..at)?);
        text.push(match rest.as_bytes().get(at + 1)? {
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            _ => return None,
        });
        rest = rest.get(at + 2..)?;
    }
    text.push_str(rest);
    Some(text)
}

/// Where a part borrowed from `body` is in it.
fn place(body: &[u8], part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    (start + part.len() <= body.len()).then(|| start..start + part.len())
}

/// The first of several members that says anything.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct First<'a>(pub(super) Raw<'a>);

impl Merge for First<'_> {
    fn merge(&mut self, new: Self) {
        if !self.0.says_something() {
            *self = new;
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for First<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Raw::deserialize(deserializer).map(Self)
    }
}

/// Whether any of several members says something.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Any(pub(super) bool);

impl Merge for Any {
    fn merge(&mut self, new: Self) {
        self.0 |= new.0;
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Raw::deserialize(deserializer).map(|raw| Self(raw.says_something()))
    }
}

/// What the data of a frame is.
pub(super) enum Data<T> {
    /// What was expected.
    Read(T),
    /// Nothing, or a mark such as `[DONE]`.
    Nothing,
    /// Words, where JSON was expected.
    Words,
}

/// Reads the data of a frame.
///
/// # Errors
///
/// [`HandsOff::Unreadable`] if it is meant to be JSON and is not.
pub(super) fn read<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<Data<T>, HandsOff> {
    match data.trim_ascii() {
        [] | b"[DONE]" => Ok(Data::Nothing),
        [first, ..] if framing::begins_like_json(*first) => {
            serde_json::from_slice(data).map(Data::Read).map_err(|_| HandsOff::Unreadable)
        }
        _ => Ok(Data::Words),
    }
}

/// Reads the data of a frame; nothing if there is nothing in it for a reader. Words are noted: a reply without other text is
/// unreadable.
///
/// # Errors
///
/// [`HandsOff::Unreadable`] if it is meant to be JSON and is not.
pub(super) fn event<'a, T: Deserialize<'a>>(
    data: &'a [u8],
    absence: &mut Option<HandsOff>,
) -> Result<Option<T>, HandsOff> {
    match read(data)? {
        Data::Read(event) => return Ok(Some(event)),
        Data::Words => *absence = Some(HandsOff::Unreadable),
        Data::Nothing => {}
    }
    Ok(None)
}

/// The text of a message's content: a string, a part with a text, or a list of either.
pub(super) fn content(raw: Raw<'_>) -> String {
    said(raw).0
}

/// The text of a message's content, and the string that it begins with, as it is written.
pub(super) fn said(raw: Raw<'_>) -> (String, Raw<'_>) {
    let mut first = Raw::default();
    let mut text = String::new();
    for part in parts(raw) {
        let Some(part_text) = part.text().filter(|text| !text.is_empty()) else { continue };
        if text.is_empty() {
            (text, first) = (part_text, part);
        } else {
            text.push('\n');
            text.push_str(&part_text);
        }
    }
    (text, first)
}

/// The string that a message's content begins with: the content itself, or the text of its first part that has any.
pub(super) fn first_text(raw: Raw<'_>) -> Raw<'_> {
    parts(raw).find(|part| part.has_characters()).unwrap_or_default()
}

/// The strings of a message's content, but for those that are thoughts. A list in a list is no content, and nobody should make
/// us go down into it.
fn parts(raw: Raw<'_>) -> impl Iterator<Item = Raw<'_>> {
    raw.list().map(text_of_part)
}

fn text_of_part(raw: Raw<'_>) -> Raw<'_> {
    if raw.is_string() {
        return raw;
    }
    let (mut text, mut is_thought) = (Raw::default(), false);
    for (name, value) in raw.members() {
        if name.is("text") {
            text = value;
        } else if name.is("type") {
            is_thought |= value.is("thinking") || value.is("reasoning");
        } else if name.is("thought") {
            is_thought |= value.says_something();
        }
    }
    if is_thought { Raw::default() } else { text }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test fails by panicking")]
mod tests {
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
}
