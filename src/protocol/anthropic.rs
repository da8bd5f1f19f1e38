//! Anthropic Messages: `POST …/messages`, plain and streamed.
//!
//! Thoughts and tool calls may stand before the text, and several texts between tool calls: the sentence goes into the
//! first. A thought is signed and must come back unaltered. Results of tools are sent as messages of the user.

use http::request;
use serde_json::json;

use super::{
    Claim, Frame, HandsOff, Piece, Protocol, Recognition, ReplyReader, Turn, history, is_post_to,
    json::{self, List, Raw, object},
    parts::{self, Parts},
};

/// Anthropic Messages, as Anthropic and everything compatible speak it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Anthropic;

impl Protocol for Anthropic {
    fn name(&self) -> &str {
        "anthropic"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        let has_version = head.headers.contains_key("anthropic-version");
        Claim::sure(is_post_to(head, "/v1/messages") || (has_version && is_post_to(head, "/messages")))
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        if !request.messages.is_there || request.messages.items.iter().any(|message| message.role.get().is_none()) {
            return Recognition::Foreign;
        }
        Recognition::of(request.turn(body), MessageReply::default)
    }
}

object! {
    struct Request<'a> {
        messages: List<Message<'a>> = "messages",
        system: Raw<'a> = "system",
        max_tokens: Raw<'a> = "max_tokens",
        output_config: OutputConfig<'a> = "output_config",
        output_format: Raw<'a> = "output_format",
    }
}

object! {
    struct OutputConfig<'a> {
        format: Raw<'a> = "format",
    }
}

object! {
    struct Message<'a> {
        role: Raw<'a> = "role",
        content: Raw<'a> = "content",
    }
}

object! {
    struct Block<'a> {
        kind: Raw<'a> = "type",
        text: Raw<'a> = "text",
    }
}

impl Block<'_> {
    /// Whether it calls a tool, the client's or the server's: the turn goes on behind it.
    fn calls(&self) -> bool {
        self.kind.get().is_some_and(|kind| kind.ends_with("tool_use\""))
    }
}

impl<'a> Message<'a> {
    fn read(&self) -> history::Message<'a> {
        history::Message { from: history::From::role(self.role), content: self.content }.unless_of_tools()
    }
}

impl Request<'_> {
    fn turn(&self, body: &[u8]) -> Result<Turn, HandsOff> {
        let is_bound = self.output_config.format.get().is_some() || self.output_format.get().is_some();
        if is_bound || self.max_tokens.number() == Some(1) {
            return Err(HandsOff::JsonMode);
        }
        let messages: Vec<_> = self.messages.items.iter().map(Message::read).collect();
        let system = self.system.get().map(|_| json::content(self.system));
        history::turn(&messages, system, body)
    }
}

/// Reads the reply to one request: the first block of text that has words, and those behind it.
#[derive(Debug, Default)]
struct MessageReply {
    blocks: Parts<usize>,
    /// The block of text that is being written.
    open: Option<usize>,
    /// Whether the latest text is the last; nothing until what comes behind it shows.
    is_last: Option<bool>,
    absence: Option<HandsOff>,
}

object! {
    /// An event of a stream, or the message itself.
    struct Event<'a> {
        kind: Raw<'a> = "type",
        index: Raw<'a> = "index",
        block: Block<'a> = "content_block",
        delta: Delta<'a> = "delta",
        content: List<Block<'a>> = "content",
        stop_reason: Raw<'a> = "stop_reason",
        error: Raw<'a> = "error",
    }
}

object! {
    struct Delta<'a> {
        kind: Raw<'a> = "type",
        text: Raw<'a> = "text",
        stop_reason: Raw<'a> = "stop_reason",
    }
}

impl MessageReply {
    fn note(&mut self, block: &Block<'_>) {
        if block.calls() {
            self.absence.get_or_insert(HandsOff::ToolCall);
        }
    }

    fn read_message(&mut self, message: &Event<'_>, data: &[u8], pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        if message.stop_reason.is("refusal") {
            return Err(HandsOff::Refusal);
        }
        let blocks = &message.content.items;
        blocks.iter().for_each(|block| self.note(block));
        let has_words = |block: &&Block<'_>| block.kind.is("text") && block.text.has_words();
        pieces.extend(parts::whole(blocks.iter().filter(has_words).map(|block| block.text), data, false));
        self.is_last = Some(
            !goes_on(message.stop_reason)
                && !blocks.iter().rev().take_while(|block| !has_words(block)).any(Block::calls),
        );
        Ok(())
    }
}

/// Whether a message stops for the turn to go on.
fn goes_on(stop_reason: Raw<'_>) -> bool {
    stop_reason.is("tool_use") || stop_reason.is("pause_turn")
}

impl ReplyReader for MessageReply {
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(event) = json::event::<Event<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        if event.error.says_something() || event.kind.is("error") || frame.event() == Some("error") {
            return Err(HandsOff::Error);
        }
        let index = event.index.number().unwrap_or(0);
        if event.kind.is("message") {
            self.read_message(&event, &data, pieces)?;
        } else if event.kind.is("content_block_start") {
            self.note(&event.block);
            if !event.block.kind.is("text") {
                self.is_last = Some(false);
            } else if event.block.text.has_words() {
                self.is_last = None;
            }
            self.open = Some(index).filter(|_| event.block.kind.is("text"));
            if event.block.kind.is("text") {
                pieces.extend(self.blocks.add(index, event.block.text, &data));
            }
        } else if event.kind.is("content_block_delta") && event.delta.kind.is("text_delta") {
            if event.delta.text.has_words() {
                self.is_last = None;
            }
            pieces.extend(self.blocks.add(index, event.delta.text, &data));
        } else if event.kind.is("content_block_stop") {
            self.open = None;
            pieces.extend(self.blocks.end(&index));
        } else if event.kind.is("message_delta") && event.delta.stop_reason.is("refusal") {
            return Err(HandsOff::Refusal);
        } else if event.kind.is("message_delta") && goes_on(event.delta.stop_reason) {
            self.is_last = Some(false);
        } else if event.kind.is("message_delta") || event.kind.is("message_stop") {
            self.is_last.get_or_insert(true);
        } else if event.kind.get().is_none() {
            self.absence = Some(HandsOff::Unreadable);
        }
        Ok(())
    }

    fn first_piece(&self, words: &str) -> Option<Vec<u8>> {
        // A block of text must be open, and nothing in it.
        let index = self.open.filter(|_| self.blocks.part().is_none())?;
        let delta = json!({"type": "text_delta", "text": words});
        let event = json!({"type": "content_block_delta", "index": index, "delta": delta});
        Some(format!("event: content_block_delta\ndata: {event}\n\n").into_bytes())
    }

    fn is_last(&self) -> Option<bool> {
        self.is_last
    }

    fn may_repeat(&self) -> bool {
        true
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
