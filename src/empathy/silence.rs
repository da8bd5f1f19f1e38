//! Why nothing is said.

/// Why nothing is said. The names are those of the `undertone` response header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Silence {
    /// The turn speaks of danger to life and limb: no phrasebook has words for that, and none are put before the reply.
    Danger,
    /// The turn is in another language than the phrasebook, or has no words.
    Language,
    /// The turn's weight is below the floor, or below that of the lightest sentence.
    BelowFloor,
    /// The feeling is a pleasant one: the bot's answer is enough.
    Pleasant,
    /// Everything that fits has been said in this conversation.
    Repeat,
    /// Something was said for the same cause a turn or two before.
    CoolDown,
    /// Enough has been said in this conversation.
    Enough,
    /// The phrasebook has no line that fits this turn before this reply.
    NoLine,
    /// The bot acknowledges the turn itself.
    Acknowledged,
    /// The bot says hello first.
    Greeting,
    /// The reply is JSON, markup, code, or other data.
    Structured,
    /// The reply is a single word: a verdict, a label or a number.
    OneWord,
    /// The reply has no words.
    Empty,
    /// The turn asks for a text for somebody else, and the reply is that text.
    Task,
}

impl Silence {
    /// The reason as a token.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Danger => "danger",
            Self::Language => "language",
            Self::BelowFloor => "below-floor",
            Self::Pleasant => "pleasant",
            Self::Repeat => "repeat",
            Self::CoolDown => "cool-down",
            Self::Enough => "enough",
            Self::NoLine => "no-line",
            Self::Acknowledged => "acknowledged",
            Self::Greeting => "greeting",
            Self::Structured => "structured",
            Self::OneWord => "one-word",
            Self::Empty => "empty",
            Self::Task => "task",
        }
    }
}
