//! The address of a bot's endpoint, some of whose segments may be any.

use jsonptr::PointerBuf;
use serde::Deserialize;

/// The path of an address, segment by segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    /// Any, by this name.
    Any(String),
}

impl Address {
    /// Nothing if it is no absolute path without a query.
    pub(super) fn new(path: &str) -> Option<Self> {
        if path.contains(['?', '#']) {
            return None;
        }
        let segment = |segment: &str| match variable(segment) {
            Some(name) => Segment::Any(name.to_owned()),
            None => Segment::Literal(segment.to_owned()),
        };
        Some(Self(path.strip_prefix('/')?.split('/').map(segment).collect()))
    }

    /// Which segment has this name.
    pub(super) fn segment(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|segment| matches!(segment, Segment::Any(other) if other == name))
    }

    /// Whether a path is this address.
    pub(super) fn matches(&self, path: &str) -> bool {
        let Some(path) = path.strip_prefix('/') else { return false };
        let mut found = path.split('/');
        let is_same = |segment: &Segment| match (segment, found.next()) {
            (Segment::Literal(literal), Some(found)) => literal == found,
            (Segment::Any(_), Some(found)) => !found.is_empty(),
            (_, None) => false,
        };
        self.0.iter().all(is_same) && found.next().is_none()
    }

    /// A segment of a path.
    pub(super) fn nth(path: &str, segment: usize) -> Option<&str> {
        path.strip_prefix('/')?.split('/').nth(segment)
    }
}

/// The name in braces.
fn variable(text: &str) -> Option<&str> {
    text.strip_prefix('{')?.strip_suffix('}').filter(|name| !name.is_empty())
}

/// Where the name of a conversation is: at a JSON Pointer in the request's body, or in its address, where the path of the
/// [`CustomSpec`](super::CustomSpec) has a segment in braces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
#[non_exhaustive]
pub enum ConversationPlace {
    /// `/session`
    Body(PointerBuf),
    /// `{session}`, without the braces.
    Address(String),
}

impl TryFrom<String> for ConversationPlace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(name) = variable(&text) {
            return Ok(Self::Address(name.to_owned()));
        }
        let pointer = PointerBuf::parse(text.as_str());
        pointer.map(Self::Body).map_err(|_| {
            format!("`{text}` is neither a JSON Pointer (`/session`) nor a segment of the path (`{{session}}`)")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_in_braces_is_any_but_no_more_than_one() {
        let address = Address::new("/bots/{bot}/chat").unwrap();
        for (path, expected) in [
            ("/bots/shop/chat", true),
            ("/bots/shop%20two/chat", true),
            ("/bots//chat", false),
            ("/bots/a/b/chat", false),
            ("/bots/shop/chat/", false),
            ("/bots/shop", false),
            ("bots/shop/chat", false),
        ] {
            assert_eq!(address.matches(path), expected, "{path}");
        }
        assert_eq!(address.segment("bot").and_then(|segment| Address::nth("/bots/shop/chat", segment)), Some("shop"));
        assert_eq!((address.segment("user"), Address::new("chat"), Address::new("/chat?x=1")), (None, None, None));
    }

    #[test]
    fn a_conversation_is_named_in_the_body_or_in_the_address() {
        let place = |text: &str| ConversationPlace::try_from(text.to_owned());
        assert_eq!(place("{user}"), Ok(ConversationPlace::Address("user".to_owned())));
        assert!(matches!(place("/user"), Ok(ConversationPlace::Body(_))));
        assert!(place("user").unwrap_err().contains("`{session}`"));
    }
}
