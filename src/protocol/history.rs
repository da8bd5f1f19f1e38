//! The newest turn of a history that the client sends along.

use super::{
    Encoding, HandsOff, Speaker, Turn, Utterance,
    json::{self, Raw},
    reasoning,
    side_call::is_side_call,
};

/// How many of the latest messages a turn carries along.
const REMEMBERED: usize = 200;

/// One message of a history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) from: From,
    pub(super) content: Raw<'a>,
}

/// Who a message is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    User,
    Bot,
    /// The bot's owner, who says what it is for.
    Owner,
    /// A tool, or something that is no message.
    Other,
}

const ROLES: [(&str, From); 4] =
    [("user", From::User), ("assistant", From::Bot), ("system", From::Owner), ("developer", From::Owner)];

impl From {
    /// By the name that OpenAI's formats give it.
    pub(super) fn role(role: Raw<'_>) -> Self {
        ROLES.into_iter().find(|(name, _)| role.is(name)).map_or(Self::Other, |(_, from)| from)
    }

    /// By the same name as text.
    pub(super) fn named(role: &str) -> Self {
        ROLES.into_iter().find(|(name, _)| *name == role).map_or(Self::Other, |(_, from)| from)
    }
}

/// The newest turn, without the conversation's name. Tool calls and their results may stand between it and its reply;
/// words of the bot are its beginning, and a message of the bot's at the end is one. `instructions` come from outside
/// the history; `body` is what it was all read from.
///
/// # Errors
///
/// Why there is no turn whose reply may be edited.
pub(super) fn turn(messages: &[Message<'_>], instructions: Option<String>, body: &[u8]) -> Result<Turn, HandsOff> {
    let newest = messages.iter().rposition(|message| message.from == From::User).ok_or(HandsOff::NoTurn)?;
    let (before, from_turn) = messages.split_at(newest);
    let (turn, after) = from_turn.split_first().ok_or(HandsOff::NoTurn)?;
    let latest = |from| before.iter().rev().find(|message| message.from == from).map(Message::text);
    let has_spoken = |message: &Message<'_>| !reasoning::visible(&message.text()).trim().is_empty();
    let is_prefill = after.last().is_some_and(|message| message.from == From::Bot);
    if is_prefill || after.iter().filter(|message| message.from == From::Bot).any(has_spoken) {
        return Err(HandsOff::Continuation);
    }
    let text = turn.text();
    check(&text, instructions.or_else(|| latest(From::Owner)).as_deref())?;
    let ordinal = before.iter().filter(|message| message.from == From::User).count();
    let mut history: Vec<_> =
        before.iter().rev().filter_map(|message| message.utterance(body)).take(REMEMBERED).collect();
    history.reverse();
    Ok(Turn { text, conversation: None, ordinal, history })
}

impl<'a> Message<'a> {
    fn text(&self) -> String {
        json::content(self.content)
    }

    /// The same message; of nobody, if it is the user's in name only: results of tools and no words.
    pub(super) fn unless_of_tools(self) -> Self {
        if self.from != From::User || !self.content.is_list() || self.content.opens_with_words() {
            return self;
        }
        let has_words = self.content.items().any(|part| part.member("text").has_words());
        let is_of_tools = !has_words && self.content.items().any(|part| part.member("type").is("tool_result"));
        if is_of_tools { Self { from: From::Other, ..self } } else { self }
    }

    fn utterance(&self, body: &[u8]) -> Option<Utterance> {
        let speaker = match self.from {
            From::User => Speaker::User,
            From::Bot => Speaker::Bot,
            From::Owner | From::Other => return None,
        };
        let (text, first) = json::said(self.content);
        let place = first.span_in(body).map(|span| (span, Encoding::Json));
        Some(Utterance { place, ..Utterance::new(speaker, text) })
    }
}

/// Whether a text can be a person's turn.
///
/// # Errors
///
/// Why it cannot.
pub(super) fn check(text: &str, instructions: Option<&str>) -> Result<(), HandsOff> {
    if text.trim().is_empty() {
        Err(HandsOff::NoTurn)
    } else if is_side_call(text, instructions) {
        Err(HandsOff::SideCall)
    } else {
        Ok(())
    }
}
