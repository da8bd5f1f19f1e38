//! What kind of answer a reply gives.

use serde::Deserialize;

/// The shape of a reply's answer: the same sentence fits before a status, grates before a question and offends before a
/// refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Shape {
    /// It asks the user something.
    Question,
    /// It refuses, or brings bad news.
    No,
    /// It says what to do: instructions, a list.
    Steps,
    /// It says what has been done.
    Done,
    /// It gives plain information.
    Info,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 5] = [Self::Question, Self::No, Self::Steps, Self::Done, Self::Info];

    /// The name, as in a phrasebook.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::No => "no",
            Self::Steps => "steps",
            Self::Done => "done",
            Self::Info => "info",
        }
    }
}
