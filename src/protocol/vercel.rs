//! Vercel's AI SDK: what its chat clients send, and the three streams they read.
//!
//! The UI message stream is server-sent events; the older data stream is lines of a letter and a JSON value; the text
//! stream is the text. The address is free. A client adds no part of its own, so no event is added either.

use http::{request, response};
use serde_json::json;

use super::{
    Claim, Encoding, Frame, Framing, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, framing,
    history, is_post_of_json, is_post_to,
    json::{self, List, Raw, object},
    parts::Parts,
};

/// Vercel's AI SDK.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vercel;

impl Protocol for Vercel {
    fn name(&self) -> &str {
        "vercel"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::unsure(is_post_of_json(head))
    }

    fn read(&self, head: &request::Parts, body: &[u8]) -> Recognition {
        let is_default = is_post_to(head, "/api/chat");
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        if !request.is_ours(is_default) {
            return Recognition::Foreign;
        }
        let takes_text = is_default || request.trigger.get().is_some();
        Recognition::of(request.turn(body), || VercelReply { takes_text, ..VercelReply::default() })
    }
}

object! {
    struct Request<'a> {
        id: Raw<'a> = "id",
        messages: List<Message<'a>> = "messages",
        /// In place of the messages, where the server keeps them.
        message: Message<'a> = "message",
        model: Raw<'a> = "model",
        /// Other protocols' messages have parts, too.
        others: json::Any = "jsonrpc",
        /// What the SDK's chat clients say since version 5.
        trigger: Raw<'a> = "trigger",
    }
}

object! {
    struct Message<'a> {
        role: Raw<'a> = "role",
        content: Raw<'a> = "content",
        parts: Raw<'a> = "parts",
    }
}

impl<'a> Message<'a> {
    fn read(&self) -> history::Message<'a> {
        let content = if self.parts.get().is_some() { self.parts } else { self.content };
        history::Message { from: history::From::role(self.role), content }
    }
}

impl Request<'_> {
    fn is_ours(&self, is_default: bool) -> bool {
        let has_parts = |message: &Message<'_>| message.parts.get().is_some_and(|raw| raw.starts_with('['));
        let messages = &self.messages.items;
        if self.others.0 || messages.iter().any(|message| message.role.get().is_none()) {
            return false;
        }
        let is_old = || is_default && self.model.get().is_none() && !messages.is_empty();
        messages.iter().any(has_parts) || (has_parts(&self.message) && self.message.role.is("user")) || is_old()
    }

    fn turn(&self, body: &[u8]) -> Result<Turn, HandsOff> {
        let mut messages: Vec<_> = self.messages.items.iter().map(Message::read).collect();
        if self.message.role.get().is_some() {
            messages.push(self.message.read());
        }
        // A message of the bot's at the end that has not said anything yet is a tool loop's, and no beginning of the reply.
        if let Some(last) = messages.last_mut()
            && last.from == history::From::Bot
            && json::content(last.content).trim().is_empty()
        {
            last.from = history::From::Other;
        }
        Ok(Turn { conversation: self.id.text(), ..history::turn(&messages, None, body)? })
    }
}

/// Reads the reply to one request.
#[derive(Debug, Default)]
struct VercelReply {
    stream: Stream,
    /// Whether plain text is the reply: an app's other endpoints take the same messages, and answer with a title, or "Saved."
    takes_text: bool,
    parts: Parts<String>,
    /// Whether the message has begun.
    has_begun: bool,
    /// The part of text that is being written.
    open: Option<String>,
    /// Whether the latest text is the last; nothing until what comes behind it shows.
    is_last: Option<bool>,
    /// Of the older stream's lines, whether a call has come behind words.
    has_called: bool,
    has_spoken: bool,
    absence: Option<HandsOff>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stream {
    #[default]
    Ui,
    Data,
    Text,
}

object! {
    struct Event<'a> {
        kind: Raw<'a> = "type",
        id: Raw<'a> = "id",
        delta: Raw<'a> = "delta",
    }
}

impl VercelReply {
    fn read_event(&mut self, data: &[u8], pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let Some(event) = json::event::<Event<'_>>(data, &mut self.absence)? else { return Ok(()) };
        let kind = event.kind.text().unwrap_or_default();
        match kind.as_str() {
            "text-delta" => {
                if event.delta.has_words() {
                    self.is_last = None;
                }
                pieces.extend(self.parts.add(event.id.text().unwrap_or_default(), event.delta, data));
            }
            "text-start" => self.open = event.id.text(),
            "text-end" => {
                self.open = None;
                pieces.extend(self.parts.end(&event.id.text().unwrap_or_default()));
            }
            "start" => self.has_begun = true,
            "start-step" | "reasoning-start" => self.is_last = Some(false),
            "finish" => {
                self.is_last.get_or_insert(true);
                pieces.push(Piece::end(0));
            }
            "error" => return Err(HandsOff::Error),
            // What a tool finds may come behind the text.
            _ if kind.starts_with("tool-output") => {}
            _ if kind.starts_with("tool-") => {
                self.is_last = Some(false);
                self.absence.get_or_insert(HandsOff::ToolCall);
            }
            _ => {}
        }
        Ok(())
    }

    /// A line of the older stream: `0:"Your"`.
    fn read_line(&mut self, data: &[u8], pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        match data {
            [b'0', b':', rest @ ..] => {
                let text: Raw<'_> = serde_json::from_slice(rest).map_err(|_| HandsOff::Unreadable)?;
                let kind = if self.has_called { PieceKind::Later } else { PieceKind::Delta };
                if text.has_words() {
                    self.has_spoken = true;
                    self.is_last = None;
                }
                pieces.extend(text.piece_in(data, 0, kind));
            }
            [b'3', b':', ..] => return Err(HandsOff::Error),
            [b'9' | b'b' | b'c', b':', ..] => {
                self.is_last = Some(false);
                self.absence.get_or_insert(HandsOff::ToolCall);
                if self.has_spoken {
                    self.has_called = true;
                    pieces.push(Piece::end(0));
                }
            }
            [b'd', b':', ..] => {
                self.is_last.get_or_insert(true);
                pieces.push(Piece::end(0));
            }
            [_, b':', ..] | [] => {}
            _ => return Err(HandsOff::Unreadable),
        }
        Ok(())
    }
}

impl ReplyReader for VercelReply {
    fn framing(&mut self, head: &response::Parts) -> Result<Framing, HandsOff> {
        let is_text = framing::media_type(&head.headers).as_deref() == Some("text/plain");
        let is_data = ["x-vercel-ai-data-stream", "x-experimental-stream-data"];
        let (stream, framing) = if is_data.iter().any(|name| head.headers.contains_key(*name)) {
            (Stream::Data, Framing::Values)
        } else if is_text && self.takes_text {
            (Stream::Text, Framing::Text)
        } else if Framing::of(head) == Some(Framing::Sse) {
            (Stream::Ui, Framing::Sse)
        } else {
            return Err(HandsOff::MediaType);
        };
        self.stream = stream;
        Ok(framing)
    }

    fn reframe(&self, labelled: Framing, start: &[u8]) -> Result<Framing, HandsOff> {
        // A data stream that does not say so, and would break.
        let is_data = matches!(start, [b'0'..=b'9' | b'a'..=b'k'] | [b'0'..=b'9' | b'a'..=b'k', b':', ..]);
        if labelled == Framing::Text && is_data { Err(HandsOff::Unreadable) } else { Ok(labelled) }
    }

    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        match self.stream {
            Stream::Ui => self.read_event(&data, pieces),
            Stream::Data => self.read_line(&data, pieces),
            Stream::Text => {
                let encoding = Encoding::Plain;
                pieces.push(Piece { text: 0, span: 0..data.len(), kind: PieceKind::Delta, encoding });
                Ok(())
            }
        }
    }

    fn first_piece(&self, words: &str) -> Option<Vec<u8>> {
        let part = |kind: &str, rest: serde_json::Value| {
            let mut event = json!({"type": kind, "id": "undertone"});
            if let (Some(event), serde_json::Value::Object(rest)) = (event.as_object_mut(), rest) {
                event.extend(rest);
            }
            format!("data: {event}\n\n")
        };
        match self.stream {
            // A message must have begun.
            // A part that is open takes it.
            Stream::Ui if self.open.is_some() => {
                let event = json!({"type": "text-delta", "id": self.open, "delta": words});
                Some(format!("data: {event}\n\n").into_bytes())
            }
            Stream::Ui if self.has_begun => {
                let events = [
                    part("text-start", json!({})),
                    part("text-delta", json!({"delta": words})),
                    part("text-end", json!({})),
                ];
                Some(events.concat().into_bytes())
            }
            Stream::Data => Some(format!("0:{}\n", json!(words)).into_bytes()),
            Stream::Text => Some(words.as_bytes().to_vec()),
            Stream::Ui => None,
        }
    }

    fn may_repeat(&self) -> bool {
        true
    }

    fn is_last(&self) -> Option<bool> {
        self.is_last
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
