//! Microsoft Bot Framework and its successor, the Microsoft 365 Agents SDK: activities posted to a bot.
//!
//! Only where the channel asks for it does the bot answer in the response: with `expectReplies` a set of activities, with
//! `stream` an event for each. Otherwise its replies are requests of its own, which a proxy in front of it does not see.
//! What is spoken agrees with what is written; a reply that grows is told whole each time it has grown.

use http::request;

use super::{
    Claim, Encoding, Frame, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn,
    growth::Growth,
    history, is_post_of_json,
    json::{self, List, Raw, object},
    parts, ssml,
};

/// Microsoft Bot Framework.
#[derive(Debug, Clone, Copy, Default)]
pub struct BotFramework;

impl Protocol for BotFramework {
    fn name(&self) -> &str {
        "bot-framework"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::unsure(is_post_of_json(head))
    }

    fn marks(&self) -> &[&str] {
        &["channelId", "conversation"]
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        let has_addresses = request.conversation.id.get().is_some() && request.from.id.get().is_some();
        if request.kind.get().is_none() || request.channel.get().is_none() || !has_addresses {
            return Recognition::Foreign;
        }
        Recognition::of(request.turn(), ActivitiesReply::default)
    }
}

object! {
    struct Request<'a> {
        kind: Raw<'a> = "type",
        text: Raw<'a> = "text",
        channel: Raw<'a> = "channelId",
        conversation: Named<'a> = "conversation",
        from: Named<'a> = "from",
        delivery: Raw<'a> = "deliveryMode",
    }
}

object! {
    struct Named<'a> {
        id: Raw<'a> = "id",
    }
}

impl Request<'_> {
    fn turn(&self) -> Result<Turn, HandsOff> {
        if !self.kind.is("message") {
            return Err(HandsOff::NoTurn);
        }
        let text = without_mentions(&self.text.text().unwrap_or_default());
        history::check(&text, None)?;
        if !(self.delivery.is("expectReplies") || self.delivery.is("stream")) {
            return Err(HandsOff::Background);
        }
        Ok(Turn { text, conversation: self.conversation.id.text(), ..Turn::default() })
    }
}

/// What is said to a bot in a group, without its name: `<at>Shop</at> Where is it?`.
fn without_mentions(text: &str) -> String {
    if memchr::memmem::find(text.as_bytes(), b"<at>").is_none() {
        return text.trim().to_owned();
    }
    let mut words = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, mention)) = rest.split_once("<at>") {
        let Some((_, after)) = mention.split_once("</at>") else { break };
        words.push_str(before);
        rest = after;
    }
    words.push_str(rest);
    words.trim().to_owned()
}

/// What is written, and what is said aloud in other words.
const TEXTS: usize = 2;

/// Reads the reply to one request.
#[derive(Debug, Default)]
struct ActivitiesReply {
    growth: Growth,
    has_spoken: bool,
    /// Whether its words are also spoken.
    is_aloud: bool,
    /// Whether activities come one an event: the end of the body shows which is the last.
    is_streamed: bool,
    /// Whether there is more text behind it that no words can stand behind.
    has_more: bool,
    absence: Option<HandsOff>,
}

object! {
    struct Reply<'a> {
        activities: List<Activity<'a>> = "activities",
    }
}

object! {
    struct Activity<'a> {
        kind: Raw<'a> = "type",
        text: Raw<'a> = "text",
        speak: Raw<'a> = "speak",
        format: Raw<'a> = "textFormat",
        entities: List<Entity<'a>> = "entities",
    }
}

object! {
    struct Entity<'a> {
        kind: Raw<'a> = "type",
        stream: Raw<'a> = "streamType",
    }
}

impl Activity<'_> {
    fn streams(&self, kind: &str) -> bool {
        self.entities.items.iter().any(|entity| entity.kind.is("streaminfo") && entity.stream.is(kind))
    }
}

impl ActivitiesReply {
    /// The activity that the reply's words are in; a later one is another message.
    fn read_activity(&mut self, activity: &Activity<'_>, data: &[u8], pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        if activity.kind.is("typing") && activity.streams("streaming") {
            self.growth.grow(activity.text, data, pieces);
            return Ok(());
        }
        if !activity.kind.is("message") || !activity.text.has_words() {
            return Ok(());
        }
        if self.has_spoken {
            // What is spoken of it would have to agree.
            self.has_more |= self.is_aloud || activity.speak.has_words() || activity.format.is("xml");
            pieces.extend(parts::whole([activity.text], data, true));
            return Ok(());
        }
        self.has_spoken = true;
        if activity.format.is("xml") {
            return Err(HandsOff::NotText);
        }
        if self.growth.has_begun() {
            self.growth.grow(activity.text, data, pieces);
            pieces.push(Piece::end(0));
        } else {
            pieces.extend(activity.text.piece_in(data, 0, PieceKind::Copy));
        }
        self.is_aloud = activity.speak.has_words();
        if self.is_aloud {
            pieces.push(spoken(activity.speak, activity.text, data)?);
        }
        // What is spoken is there by now, or is not.
        pieces.push(Piece::end(1));
        Ok(())
    }
}

/// What is said aloud: the same words, or others.
fn spoken(speak: Raw<'_>, text: Raw<'_>, data: &[u8]) -> Result<Piece, HandsOff> {
    let span = speak.span_in(data).ok_or(HandsOff::NotText)?;
    let words = speak.text().ok_or(HandsOff::Unreadable)?;
    let (words, encoding) = if words.trim_start().starts_with('<') {
        (ssml::text(&words).ok_or(HandsOff::NotText)?.1, Encoding::Ssml)
    } else {
        (words, Encoding::Json)
    };
    let is_same = text.text().is_some_and(|text| text == words);
    Ok(Piece { text: usize::from(!is_same), span, kind: PieceKind::Copy, encoding })
}

impl ReplyReader for ActivitiesReply {
    fn texts(&self) -> usize {
        TEXTS
    }

    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        match frame.event() {
            Some("activity") => {
                self.is_streamed = true;
                let Some(activity) = json::event::<Activity<'_>>(&data, &mut self.absence)? else { return Ok(()) };
                self.read_activity(&activity, &data, pieces)
            }
            Some(_) => Ok(()),
            None => {
                let Some(reply) = json::event::<Reply<'_>>(&data, &mut self.absence)? else { return Ok(()) };
                reply.activities.items.iter().try_for_each(|activity| self.read_activity(activity, &data, pieces))
            }
        }
    }

    fn is_last(&self) -> Option<bool> {
        if self.is_streamed && !self.has_more { None } else { Some(!self.has_more) }
    }

    fn expects_copies(&self) -> bool {
        self.growth.has_begun() && !self.has_spoken
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
