//! Facts: what the operator says stands where in a request or a reply, and of which type it is.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use cel::objects::{Key, Map, Value};
use http::{HeaderMap, HeaderName};
use jiff::{Timestamp, civil};
use jsonptr::PointerBuf;
use serde::Deserialize;

use crate::protocol::{Path, Raw};

/// How many characters of a text count, and how many elements of a list.
const TEXT: usize = 2_000;
const LIST: usize = 100;

/// The facts that are declared, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Facts(Vec<(String, Fact)>);

/// Where a fact stands, and what it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    pub(super) source: Source,
    pub(super) kind: FactType,
}

/// Where a fact stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    Request(Path),
    Reply(Path),
    RequestHeader(HeaderName),
    ReplyHeader(HeaderName),
}

/// What a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum FactType {
    /// Words; of a number, its digits.
    Text,
    /// A number, or a text that is one.
    Number,
    /// `true` or `false`.
    Flag,
    /// A date or a moment (RFC 3339), as seconds since 1970: a date is its first second in UTC.
    Date,
    /// Texts.
    List,
    /// An object or a list of what has been asked for: with how many of them have a value.
    Slots,
}

/// A fact as it is written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactSpec {
    request: Option<PointerBuf>,
    reply: Option<PointerBuf>,
    request_header: Option<String>,
    reply_header: Option<String>,
    #[serde(rename = "type")]
    kind: FactType,
}

impl FactSpec {
    /// The fact.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn fact(&self) -> Result<Fact, String> {
        let header = |name: &str| {
            HeaderName::try_from(name)
                .map_err(|_| format!("`{name}` cannot be the name of a header; see RFC 9110, 5.1"))
        };
        let sources = [
            self.request.as_ref().map(|pointer| Ok(Source::Request(Path::new(pointer)))),
            self.reply.as_ref().map(|pointer| Ok(Source::Reply(Path::new(pointer)))),
            self.request_header.as_deref().map(|name| header(name).map(Source::RequestHeader)),
            self.reply_header.as_deref().map(|name| header(name).map(Source::ReplyHeader)),
        ];
        let mut sources = sources.into_iter().flatten();
        match (sources.next(), sources.next()) {
            (Some(source), None) => Ok(Fact { source: source?, kind: self.kind }),
            (None, _) => Err("a fact stands somewhere: say `request` or `reply` with a JSON Pointer, or \
                              `request_header` or `reply_header` with a name"
                .to_owned()),
            (Some(_), Some(_)) => Err("a fact stands in one place; leave out all but one of them".to_owned()),
        }
    }
}

impl Fact {
    /// Whether it is known only once the reply is there.
    pub(super) const fn is_of_reply(&self) -> bool {
        // The head is there before a stream begins.
        matches!(self.source, Source::Reply(_))
    }
}

impl Facts {
    /// Adds a fact.
    ///
    /// # Errors
    ///
    /// If another one has its name.
    pub(super) fn add(&mut self, name: &str, fact: Fact) -> Result<(), String> {
        match self.get(name) {
            Some(same) if *same == fact => Ok(()),
            Some(_) => Err(format!("another file declares the fact `{name}` otherwise; give one of them another name")),
            None => {
                self.0.push((name.to_owned(), fact));
                Ok(())
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Fact> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, fact)| fact)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Fact)> {
        self.0.iter().map(|(name, fact)| (name.as_str(), fact))
    }

    /// What a request tells of them.
    pub(super) fn in_request(&self, headers: &HeaderMap, body: &[u8]) -> Values {
        let mut values = Values::default();
        for (name, fact) in self.iter() {
            match &fact.source {
                Source::Request(path) => values.set(name, fact.kind.read(path.find(body).unwrap_or_default())),
                Source::RequestHeader(header) => values.set(name, in_header(headers, header, fact.kind)),
                Source::Reply(_) | Source::ReplyHeader(_) => {}
            }
        }
        values
    }

    /// Adds what the head of a reply tells of them.
    pub(super) fn in_head(&self, headers: &HeaderMap, values: &mut Values) {
        for (name, fact) in self.iter() {
            if let Source::ReplyHeader(header) = &fact.source {
                values.set(name, in_header(headers, header, fact.kind));
            }
        }
    }

    /// Adds what the data of one frame of a reply tells of them; what a later frame tells counts.
    pub(super) fn in_frame(&self, data: &[u8], values: &mut Values) {
        for (name, fact) in self.iter() {
            if let Source::Reply(path) = &fact.source {
                values.set(name, fact.kind.read(path.find(data).unwrap_or_default()));
            }
        }
    }
}

fn in_header(headers: &HeaderMap, name: &HeaderName, kind: FactType) -> Option<Value> {
    kind.of_text(headers.get(name)?.to_str().ok()?.trim())
}

/// What is known of the facts, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Values(pub(super) HashMap<String, Value>);

impl Values {
    /// Notes a value that is there.
    pub(super) fn set(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
    }
}

impl FactType {
    /// The value that is written so; nothing where it is of another type.
    pub(super) fn read(self, raw: Raw<'_>) -> Option<Value> {
        let written = raw.get()?;
        match self {
            Self::List => {
                let texts = raw.items().take(LIST).filter_map(|item| Self::Text.read(item));
                raw.is_list().then(|| Value::List(Arc::new(texts.collect())))
            }
            Self::Slots => slots(raw),
            Self::Flag if !raw.is_string() => self.of_text(written),
            _ if raw.is_string() => self.of_text(&raw.text()?),
            Self::Text | Self::Number => {
                let is_plain = written.starts_with(|c: char| c == '-' || c.is_ascii_digit() || c == 't' || c == 'f');
                is_plain.then(|| self.of_text(written)).flatten()
            }
            Self::Date => written.parse().ok().map(Value::Int),
            Self::Flag => None,
        }
    }

    /// The value of a text.
    pub(super) fn of_text(self, text: &str) -> Option<Value> {
        match self {
            Self::Text => Some(string(&text.chars().take(TEXT).collect::<String>())),
            Self::Number => text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::Float),
            Self::Flag => match text.trim() {
                "true" => Some(Value::Bool(true)),
                "false" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Date => seconds(text.trim()).map(Value::Int),
            Self::List => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty()).take(LIST);
                Some(Value::List(Arc::new(parts.map(string).collect())))
            }
            Self::Slots => slots(Raw::of(text)),
        }
    }

    /// A value of this type, to try conditions and templates on.
    pub(super) fn sample(self) -> Value {
        match self {
            Self::Text => string("words"),
            Self::Number => Value::Float(1.0),
            Self::Flag => Value::Bool(true),
            Self::Date => Value::Int(1_800_000_000),
            Self::List => Value::List(Arc::new(vec![string("one"), string("two")])),
            Self::Slots => counted(&[("role".to_owned(), Some(string("words")))]),
        }
    }
}

pub(super) fn string(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

/// A map of names to values.
pub(super) fn map<N: Into<String>>(members: impl IntoIterator<Item = (N, Value)>) -> Value {
    let members = members.into_iter().map(|(name, value)| (Key::String(Arc::new(name.into())), value));
    Value::Map(Map { map: Arc::new(members.collect()) })
}

/// Seconds since 1970 of a moment, or of the beginning of a day in UTC.
pub(crate) fn seconds(text: &str) -> Option<i64> {
    let moment = text.parse::<Timestamp>().map(Timestamp::as_second);
    let day = || {
        let day = text.parse::<civil::Date>().ok()?;
        Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
    };
    moment.ok().or_else(day)
}

/// Seconds since 1970 of a moment of the clock; 0 of one that is beyond what dates can say.
pub(crate) fn seconds_at(moment: SystemTime) -> i64 {
    Timestamp::try_from(moment).map_or(0, Timestamp::as_second)
}

/// An object's members, or a list's objects by their `name`, as slots.
fn slots(raw: Raw<'_>) -> Option<Value> {
    let filled = |value: Raw<'_>| {
        // Lex writes a slot as an object with what was understood in it.
        let value = match value.member("value") {
            inner if inner.get().is_some() => inner,
            _ => value,
        };
        let value = match value.member("interpretedValue") {
            inner if inner.get().is_some() => inner,
            _ => value,
        };
        FactType::Text.read(value).filter(|text| *text != string("")).or_else(|| {
            value
                .is_list()
                .then(|| FactType::List.read(value))
                .flatten()
                .filter(|list| *list != Value::List(Arc::default()))
        })
    };
    let name = |name: Raw<'_>| name.text();
    let members: Vec<_> = match raw.get()?.as_bytes().first()? {
        b'{' => raw.members().take(LIST).filter_map(|(key, value)| Some((name(key)?, filled(value)))).collect(),
        b'[' => raw.items().take(LIST).filter_map(|item| Some((name(item.member("name"))?, filled(item)))).collect(),
        _ => return None,
    };
    Some(counted(&members))
}

fn counted(slots: &[(String, Option<Value>)]) -> Value {
    let filled = slots.iter().filter(|(_, value)| value.is_some()).count();
    let count = |count: usize| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    let values = slots.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)));
    map([
        ("filled", count(filled)),
        ("total", count(slots.len())),
        ("complete", Value::Bool(filled == slots.len() && filled > 0)),
        ("values", map(values)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: FactType, json: &str) -> Option<Value> {
        kind.read(Raw::of(json))
    }

    #[test]
    fn a_value_is_what_its_type_says_or_nothing() {
        assert_eq!(read(FactType::Text, "\"a\\u0062\""), Some(string("ab")));
        assert_eq!(read(FactType::Text, "12"), Some(string("12")));
        assert_eq!(read(FactType::Text, "[1]"), None);
        assert_eq!(read(FactType::Number, "0.5"), Some(Value::Float(0.5)));
        assert_eq!(read(FactType::Number, "\"3\""), Some(Value::Float(3.0)));
        assert_eq!(read(FactType::Number, "\"many\""), None);
        assert_eq!(read(FactType::Flag, "false"), Some(Value::Bool(false)));
        assert_eq!(read(FactType::Flag, "1"), None);
        assert_eq!(read(FactType::Date, "\"1970-01-02\""), Some(Value::Int(86_400)));
        assert_eq!(read(FactType::Date, "\"1970-01-01T01:00:00+01:00\""), Some(Value::Int(0)));
        assert_eq!(read(FactType::Date, "\"soon\""), None);
        assert_eq!(read(FactType::List, "[\"a\",1]"), Some(Value::List(Arc::new(vec![string("a"), string("1")]))));
        assert_eq!(read(FactType::Text, "null"), None);
    }

    #[test]
    fn slots_are_counted_as_each_platform_writes_them() {
        let count = |json: &str| match read(FactType::Slots, json)? {
            Value::Map(map) => Some((map.get(&Key::from("filled"))?.clone(), map.get(&Key::from("complete"))?.clone())),
            _ => None,
        };
        let expect = |filled, is_complete| Some((Value::Int(filled), Value::Bool(is_complete)));
        assert_eq!(count(r#"{"role":"cook","place":"","goal":null}"#), expect(1, false));
        assert_eq!(count(r#"{"role":"cook","places":["a"]}"#), expect(2, true));
        assert_eq!(
            count(r#"{"City":{"value":{"originalValue":"paris","interpretedValue":"Paris"}},"Day":null}"#),
            expect(1, false)
        );
        assert_eq!(count(r#"[{"name":"role","value":"cook"},{"name":"place","value":null}]"#), expect(1, false));
        assert_eq!(count("{}"), expect(0, false));
        assert_eq!(count("3"), None);
    }
}
