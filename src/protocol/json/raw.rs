//! A value as it is written, with its place.

use std::ops::Range;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Merge;
use crate::protocol::{Piece, PieceKind};

/// A value as it is written; nothing for `null` or where there is none.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Raw<'a>(pub(super) Option<&'a str>);

impl Merge for Raw<'_> {}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Self::from)
    }
}

impl<'a> From<&'a RawValue> for Raw<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self::of(raw.get())
    }
}

impl<'a> Raw<'a> {
    /// A value that is written so.
    pub(crate) fn of(raw: &'a str) -> Self {
        Self(Some(raw).filter(|raw| *raw != "null"))
    }

    /// The value as it is written.
    pub(crate) const fn get(self) -> Option<&'a str> {
        self.0
    }

    /// Whether it is more than nothing: not missing, `null`, `false`, zero, or empty.
    pub(in crate::protocol) fn says_something(self) -> bool {
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
    pub(crate) fn text(self) -> Option<String> {
        unescape(self.string()?).or_else(|| serde_json::from_str(self.0?).ok())
    }

    /// Whether it is a string of just these characters, none of them escaped.
    pub(in crate::protocol) fn is(self, text: &str) -> bool {
        self.string().is_some_and(|raw| raw == text)
    }

    /// A whole number, be it written as one, as `1.0` or as `"1"`.
    pub(in crate::protocol) fn number(self) -> Option<usize> {
        let raw = self.0?;
        let number = raw.trim_matches('"').trim().parse::<f64>().ok()?;
        // Every whole number up to 2^53 is exact.
        (number >= 0.0 && number.fract() == 0.0).then(|| number.to_string().parse().ok()).flatten()
    }

    /// The same value, read as something else.
    pub(in crate::protocol) fn read<T: Deserialize<'a> + Default>(self) -> T {
        self.0.and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default()
    }

    /// The inside of a string's quotes, as it is written.
    fn string(self) -> Option<&'a str> {
        self.0.and_then(|raw| raw.strip_prefix('"')).and_then(|raw| raw.strip_suffix('"'))
    }

    /// Where in `body`, from which it was read, the inside of a string is.
    pub(in crate::protocol) fn span_in(self, body: &[u8]) -> Option<Range<usize>> {
        self.string().and_then(|inside| place(body, inside))
    }

    /// The piece of a text that it is, if it is a string in `body`, from which it was read.
    pub(in crate::protocol) fn piece_in(self, body: &[u8], text: usize, kind: PieceKind) -> Option<Piece> {
        self.span_in(body).map(|span| Piece::json(text, span, kind))
    }

    /// Whether it is a string.
    pub(crate) fn is_string(self) -> bool {
        self.string().is_some()
    }

    /// The inside of a string's quotes, as it is written.
    pub(in crate::protocol) fn inside(self) -> Option<&'a str> {
        self.string()
    }

    /// Whether it is a string with something in it, be it white space.
    pub(in crate::protocol) fn has_characters(self) -> bool {
        self.string().is_some_and(|inside| !inside.is_empty())
    }

    /// Whether it is a string with something to be seen in it.
    pub(in crate::protocol) fn has_words(self) -> bool {
        let Some(mut rest) = self.string().map(str::trim_start) else { return false };
        while let Some(after) = ["\\n", "\\r", "\\t"].iter().find_map(|blank| rest.strip_prefix(blank)) {
            rest = after.trim_start();
        }
        !rest.is_empty()
    }

    /// Where in `body`, from which it was read, a number is.
    pub(in crate::protocol) fn number_in(self, body: &[u8]) -> Option<Range<usize>> {
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
