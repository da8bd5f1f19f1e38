//! AG-UI: an agent's run as server-sent events, at any address.
//!
//! A snapshot of the messages tells the text again, under the message's id, together with the whole history.

use http::request;
use serde_json::json;

use super::{
    Claim, Frame, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, history, is_post_of_json,
    json::{self, List, Raw, object},
    parts::Parts,
};

/// AG-UI, as server-sent events.
#[derive(Debug, Clone, Copy, Default)]
pub struct AgUi;

impl Protocol for AgUi {
    fn name(&self) -> &str {
        "ag-ui"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::unsure(is_post_of_json(head))
    }

    fn marks(&self) -> &[&str] {
        &["threadId", "runId"]
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        if request.thread.get().is_none() || request.run.get().is_none() || !request.messages.is_there {
            return Recognition::Foreign;
        }
        Recognition::of(request.turn(body), RunReply::default)
    }
}

object! {
    struct Request<'a> {
        thread: Raw<'a> = "threadId",
        run: Raw<'a> = "runId",
        messages: List<Message<'a>> = "messages",
    }
}

object! {
    struct Message<'a> {
        id: Raw<'a> = "id",
        role: Raw<'a> = "role",
        content: Raw<'a> = "content",
    }
}

impl Request<'_> {
    fn turn(&self, body: &[u8]) -> Result<Turn, HandsOff> {
        let messages = self.messages.items.iter();
        let messages: Vec<_> = messages
            .map(|message| history::Message { from: history::From::role(message.role), content: message.content })
            .collect();
        Ok(Turn { conversation: self.thread.text(), ..history::turn(&messages, None, body)? })
    }
}

/// Reads the events of one run.
#[derive(Debug, Default)]
struct RunReply {
    spoken: Parts<String>,
    /// Which message is being written, and whether the bot says it.
    open: Option<(String, bool)>,
    has_begun: bool,
    /// Whether a tool is called or the bot thinks: chunks of those must not be parted.
    is_busy: bool,
    /// Whether the message that is open came in a chunk: whatever else comes ends it.
    is_chunked: bool,
    /// Whether the latest text is the last; nothing until what comes behind it shows.
    is_last: Option<bool>,
    is_over: bool,
    absence: Option<HandsOff>,
}

object! {
    struct Event<'a> {
        kind: Raw<'a> = "type",
        message: Raw<'a> = "messageId",
        role: Raw<'a> = "role",
        delta: Raw<'a> = "delta",
        messages: List<Message<'a>> = "messages",
    }
}

impl RunReply {
    /// Notes which message is being written.
    fn open(&mut self, event: &Event<'_>) {
        if let Some(id) = event.message.text()
            && self.open.as_ref().is_none_or(|(open, _)| *open != id)
        {
            let is_spoken = event.role.get().is_none() || event.role.is("assistant");
            self.open = Some((id, is_spoken));
        }
    }

    fn words(&mut self, event: &Event<'_>, data: &[u8]) -> Option<Piece> {
        self.open(event);
        let (id, is_spoken) = self.open.as_ref()?;
        if *is_spoken { self.spoken.add(id.clone(), event.delta, data) } else { None }
    }

    /// The text, as a snapshot tells it: by its message's id, or, where nothing has been said yet, the first answer to the
    /// user's latest message.
    fn snapshot(&mut self, messages: &[Message<'_>], data: &[u8], pieces: &mut Vec<Piece>) {
        if let Some(told) = self.spoken.part() {
            let found = messages.iter().find(|message| message.id.is(told));
            pieces.extend(found.and_then(|found| found.content.piece_in(data, 0, PieceKind::Copy)));
            let later = self.spoken.later();
            let found = later.and_then(|later| messages.iter().find(|message| message.id.is(later)));
            pieces.extend(found.and_then(|found| found.content.piece_in(data, 0, PieceKind::LaterCopy)));
            return;
        }
        let asked = messages.iter().rposition(|message| message.role.is("user"));
        let answers = asked.and_then(|asked| messages.get(asked + 1..)).unwrap_or_default().iter();
        for answer in answers.filter(|message| message.role.is("assistant") && message.content.has_words()) {
            let Some(id) = answer.id.text() else { return };
            // What is told again from here on is this.
            let is_first = self.spoken.part().is_none();
            let piece = self.spoken.add(id.clone(), answer.content, data);
            pieces.extend(piece.map(|piece| if is_first { Piece { kind: PieceKind::Copy, ..piece } } else { piece }));
            pieces.extend(self.spoken.end(&id));
        }
    }

    /// The end of a message that came in chunks, which everything is but one more of its own.
    fn end_chunks(&mut self, kind: &str, message: Raw<'_>) -> Option<Piece> {
        let is_own = |id: &String| kind == "TEXT_MESSAGE_CHUNK" && (message.get().is_none() || message.is(id));
        if !self.is_chunked || kind == "RAW" || self.open.as_ref().is_some_and(|(id, _)| is_own(id)) {
            return None;
        }
        self.is_chunked = false;
        let (id, _) = self.open.take()?;
        self.spoken.end(&id)
    }
}

impl ReplyReader for RunReply {
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(event) = json::event::<Event<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        let kind = event.kind.text().unwrap_or_default();
        pieces.extend(self.end_chunks(&kind, event.message));
        match kind.as_str() {
            "RUN_STARTED" => self.has_begun = true,
            "TEXT_MESSAGE_START" => self.open(&event),
            "TEXT_MESSAGE_CONTENT" | "TEXT_MESSAGE_CHUNK" => {
                self.is_chunked = kind == "TEXT_MESSAGE_CHUNK";
                let words = self.words(&event, &data);
                if words.is_some() && event.delta.has_words() {
                    self.is_last = None;
                }
                pieces.extend(words);
            }
            "TEXT_MESSAGE_END" => pieces.extend(event.message.text().and_then(|id| self.spoken.end(&id))),
            "MESSAGES_SNAPSHOT" => self.snapshot(&event.messages.items, &data, pieces),
            "RUN_FINISHED" => {
                self.is_over = true;
                self.is_last.get_or_insert(true);
                pieces.push(Piece::end(0));
            }
            "RUN_ERROR" => return Err(HandsOff::Error),
            "TOOL_CALL_END" | "TOOL_CALL_RESULT" | "REASONING_END" | "REASONING_MESSAGE_END" | "THINKING_END" => {
                self.is_busy = false;
            }
            "REASONING_ENCRYPTED_VALUE" => {}
            _ if kind.starts_with("REASONING") || kind.starts_with("THINKING") => {
                self.is_busy = true;
                self.is_last = Some(false);
            }
            _ if kind.starts_with("TOOL_CALL") => {
                self.is_busy = true;
                self.is_last = Some(false);
                self.absence.get_or_insert(HandsOff::ToolCall);
            }
            _ => {}
        }
        Ok(())
    }

    fn expects_copies(&self) -> bool {
        !self.is_over
    }

    fn first_piece(&self, words: &str) -> Option<Vec<u8>> {
        // A run must have begun, and no message be open.
        let event = |kind: &str, rest: &str, value: &str| {
            let event = json!({"type": kind, "messageId": "undertone", rest: value});
            format!("data: {event}\n\n")
        };
        let events = [
            event("TEXT_MESSAGE_START", "role", "assistant"),
            event("TEXT_MESSAGE_CONTENT", "delta", words),
            format!("data: {}\n\n", json!({"type": "TEXT_MESSAGE_END", "messageId": "undertone"})),
        ];
        (self.has_begun && !self.is_busy && self.open.is_none()).then(|| events.concat().into_bytes())
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
