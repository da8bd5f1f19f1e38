//! LangServe's runnables: `POST …/invoke` and `…/stream`.
//!
//! What goes in and comes out is the chain's own: a string, a message, messages, or an object with one of the names that
//! LangChain's own chains use. (`/batch` answers several inputs at once, `/stream_log` and `/stream_events` tell of the
//! chain's inner steps: they pass untouched.)

use http::request;

use super::{
    Claim, Frame, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, history, is_post_of_json,
    is_post_to,
    json::{self, List, Raw, object},
};

/// LangServe's runnables.
#[derive(Debug, Clone, Copy, Default)]
pub struct LangServe;

impl Protocol for LangServe {
    fn name(&self) -> &str {
        "langserve"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        let is_ours = is_post_to(head, "/invoke") || is_post_to(head, "/stream");
        Claim::unsure(is_ours && is_post_of_json(head))
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        let Some(words) = Words::of(request.input) else { return Recognition::Foreign };
        let conversation = request.config.configurable.session.text();
        let turn = words.turn(body).map(|turn| Turn { conversation, ..turn });
        Recognition::of(turn, LangServeReply::default)
    }
}

object! {
    struct Request<'a> {
        input: Raw<'a> = "input",
        config: Config<'a> = "config",
    }
}

object! {
    struct Config<'a> {
        configurable: Configurable<'a> = "configurable",
    }
}

object! {
    struct Configurable<'a> {
        session: Raw<'a> = "session_id" | "thread_id" | "conversation_id",
    }
}

object! {
    struct Named<'a> {
        messages: Raw<'a> = "messages",
        history: List<Message<'a>> = "chat_history" | "history",
        words: Raw<'a> = "input" | "question" | "query" | "message" | "text" | "human_input",
    }
}

object! {
    struct Message<'a> {
        role: Raw<'a> = "type" | "role",
        content: Raw<'a> = "content",
    }
}

impl<'a> Message<'a> {
    fn read(&self) -> history::Message<'a> {
        let from = if self.role.is("human") || self.role.is("HumanMessage") {
            history::From::User
        } else if self.role.is("ai") || self.role.is("AIMessage") || self.role.is("AIMessageChunk") {
            history::From::Bot
        } else {
            history::From::role(self.role)
        };
        history::Message { from, content: self.content }
    }
}

/// Where the user's words are in an input.
struct Words<'a>(Vec<history::Message<'a>>);

impl<'a> Words<'a> {
    fn of(input: Raw<'a>) -> Option<Self> {
        let messages = |raw: Raw<'a>| {
            let list: List<Message<'a>> = raw.read();
            Some(Self(list.items.iter().map(Message::read).collect())).filter(|words| !words.0.is_empty())
        };
        match input.get()?.bytes().next()? {
            b'"' => Some(Self(vec![history::Message { from: history::From::User, content: input }])),
            b'[' => messages(input),
            b'{' => {
                let named: Named<'a> = input.read();
                if named.messages.get().is_some() {
                    return messages(named.messages);
                }
                named.words.span_in(named.words.get()?.as_bytes())?;
                let mut said: Vec<_> = named.history.items.iter().map(Message::read).collect();
                said.push(history::Message { from: history::From::User, content: named.words });
                Some(Self(said))
            }
            _ => None,
        }
    }

    fn turn(&self, body: &[u8]) -> Result<Turn, HandsOff> {
        history::turn(&self.0, None, body)
    }
}

/// Reads the reply to one request.
#[derive(Debug, Default)]
struct LangServeReply {
    absence: Option<HandsOff>,
}

object! {
    /// A whole reply.
    struct Reply<'a> {
        output: Raw<'a> = "output",
    }
}

object! {
    /// What a chain gives out: a message, or an object of its own.
    struct Output<'a> {
        kind: Raw<'a> = "type",
        content: Raw<'a> = "content",
        words: Raw<'a> = "answer" | "output" | "result" | "response" | "text",
        calls: json::Any = "tool_calls",
    }
}

impl LangServeReply {
    fn read_output(&mut self, output: Raw<'_>, data: &[u8], pieces: &mut Vec<Piece>) {
        let found = output.piece_in(data, 0, PieceKind::Delta).or_else(|| {
            let output: Output<'_> = output.read();
            let is_spoken = output.kind.get().is_none_or(|kind| kind.to_ascii_lowercase().contains("ai"));
            if output.calls.0 {
                self.absence.get_or_insert(HandsOff::ToolCall);
            }
            let spoken = Some(json::first_text(output.content)).filter(|_| is_spoken);
            spoken.into_iter().chain([output.words]).find_map(|words| words.piece_in(data, 0, PieceKind::Delta))
        });
        pieces.extend(found);
    }
}

impl ReplyReader for LangServeReply {
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        match frame.event() {
            Some("error") => return Err(HandsOff::Error),
            // A stream's piece is any JSON value, a bare string too.
            Some("data") if !data.is_empty() => {
                let output: Raw<'_> = serde_json::from_slice(&data).map_err(|_| HandsOff::Unreadable)?;
                self.read_output(output, &data, pieces);
            }
            Some("end") => pieces.push(Piece::end(0)),
            Some(_) => {}
            None => {
                if let Some(reply) = json::event::<Reply<'_>>(&data, &mut self.absence)? {
                    self.read_output(reply.output, &data, pieces);
                }
            }
        }
        Ok(())
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
