//! Amazon Lex V2: `POST …/sessions/{session}/text` (`RecognizeText`).
//!
//! Speech (`RecognizeUtterance`) has its messages in a header and audio in the body; it passes untouched.

use http::{Method, request};

use super::{
    Claim, Encoding, Frame, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, history,
    json::{self, List, Raw, object},
    ssml,
    twins::Twins,
};

/// With how many characters a message leaves no room for a sentence: the API takes 1,024.
const FULL: usize = 800;

/// Amazon Lex V2.
#[derive(Debug, Clone, Copy, Default)]
pub struct LexV2;

/// The session that an address names.
fn session(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/botAliases/")?;
    let (_, session) = rest.split_once("/sessions/")?;
    session.trim_end_matches('/').strip_suffix("/text").filter(|session| !session.contains('/'))
}

impl Protocol for LexV2 {
    fn name(&self) -> &str {
        "lex"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::sure(head.method == Method::POST && session(head.uri.path()).is_some())
    }

    fn read(&self, head: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        let text = request.text.text().unwrap_or_default();
        let conversation = session(head.uri.path()).map(str::to_owned);
        let turn = history::check(&text, None).map(|()| Turn { text, conversation, ..Turn::default() });
        Recognition::of(turn, LexReply::default)
    }
}

object! {
    struct Request<'a> {
        text: Raw<'a> = "text",
    }
}

/// Reads the reply to one request.
#[derive(Debug, Default)]
struct LexReply {
    /// Whether there is more text behind it that no words can stand behind.
    has_more: bool,
    absence: Option<HandsOff>,
}

object! {
    struct Reply<'a> {
        messages: List<Message<'a>> = "messages",
    }
}

object! {
    struct Message<'a> {
        kind: Raw<'a> = "contentType",
        content: Raw<'a> = "content",
    }
}

impl ReplyReader for LexReply {
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(reply) = json::event::<Reply<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        let is_ssml = |message: &Message<'_>| message.kind.is("SSML");
        let has_words = |message: &&Message<'_>| message.kind.is("PlainText") || is_ssml(message);
        let mut spoken = reply.messages.items.iter().filter(has_words);
        let Some(first) = spoken.find(|message| message.content.has_words()) else { return Ok(()) };
        let text = first.content.text().unwrap_or_default();
        if text.chars().count() > FULL {
            return Err(HandsOff::NoRoom);
        }
        let mut twins = Twins::new(&data, pieces);
        if is_ssml(first) && !twins.add_ssml(first.content) {
            return Err(HandsOff::NotText);
        } else if !is_ssml(first) {
            twins.add(first.content);
        }
        let later = spoken.filter(|message| message.content.has_words());
        for message in later {
            let is_read = !is_ssml(message) || message.content.text().is_some_and(|text| ssml::text(&text).is_some());
            let encoding = if is_ssml(message) { Encoding::Ssml } else { Encoding::Json };
            let Some(span) = message.content.span_in(&data).filter(|_| is_read) else {
                self.has_more = true;
                return Ok(());
            };
            pieces.extend([Piece { text: 0, span, kind: PieceKind::Later, encoding }, Piece::end(0)]);
        }
        Ok(())
    }

    fn is_last(&self) -> Option<bool> {
        Some(!self.has_more)
    }

    fn max_chars(&self) -> Option<usize> {
        Some(1_024)
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
