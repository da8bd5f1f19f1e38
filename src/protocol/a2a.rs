//! A2A, versions 0.3 and 1.0: JSON-RPC at any address, and REST.
//!
//! An agent answers with a message, or with a task whose status has one. Only what it says to the user is edited: the
//! message, and the status message of a task that is done or asks for something. Artifacts are documents, a task's history
//! is what was said before, and the messages of a task at work tell how far it is.

use http::request;

use super::{
    Claim, Frame, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, history, is_post_of_json,
    is_post_to,
    json::{self, Any, List, Raw, object},
};

/// A2A, as JSON-RPC and as REST.
#[derive(Debug, Clone, Copy, Default)]
pub struct A2a;

const METHODS: [&str; 4] = ["message/send", "message/stream", "SendMessage", "SendStreamingMessage"];

fn is_rest(head: &request::Parts) -> bool {
    is_post_to(head, "/message:send") || is_post_to(head, "/message:stream")
}

impl Protocol for A2a {
    fn name(&self) -> &str {
        "a2a"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        if is_rest(head) { Claim::Yes } else { Claim::unsure(is_post_of_json(head)) }
    }

    fn marks(&self) -> &[&str] {
        &["jsonrpc"]
    }

    fn read(&self, head: &request::Parts, body: &[u8]) -> Recognition {
        let call = if is_rest(head) {
            serde_json::from_slice::<Params<'_>>(body).ok()
        } else {
            let call: Option<Call<'_>> = serde_json::from_slice(body).ok();
            call.filter(|call| METHODS.iter().any(|method| call.method.is(method))).map(|call| call.params)
        };
        match call {
            Some(params) if params.message.parts.get().is_some() => {
                Recognition::of(params.turn(body), TaskReply::default)
            }
            Some(_) | None => Recognition::Foreign,
        }
    }
}

object! {
    struct Call<'a> {
        method: Raw<'a> = "method",
        params: Params<'a> = "params",
    }
}

object! {
    struct Params<'a> {
        message: Message<'a> = "message",
        configuration: Configuration<'a> = "configuration",
    }
}

object! {
    struct Configuration<'a> {
        modes: List<Raw<'a>> = "acceptedOutputModes",
    }
}

object! {
    struct Message<'a> {
        role: Raw<'a> = "role",
        /// Version 0.3 has another name for them over REST.
        parts: Raw<'a> = "parts" | "content",
        context: Raw<'a> = "contextId",
    }
}

object! {
    struct Part<'a> {
        text: Raw<'a> = "text",
    }
}

impl Params<'_> {
    fn turn(&self, body: &[u8]) -> Result<Turn, HandsOff> {
        let is_text =
            |mode: &Raw<'_>| mode.text().is_some_and(|mode| mode.starts_with("text") || mode.starts_with("*/"));
        let modes = &self.configuration.modes.items;
        if !(modes.is_empty() || modes.iter().any(is_text)) {
            return Err(HandsOff::JsonMode);
        }
        let is_user = self.message.role.is("user") || self.message.role.is("ROLE_USER");
        let from = if is_user { history::From::User } else { history::From::Other };
        let message = history::Message { from, content: self.message.parts };
        Ok(Turn { conversation: self.message.context.text(), ..history::turn(&[message], None, body)? })
    }
}

/// Reads the reply to one request.
#[derive(Debug, Default)]
struct TaskReply {
    is_over: bool,
    /// Whether a message has more texts than the first.
    has_more: bool,
    absence: Option<HandsOff>,
}

object! {
    struct Reply<'a> {
        error: Raw<'a> = "error",
        result: Outcome<'a> = "result",
    }
}

object! {
    /// A message, a task, or what happens to one; in version 1.0 inside a member that says which it is.
    struct Outcome<'a> {
        error: Raw<'a> = "error",
        parts: List<Part<'a>> = "parts" | "content",
        status: Status<'a> = "status",
        artifacts: Any = "artifacts" | "artifact",
        message: Said<'a> = "message",
        inner: Inner<'a> = "task" | "statusUpdate" | "artifactUpdate",
    }
}

object! {
    struct Inner<'a> {
        status: Status<'a> = "status",
        artifacts: Any = "artifacts" | "artifact",
    }
}

object! {
    struct Status<'a> {
        state: Raw<'a> = "state",
        message: Said<'a> = "message",
    }
}

object! {
    struct Said<'a> {
        parts: List<Part<'a>> = "parts" | "content",
    }
}

impl TaskReply {
    /// The first text of a message, which is where it begins.
    fn first(&mut self, parts: &List<Part<'_>>, data: &[u8]) -> Option<Piece> {
        let mut spoken = parts.items.iter().filter(|part| part.text.has_words());
        let first = spoken.next()?;
        self.has_more |= spoken.next().is_some();
        first.text.piece_in(data, 0, PieceKind::Copy)
    }

    fn read_status(
        &mut self,
        status: &Status<'_>,
        artifacts: Any,
        data: &[u8],
        pieces: &mut Vec<Piece>,
    ) -> Result<(), HandsOff> {
        let state = status.state.text().unwrap_or_default();
        let state = state.trim_start_matches("TASK_STATE_").to_ascii_lowercase().replace('_', "-");
        match state.as_str() {
            "failed" | "rejected" | "canceled" | "cancelled" => return Err(HandsOff::Error),
            "completed" | "input-required" | "auth-required" => {
                self.is_over = true;
                pieces.extend(self.first(&status.message.parts, data));
            }
            _ => {}
        }
        if artifacts.0 {
            self.absence = Some(HandsOff::NotText);
        }
        Ok(())
    }
}

impl ReplyReader for TaskReply {
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        // REST has no envelope.
        let outcome = if memchr::memmem::find(&data, b"\"jsonrpc\"").is_some() {
            let reply = json::event::<Reply<'_>>(&data, &mut self.absence)?;
            reply.map(|Reply { error, result }| Outcome { error, ..result })
        } else {
            json::event::<Outcome<'_>>(&data, &mut self.absence)?
        };
        let Some(outcome) = outcome else { return Ok(()) };
        if outcome.error.says_something() || frame.event() == Some("error") {
            return Err(HandsOff::Error);
        }
        for parts in [&outcome.parts, &outcome.message.parts] {
            pieces.extend(self.first(parts, &data));
        }
        self.read_status(&outcome.status, outcome.artifacts, &data, pieces)?;
        self.read_status(&outcome.inner.status, outcome.inner.artifacts, &data, pieces)
    }

    fn is_last(&self) -> Option<bool> {
        Some(!self.has_more)
    }

    fn expects_copies(&self) -> bool {
        !self.is_over
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
