//! OpenAI Chat Completions: `POST …/chat/completions`, plain and streamed.
//!
//! Read after the OpenAPI description of the API and the traps of compatible servers (llama.cpp, vLLM, Mistral, TGI,
//! Azure, MiniMax): state is kept by choice, never by `id`; `index` counts only where the client asked for several
//! choices, because some servers raise it with every token; some servers stream `message` in place of `delta`.

use http::request;
use jiff::Timestamp;
use serde_json::json;

use super::{
    Claim, Frame, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, alternative, history,
    is_post_to,
    json::{self, Any, List, Raw, object},
};

/// What each chunk of a reply says of it.
const HEAD: [&str; 6] = ["id", "object", "created", "model", "service_tier", "system_fingerprint"];

/// The API's own bound on `n`.
const MAX_CHOICES: usize = 128;

/// OpenAI Chat Completions, as OpenAI and everything compatible speak it.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenAiChat;

impl Protocol for OpenAiChat {
    fn name(&self) -> &str {
        "openai-chat"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::sure(is_post_to(head, "/chat/completions"))
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        if !request.messages.is_there || request.messages.items.iter().any(|message| message.role.get().is_none()) {
            return Recognition::Foreign;
        }
        Recognition::of(request.turn(body), || {
            ChatReply::new(request.choices(), request.model.text().unwrap_or_default())
        })
    }
}

object! {
    struct Request<'a> {
        messages: List<Message<'a>> = "messages",
        model: Raw<'a> = "model",
        n: Raw<'a> = "n",
        response_format: Raw<'a> = "response_format",
        modalities: Raw<'a> = "modalities",
        logprobs: Raw<'a> = "logprobs",
        max_tokens: Raw<'a> = "max_tokens" | "max_completion_tokens",
        /// What binds the output on vLLM, SGLang, llama.cpp, TGI, Ollama and OpenAI.
        bound: Any = "guided_json" | "guided_regex" | "guided_choice" | "guided_grammar" | "structured_outputs"
            | "grammar" | "json_schema" | "regex" | "ebnf" | "structural_tag" | "format" | "logit_bias",
        /// Asks for citations, which point into the text by offset.
        cites: Raw<'a> = "web_search_options",
    }
}

object! {
    struct Message<'a> {
        role: Raw<'a> = "role",
        content: Raw<'a> = "content",
    }
}

/// Whether a format binds the output: anything but text, as an object or by its bare name.
pub(super) fn binds(format: Raw<'_>) -> bool {
    let kind = match format.get() {
        Some(raw) if raw.starts_with('{') => format.member("type"),
        _ => format,
    };
    kind.get().is_some() && !kind.is("text")
}

impl Request<'_> {
    fn choices(&self) -> usize {
        self.n.number().unwrap_or(1).clamp(1, MAX_CHOICES)
    }

    fn turn(&self, body: &[u8]) -> Result<Turn, HandsOff> {
        if binds(self.response_format) || self.bound.0 || self.max_tokens.number() == Some(1) {
            return Err(HandsOff::JsonMode);
        }
        if self.modalities.items().any(|modality| !modality.is("text")) {
            return Err(HandsOff::NotText);
        }
        if self.logprobs.says_something() {
            return Err(HandsOff::Logprobs);
        }
        if self.cites.get().is_some() {
            return Err(HandsOff::Offsets);
        }
        let messages = self.messages.items.iter();
        let messages: Vec<_> = messages
            .map(|message| history::Message { from: history::From::role(message.role), content: message.content })
            .collect();
        // `user` names a person, not a conversation; the history is in the request itself.
        history::turn(&messages, None, body)
    }
}

/// Reads the reply to one request.
#[derive(Debug)]
struct ChatReply {
    /// How many choices the client asked for, 1 to 128.
    choices: usize,
    /// Whether pieces of text have come.
    has_deltas: bool,
    /// Whether the server is one that tells the whole text again in the end.
    tells_again: bool,
    is_over: bool,
    /// What each chunk says of the reply (its id, its model, its time), once one has, and the model that was asked for.
    head: Option<serde_json::Map<String, serde_json::Value>>,
    model: String,
    /// Whether tools have been called.
    calls: bool,
    absence: Option<HandsOff>,
}

impl ChatReply {
    const fn new(choices: usize, model: String) -> Self {
        Self {
            choices,
            has_deltas: false,
            tells_again: false,
            is_over: false,
            head: None,
            model,
            calls: false,
            absence: None,
        }
    }
}

object! {
    struct Reply<'a> {
        error: Raw<'a> = "error",
        id: Raw<'a> = "id",
        choices: List<Choice<'a>> = "choices",
        /// MiniMax's own members: its last chunk has the whole message in it.
        of_minimax: Raw<'a> = "input_sensitive" | "base_resp",
    }
}

object! {
    struct Choice<'a> {
        index: Raw<'a> = "index",
        message: Answer<'a> = "message",
        delta: Answer<'a> = "delta",
        finish_reason: Raw<'a> = "finish_reason",
        logprobs: Any = "logprobs",
        filter_offsets: Any = "content_filter_offsets",
    }
}

object! {
    struct Answer<'a> {
        content: Raw<'a> = "content",
        refusal: Any = "refusal",
        calls: Any = "tool_calls" | "function_call",
        annotations: Raw<'a> = "annotations",
    }
}

impl Answer<'_> {
    /// Adds the pieces of text in this answer.
    fn read(&self, data: &[u8], text: usize, kind: PieceKind, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        if self.refusal.0 {
            return Err(HandsOff::Refusal);
        }
        if self.annotations.get().is_some() && !are_files(self.annotations) {
            return Err(HandsOff::Offsets);
        }
        if let Some(span) = self.content.span_in(data) {
            pieces.push(Piece::json(text, span, kind));
            return Ok(());
        }
        if !self.content.is_list() && self.content.says_something() {
            return Err(HandsOff::NotText);
        }
        // Some reasoning models send a list of parts, and think in some of them.
        let spoken = self.content.items().filter(|part| part.member("type").is("text"));
        pieces.extend(spoken.filter_map(|part| part.member("text").piece_in(data, text, kind)));
        Ok(())
    }
}

/// Whether all annotations are about files, and so point to no place in the text.
fn are_files(annotations: Raw<'_>) -> bool {
    annotations.is_list() && annotations.items().all(|annotation| annotation.member("type").is("file"))
}

impl ReplyReader for ChatReply {
    fn texts(&self) -> usize {
        self.choices
    }

    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(reply) = json::event::<Reply<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        if reply.error.says_something() || frame.event() == Some("error") {
            return Err(HandsOff::Error);
        }
        if !reply.choices.is_there {
            self.absence = Some(HandsOff::Unreadable);
            return Ok(());
        }
        if self.head.is_none() && reply.id.get().is_some() && self.is_chunk(&reply) {
            self.head =
                serde_json::from_slice(&data).ok().map(|mut head: serde_json::Map<String, serde_json::Value>| {
                    head.retain(|name, value| HEAD.contains(&name.as_str()) && !value.is_null());
                    head
                });
        }
        self.tells_again |= reply.of_minimax.get().is_some();
        for (position, choice) in reply.choices.items.iter().enumerate() {
            // Nobody asked for a second one.
            if self.choices == 1 && position > 0 {
                break;
            }
            let text = if self.choices == 1 { 0 } else { choice.index.number().unwrap_or(position) };
            let found = pieces.len();
            let read = self.read_choice(choice, &data, text, pieces);
            self.absence = alternative(read, self.choices == 1, found, pieces)?.or(self.absence);
        }
        Ok(())
    }

    fn expects_copies(&self) -> bool {
        self.tells_again && !self.is_over
    }

    fn first_piece(&self, words: &str) -> Option<Vec<u8>> {
        (self.choices == 1).then(|| self.chunk(0, words))
    }

    fn next_piece(&self, text: usize, words: &str) -> Option<Vec<u8>> {
        Some(self.chunk(text, words))
    }

    fn is_last(&self) -> Option<bool> {
        // After a call the turn goes on.
        Some(!self.calls)
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}

impl ChatReply {
    /// Whether this is one chunk of several, and so small.
    fn is_chunk(&self, reply: &Reply<'_>) -> bool {
        reply.choices.items.iter().all(|choice| choice.message.content.get().is_none())
    }

    /// A chunk of the bot's own with words and nothing else: a role would be added to the role there is.
    fn chunk(&self, index: usize, words: &str) -> Vec<u8> {
        let choice = json!({"index": index, "delta": {"content": words}, "finish_reason": null});
        let mut chunk = self.head.clone().unwrap_or_else(|| {
            let head = json!({
                "id": "chatcmpl-undertone",
                "object": "chat.completion.chunk",
                "created": Timestamp::now().as_second(),
                "model": self.model,
            });
            head.as_object().cloned().unwrap_or_default()
        });
        chunk.insert("choices".to_owned(), json!([choice]));
        let chunk = serde_json::Value::Object(chunk);
        format!("data: {chunk}\n\n").into_bytes()
    }

    fn read_choice(
        &mut self,
        choice: &Choice<'_>,
        data: &[u8],
        text: usize,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), HandsOff> {
        if choice.finish_reason.is("content_filter") {
            return Err(HandsOff::Refusal);
        }
        if choice.logprobs.0 {
            return Err(HandsOff::Logprobs);
        }
        if choice.filter_offsets.0 {
            return Err(HandsOff::Offsets);
        }
        let found = pieces.len();
        choice.delta.read(data, text, PieceKind::Delta, pieces)?;
        self.has_deltas |= pieces.len() > found;
        // A message beside a delta repeats what has come so far, and nobody reads it. One in place of a delta is the text
        // itself, or, after deltas, all of it once more.
        if pieces.len() == found {
            let kind = if self.has_deltas { PieceKind::Repeat } else { PieceKind::Delta };
            choice.message.read(data, text, kind, pieces)?;
        }
        self.calls |= choice.delta.calls.0 || choice.message.calls.0;
        if pieces.len() == found && (choice.delta.calls.0 || choice.message.calls.0) {
            self.absence = Some(HandsOff::ToolCall);
        }
        if choice.finish_reason.says_something() {
            self.is_over = true;
            pieces.push(Piece::end(text));
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test fails by panicking")]
#[path = "openai_chat_tests.rs"]
mod tests;
