//! What a turn is about: a noun phrase that a sentence can take up, found by patterns and never guessed.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

/// What kind of thing a topic is; a line may take only some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TopicClass {
    /// Something ordered or owned: an order, a parcel, a phone.
    Thing,
    /// Money: a refund, a bill, a payment.
    Amount,
    /// A way in: a password, an account, a code.
    Access,
    /// Something that runs: a connection, an app, a subscription.
    Service,
    /// A time: a booking, a flight, an appointment.
    Appointment,
}

/// One entry of `[[topic]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopicSpec {
    class: TopicClass,
    /// The noun, in the singular, as it is said.
    noun: String,
    /// Other names that users have for it.
    #[serde(default)]
    also: Vec<String>,
}

/// The matter of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::empathy) struct Topic<'a> {
    pub(in crate::empathy) class: TopicClass,
    noun: &'a str,
    is_theirs: bool,
}

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", if self.is_theirs { "your" } else { "the" }, self.noun)
    }
}

/// What finds the matter of a turn.
#[derive(Debug, Clone)]
pub(in crate::empathy) struct Topics {
    specs: Vec<TopicSpec>,
    /// Finds a determiner and a noun.
    pattern: Regex,
}

impl PartialEq for Topics {
    fn eq(&self, other: &Self) -> bool {
        self.specs == other.specs
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    topic: Vec<TopicSpec>,
}

/// Adjectives that may stand between a determiner and its noun.
const ADJECTIVES: &str = "new|newest|last|latest|first|second|old|next|whole|entire|missing|late|lost|online|monthly|\
    annual|current|stupid|bloody|damn|damned|broken|delayed|cancelled|promised|replacement|hotel|mobile";

/// With one of these after it a noun only says of what kind they are.
const COMPOUND: [&str; 9] = ["fee", "charge", "cost", "price", "allowance", "policy", "rule", "insurance", "surcharge"];

impl Topics {
    /// The topics that come with undertone, for English.
    ///
    /// # Panics
    ///
    /// Never: a test compiles the same patterns.
    pub(in crate::empathy) fn english() -> Self {
        #[expect(clippy::expect_used, reason = "the topics are compiled in, and a test compiles them")]
        let file: File = toml::from_str(include_str!("en/topics.toml")).expect("the built-in topics are valid");
        #[expect(clippy::expect_used, reason = "the topics are compiled in, and a test compiles them")]
        Self::new(file.topic).expect("the built-in topics compile")
    }

    fn new(specs: Vec<TopicSpec>) -> Result<Self, String> {
        let mut names: Vec<_> = specs.iter().flat_map(TopicSpec::names).map(regex::escape).collect();
        // Of two names that begin alike, the longer one is meant.
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        let pattern = format!(
            r"\b(?:(my|our)|(the|this|that|these|those|your|its|[a-z]+'s)|his|her|their|an?|any|another|no) (?:(?:{ADJECTIVES}) )?({names})\b|\b({names}) (?:#|number\b|is\b|was\b|has\b|hasn|isn|wasn|won'|still\b|keeps?\b|down\b|never\b|got\b|not\b)",
            names = names.join("|"),
        );
        let pattern = RegexBuilder::new(&pattern).case_insensitive(true).unicode(false).build();
        Ok(Self { specs, pattern: pattern.map_err(|error| error.to_string().replace('\n', " "))? })
    }

    /// The same with an operator's own, which count first.
    pub(in crate::empathy) fn with(self, mut own: Vec<TopicSpec>) -> Result<Self, String> {
        if own.is_empty() {
            return Ok(self);
        }
        if let Some(empty) = own.iter().find(|spec| spec.names().any(|name| name.trim().is_empty())) {
            return Err(format!("noun = \"{}\": a name is empty", empty.noun));
        }
        own.extend(self.specs);
        Self::new(own)
    }

    /// The one matter of a turn: the user's own before any other, and none where there are several.
    pub(in crate::empathy) fn find(&self, turn: &str) -> Option<Topic<'_>> {
        let mut theirs: Option<Topic<'_>> = None;
        let mut others: Option<Topic<'_>> = None;
        let mut is_ambiguous = false;
        for found in self.pattern.captures_iter(turn.as_bytes()) {
            let after = found.get(0).and_then(|all| turn.get(all.end()..)).unwrap_or_default();
            // "The baggage fee" is about the fee.
            if after.split_whitespace().next().is_some_and(|next| COMPOUND.iter().any(|word| next.starts_with(word))) {
                continue;
            }
            let (is_theirs, is_definite) = (found.get(1).is_some(), found.get(2).is_some());
            let is_bare = found.get(4).is_some();
            let Some(noun) = found.get(3).or(found.get(4)).and_then(|noun| std::str::from_utf8(noun.as_bytes()).ok())
            else {
                continue;
            };
            if !(is_theirs || is_definite || is_bare) {
                continue;
            }
            let Some(spec) = self.specs.iter().find(|spec| spec.names().any(|name| name.eq_ignore_ascii_case(noun)))
            else {
                continue;
            };
            let topic = Topic { class: spec.class, noun: &spec.noun, is_theirs };
            let slot = if is_theirs { &mut theirs } else { &mut others };
            match slot {
                Some(known) if known.noun != topic.noun => is_ambiguous |= is_theirs || theirs.is_none(),
                Some(_) => {}
                None => *slot = Some(topic),
            }
        }
        match (theirs, others) {
            (Some(topic), _) if !is_ambiguous => Some(topic),
            (None, Some(topic)) if !is_ambiguous => Some(topic),
            _ => None,
        }
    }

    /// How many bytes of a text are a topic that it begins with.
    pub(in crate::empathy) fn prefix(&self, text: &str) -> Option<usize> {
        let noun = ["your ", "the ", "Your ", "The "].iter().find_map(|article| text.strip_prefix(article))?;
        let longest = self.specs.iter().map(|spec| spec.noun.as_str()).filter(|name| noun.starts_with(name));
        longest.map(str::len).max().map(|length| text.len() - noun.len() + length)
    }
}

impl TopicSpec {
    fn names(&self) -> impl Iterator<Item = &str> {
        [self.noun.as_str()].into_iter().chain(self.also.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matter_is_taken_up_only_where_it_is_sure() {
        let topics = Topics::english();
        for (turn, expected) in [
            ("My order is late.", "your order"),
            ("where is the refund??", "the refund"),
            ("My mum's parcel never came", "the parcel"),
            ("internet down AGAIN", "the internet connection"),
            ("our wifi keeps dropping", "your internet connection"),
            ("my new phone has a cracked screen", "your phone"),
            ("I was told my booking is gone, and the flight too", "your booking"),
            ("my order and my refund are both missing", ""),
            ("the flight or the booking?", ""),
            ("I need a refund", ""),
            ("My orders never come on time", ""),
            ("This is so annoying.", ""),
            ("order #4711 is late", "the order"),
            ("transfer 40 to Ann", ""),
            ("how do I order two", ""),
            ("your app keeps crashing", "the app"),
        ] {
            let found = topics.find(turn).map_or_else(String::new, |topic| topic.to_string());
            assert_eq!(found, expected, "{turn}");
        }
    }

    #[test]
    fn an_operator_adds_topics_of_the_trade() {
        let own = TopicSpec { class: TopicClass::Thing, noun: "sofa".to_owned(), also: vec!["couch".to_owned()] };
        let topics = Topics::english().with(vec![own]).unwrap();
        assert_eq!(topics.find("my couch came in pieces").unwrap().to_string(), "your sofa");
        assert_eq!(topics.prefix("your sofa stands:"), Some(9));
    }
}
