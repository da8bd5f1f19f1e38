//! Ollama's own API: `POST /api/chat` and `POST /api/generate`, streamed as NDJSON unless the request says otherwise.
//!
//! (The same server speaks the formats of OpenAI and Anthropic as well, at other addresses.) What a model thinks is in a
//! field of its own.

use http::request;
use jiff::Timestamp;
use serde_json::json;

use super::{
    Claim, Frame, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, history, is_post_to,
    json::{self, Any, List, Raw, object},
};

/// Ollama's own API.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ollama;

impl Protocol for Ollama {
    fn name(&self) -> &str {
        "ollama"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        // Whatever the request's media type: Ollama does not look at it. The addresses are used by others, too.
        Claim::unsure(is_post_to(head, "/api/chat") || is_post_to(head, "/api/generate"))
    }

    fn marks(&self) -> &[&str] {
        &["model"]
    }

    fn read(&self, head: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        let is_chat = is_post_to(head, "/api/chat");
        let has_roles = |message: &Message<'_>| message.role.get().is_some() && !message.parts.is_there;
        let is_ours = if is_chat {
            request.messages.is_there && request.messages.items.iter().all(has_roles)
        } else {
            !request.messages.is_there
        };
        if request.model.get().is_none() || !is_ours {
            return Recognition::Foreign;
        }
        let model = request.model.text().unwrap_or_default();
        let turn = if is_chat { request.chat(body) } else { request.generate() };
        Recognition::of(turn, || OllamaReply { is_chat, model, ..OllamaReply::default() })
    }
}

object! {
    struct Request<'a> {
        model: Raw<'a> = "model",
        messages: List<Message<'a>> = "messages",
        prompt: Raw<'a> = "prompt",
        system: Raw<'a> = "system",
        format: Any = "format",
        /// The prompt is no turn: it goes to the model as it is, or the reply goes into the middle of something.
        fills: Any = "raw" | "suffix",
        logprobs: Any = "logprobs",
        options: Options<'a> = "options",
    }
}

object! {
    struct Options<'a> {
        max_tokens: Raw<'a> = "num_predict",
    }
}

object! {
    struct Message<'a> {
        role: Raw<'a> = "role",
        content: Raw<'a> = "content",
        /// What Vercel's SDK sends to an address of the same name.
        parts: List<serde::de::IgnoredAny> = "parts",
    }
}

impl<'a> Message<'a> {
    /// The server takes roles in any case.
    fn read(&self) -> history::Message<'a> {
        let role = self.role.text().unwrap_or_default().to_ascii_lowercase();
        history::Message { from: history::From::named(&role), content: self.content }
    }
}

impl Request<'_> {
    fn check(&self) -> Result<(), HandsOff> {
        if self.format.0 || self.fills.0 || self.options.max_tokens.number() == Some(1) {
            return Err(HandsOff::JsonMode);
        }
        if self.logprobs.0 { Err(HandsOff::Logprobs) } else { Ok(()) }
    }

    fn chat(&self, body: &[u8]) -> Result<Turn, HandsOff> {
        self.check()?;
        let messages: Vec<_> = self.messages.items.iter().map(Message::read).collect();
        history::turn(&messages, None, body)
    }

    fn generate(&self) -> Result<Turn, HandsOff> {
        self.check()?;
        let text = self.prompt.text().unwrap_or_default();
        history::check(&text, self.system.text().as_deref())?;
        Ok(Turn { text, ..Turn::default() })
    }
}

/// Reads the reply to one request.
#[derive(Debug, Default)]
struct OllamaReply {
    is_chat: bool,
    model: String,
    calls: bool,
    absence: Option<HandsOff>,
}

object! {
    struct Line<'a> {
        message: Answer<'a> = "message",
        response: Raw<'a> = "response",
        is_done: Any = "done",
        error: Raw<'a> = "error",
        logprobs: Any = "logprobs",
    }
}

object! {
    struct Answer<'a> {
        content: Raw<'a> = "content",
        calls: Any = "tool_calls",
    }
}

impl ReplyReader for OllamaReply {
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(line) = json::event::<Line<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        if line.error.says_something() {
            return Err(HandsOff::Error);
        }
        if line.logprobs.0 {
            return Err(HandsOff::Logprobs);
        }
        if line.message.calls.0 {
            self.calls = true;
            self.absence.get_or_insert(HandsOff::ToolCall);
        }
        let found = [line.message.content, line.response];
        pieces.extend(found.into_iter().filter_map(|text| text.piece_in(&data, 0, PieceKind::Delta)));
        if line.is_done.0 {
            pieces.push(Piece::end(0));
        }
        Ok(())
    }

    fn first_piece(&self, words: &str) -> Option<Vec<u8>> {
        let mut line = json!({"model": self.model, "created_at": Timestamp::now().to_string(), "done": false});
        let (name, text) = if self.is_chat {
            ("message", json!({"role": "assistant", "content": words}))
        } else {
            ("response", json!(words))
        };
        line.as_object_mut()?.insert(name.to_owned(), text);
        Some(format!("{line}\n").into_bytes())
    }

    fn is_last(&self) -> Option<bool> {
        // After a call the turn goes on.
        Some(!self.calls)
    }

    fn may_repeat(&self) -> bool {
        true
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
