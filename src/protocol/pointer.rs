//! Finds the value at a JSON Pointer (RFC 6901) in one pass, without building the document.
//!
//! Two reference tokens mean more than in the RFC where they meet an array: `-1` is its last element, and `*` the first
//! element in which the rest of the pointer finds a text.

use std::{fmt, slice};

use jsonptr::{PointerBuf, Token};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::json::Raw;

/// A JSON Pointer, split into its reference tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn new(pointer: &PointerBuf) -> Self {
        Self(pointer.tokens().map(|token: Token<'_>| token.decoded().into_owned()).collect())
    }

    /// Whether it points to the whole document.
    pub(super) const fn is_whole(&self) -> bool {
        self.0.is_empty()
    }

    /// The value at this path, borrowed from `json`; nothing where it is missing or null.
    ///
    /// Where an object has the name twice, the last one counts, as it does for most readers.
    ///
    /// # Errors
    ///
    /// If `json` is not JSON.
    pub(crate) fn find<'j>(&self, json: &'j [u8]) -> serde_json::Result<Raw<'j>> {
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let found = At(self.0.iter()).deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(found.map_or_else(Raw::default, Raw::from))
    }
}

/// What is left of the path at some depth of the document.
struct At<'p>(slice::Iter<'p, String>);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<Self::Value, D::Error> {
        match self.0.next() {
            None => serde::Deserialize::deserialize(deserializer).map(Some),
            Some(token) => deserializer.deserialize_any(Step { token, rest: self }),
        }
    }
}

/// One step down: takes the member named `token` and skips the others.
struct Step<'p> {
    token: &'p str,
    rest: At<'p>,
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if name == self.token {
                found = map.next_value_seed(At(self.rest.0.clone()))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let which = match self.token {
            "*" => Which::FirstText,
            "-1" => Which::Last,
            index => index.parse().map_or(Which::None, Which::Nth),
        };
        let mut found = None;
        for index in 0_usize.. {
            let is_wanted = match which {
                Which::FirstText => !found.is_some_and(is_text),
                Which::Last => true,
                Which::Nth(wanted) => index == wanted,
                Which::None => false,
            };
            if is_wanted {
                match seq.next_element_seed(At(self.rest.0.clone()))? {
                    Some(value) => found = value,
                    None => break,
                }
            } else if seq.next_element::<IgnoredAny>()?.is_none() {
                break;
            }
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// Which elements of an array a reference token stands for.
#[derive(Clone, Copy)]
enum Which {
    Nth(usize),
    Last,
    FirstText,
    None,
}

/// Whether a value is a string with something in it.
fn is_text(raw: &RawValue) -> bool {
    raw.get().starts_with('"') && raw.get() != "\"\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'j>(pointer: &str, json: &'j str) -> Option<&'j str> {
        Path::new(&PointerBuf::parse(pointer).unwrap()).find(json.as_bytes()).ok().and_then(Raw::get)
    }

    #[test]
    fn a_value_is_found_at_any_depth_with_its_own_bytes() {
        let json = r#" {"a": [0, {"b/c": "x\u0041", "~": 1.50}], "n": null,
            "t": [{"image": 1}, {"text": ""}, {"text": "b"}, {"text": "c"}]} "#;
        for (pointer, expected) in [
            ("/a/1/b~1c", Some(r#""x\u0041""#)),
            ("/a/1/~0", Some("1.50")),
            ("/a/0", Some("0")),
            ("/a/2", None),
            ("/a/x", None),
            ("/a/0/b", None),
            ("/n", None),
            ("/missing", None),
            ("/a/-1/~0", Some("1.50")),
            ("/t/*/text", Some(r#""b""#)),
            ("/t/-1/text", Some(r#""c""#)),
            ("/t/*/none", None),
        ] {
            assert_eq!(find(pointer, json), expected, "{pointer}");
        }
        assert_eq!(find("", "[1]"), Some("[1]"));
    }

    #[test]
    fn what_is_not_json_has_no_values() {
        for json in ["", "{", r#"{"a": 1} x"#, r#"{"a": 1"#, "hello"] {
            assert_eq!(find("/a", json), None, "{json}");
        }
    }

    #[test]
    fn deep_nesting_does_not_overflow_the_stack() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(find("/0/0", &deep).map(str::len), Some(deep.len() - 4));
        assert_eq!(find(&"/0".repeat(1_000), &deep), None, "the parser's own limit");
    }
}
