//! LangServe's runnables: `POST …/invoke` and `…/stream`.
//!
//! What goes in and comes out is the chain's own: a string, a message, messages, or an object with one of the names that
//! LangChain's own chains use. (`/batch` answers several inputs at once, `/stream_log` and `/stream_events` tell of the
//! chain's inner steps: they pass untouched.)

use http::request;

use super::{
    Claim, Frame, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn,
    growth::Growth,
    history, is_post_of_json, is_post_to,
    json::{self, First, List, Raw, object},
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

    fn marks(&self) -> &[&str] {
        &["input"]
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        // LangGraph's server takes the same inputs, and answers with the steps of a graph.
        if request.graph.get().is_some() {
            return Recognition::Foreign;
        }
        let conversation = request.config.configurable.session.text();
        let said = request.input.said().or_else(|| bare(serde_json::from_slice::<Bare<'_>>(body).ok()?.input));
        let Some(said) = said else { return Recognition::Foreign };
        let turn = history::turn(&said, None, body).map(|turn| Turn { conversation, ..turn });
        Recognition::of(turn, LangServeReply::default)
    }
}

object! {
    struct Bare<'a> {
        input: Raw<'a> = "input",
    }
}

object! {
    struct Request<'a> {
        input: Named<'a> = "input",
        graph: Raw<'a> = "assistant_id",
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
        messages: List<Message<'a>> = "messages",
        history: List<Message<'a>> = "chat_history" | "history",
        words: First<'a> = "input" | "question" | "query" | "message" | "text" | "human_input",
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
        history::Message { from: role(self.role).unwrap_or(history::From::Other), content: self.content }
    }
}

/// Who says a message of this type; nothing if it is the type of no message.
fn role(kind: Raw<'_>) -> Option<history::From> {
    let kind = kind.text()?;
    match kind.trim_end_matches("Chunk").trim_end_matches("Message") {
        "human" | "Human" | "user" => Some(history::From::User),
        "ai" | "AI" | "assistant" => Some(history::From::Bot),
        "system" | "System" | "developer" => Some(history::From::Owner),
        "tool" | "Tool" | "function" | "Function" => Some(history::From::Other),
        _ => None,
    }
}

impl<'a> Named<'a> {
    /// What an object says. Mostly the input is one, and once over it is enough.
    fn said(self) -> Option<Vec<history::Message<'a>>> {
        if self.messages.is_there {
            return Some(self.messages.items.iter().map(Message::read).collect());
        }
        self.words.0.is_string().then(|| {
            let turn = history::Message { from: history::From::User, content: self.words.0 };
            self.history.items.iter().map(Message::read).chain([turn]).collect()
        })
    }
}

/// What a string or a list of messages says.
fn bare(input: Raw<'_>) -> Option<Vec<history::Message<'_>>> {
    if input.is_string() {
        return Some(vec![history::Message { from: history::From::User, content: input }]);
    }
    let list: List<Message<'_>> = input.read();
    Some(list.items.iter().map(Message::read).collect()).filter(|messages: &Vec<_>| !messages.is_empty())
}

/// Reads the reply to one request.
#[derive(Debug, Default)]
struct LangServeReply {
    growth: Growth,
    is_over: bool,
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
        words: First<'a> = "answer" | "output" | "result" | "response" | "text",
        calls: json::Any = "tool_calls",
    }
}

impl LangServeReply {
    fn read_output(&mut self, output: Raw<'_>, data: &[u8], pieces: &mut Vec<Piece>) {
        if output.is_string() {
            pieces.extend(output.piece_in(data, 0, PieceKind::Delta));
            return;
        }
        let output: Output<'_> = output.read();
        if output.calls.0 {
            self.absence.get_or_insert(HandsOff::ToolCall);
        }
        let is_spoken = matches!(role(output.kind), Some(history::From::Bot));
        let spoken = Some(json::first_text(output.content)).filter(|text| is_spoken && text.is_string());
        match spoken {
            Some(text) => pieces.extend(text.piece_in(data, 0, PieceKind::Delta)),
            // An object comes as far as it has been made, or in pieces.
            None => self.growth.grow_or_add(output.words.0, data, pieces),
        }
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
            Some("end") => {
                self.is_over = true;
                pieces.push(Piece::end(0));
            }
            Some(_) => {}
            None => {
                if let Some(reply) = json::event::<Reply<'_>>(&data, &mut self.absence)? {
                    self.read_output(reply.output, &data, pieces);
                }
            }
        }
        Ok(())
    }

    fn expects_copies(&self) -> bool {
        self.growth.repeats() && !self.is_over
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
