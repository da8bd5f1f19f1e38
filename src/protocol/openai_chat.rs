//! OpenAI Chat Completions: `POST …/chat/completions`, plain and streamed.
//!
//! Read after the OpenAPI description of the API and the traps of compatible servers (llama.cpp, vLLM, Mistral, TGI,
//! Azure): state is kept by choice, never by `id`; `index` counts only where the client asked for several choices,
//! because some servers raise it with every token.

use std::borrow::Cow;

use http::{Method, request};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{LeftAlone, Protocol, Recognition, ReplyFormat, Text, Turn, text_in};

/// The API's own bound on `n`.
const MAX_CHOICES: usize = 128;

/// OpenAI Chat Completions, as OpenAI and everything compatible speak it.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenAiChat;

impl Protocol for OpenAiChat {
    fn name(&self) -> &str {
        "openai-chat"
    }

    fn matches(&self, head: &request::Parts) -> bool {
        head.method == Method::POST && head.uri.path().trim_end_matches('/').ends_with("/chat/completions")
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        match request.turn() {
            Ok(turn) => Recognition::Exchange { turn, reply: Box::new(ChatReply { choices: request.choices() }) },
            Err(reason) => Recognition::LeftAlone(reason),
        }
    }
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    n: Option<usize>,
    #[serde(borrow)]
    response_format: Option<Typed<'a>>,
    #[serde(borrow)]
    modalities: Option<Vec<Cow<'a, str>>>,
    logprobs: Option<bool>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

impl Message<'_> {
    /// The words in this message: a string, or the text parts of an array.
    fn text(&self) -> String {
        match self.content.map(|raw| serde_json::from_str(raw.get())) {
            Some(Ok(Content::Text(text))) => text.into_owned(),
            Some(Ok(Content::Parts(parts))) => {
                parts.into_iter().filter_map(|part| part.text).collect::<Vec<_>>().join("\n")
            }
            Some(Err(_)) | None => String::new(),
        }
    }
}

impl Request<'_> {
    fn choices(&self) -> usize {
        self.n.unwrap_or(1).clamp(1, MAX_CHOICES)
    }

    fn turn(&self) -> Result<Turn, LeftAlone> {
        if self.response_format.as_ref().is_some_and(|format| format.kind != "text") {
            return Err(LeftAlone::JsonMode);
        }
        if self.modalities.as_ref().is_some_and(|wanted| wanted.iter().any(|modality| modality != "text")) {
            return Err(LeftAlone::NotText);
        }
        if self.logprobs == Some(true) {
            return Err(LeftAlone::Logprobs);
        }
        let newest = self.messages.iter().rposition(|message| message.role == "user").ok_or(LeftAlone::NoTurn)?;
        let (before, from_turn) = self.messages.split_at(newest);
        let (turn, after) = from_turn.split_first().ok_or(LeftAlone::NoTurn)?;
        // Tool calls and their results may stand between the turn and its reply; words of the bot are its beginning,
        // and an assistant message at the end is a prefill.
        let is_prefill = after.last().is_some_and(|message| message.role == "assistant");
        if is_prefill || after.iter().any(|m| m.role == "assistant" && !m.text().trim().is_empty()) {
            return Err(LeftAlone::Continuation);
        }
        let text = turn.text();
        if text.trim().is_empty() {
            return Err(LeftAlone::NoTurn);
        }
        Ok(Turn {
            text,
            // `user` names a person, not a conversation; the history is in the request itself.
            conversation: None,
            ordinal: before.iter().filter(|message| message.role == "user").count(),
            last_reply: before.iter().rev().find(|message| message.role == "assistant").map(Message::text),
        })
    }
}

/// Where the texts of the reply to one request are.
#[derive(Debug)]
struct ChatReply {
    /// How many choices the client asked for, 1 to 128.
    choices: usize,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    choices: Option<Vec<Choice<'a>>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    index: Option<usize>,
    #[serde(borrow)]
    message: Option<Answer<'a>>,
    #[serde(borrow)]
    delta: Option<Answer<'a>>,
    #[serde(borrow)]
    finish_reason: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    annotations: Option<Vec<&'a RawValue>>,
}

impl Answer<'_> {
    fn text(&self, body: &[u8], place: usize) -> Result<Text, LeftAlone> {
        if self.refusal.is_some() {
            return Err(LeftAlone::Refusal);
        }
        let Some(content) = self.content else {
            let calls = self.tool_calls.is_some() || self.function_call.is_some();
            return Err(if calls { LeftAlone::ToolCall } else { LeftAlone::Empty });
        };
        // Citations point into the text by offset.
        if self.annotations.as_ref().is_some_and(|annotations| !annotations.is_empty()) {
            return Err(LeftAlone::Offsets);
        }
        // Some reasoning models send an array of parts.
        if !content.get().starts_with('"') {
            return Err(LeftAlone::NotText);
        }
        text_in(body, content, place).ok_or(LeftAlone::Unreadable)
    }
}

impl ReplyFormat for ChatReply {
    fn places(&self) -> usize {
        self.choices
    }

    fn texts(&self, body: &[u8]) -> Result<Vec<Text>, LeftAlone> {
        let reply: Reply<'_> = serde_json::from_slice(body).map_err(|_| LeftAlone::Unreadable)?;
        if reply.error.is_some() {
            return Err(LeftAlone::Error);
        }
        let choices = reply.choices.ok_or(LeftAlone::Unreadable)?;
        let mut texts = Vec::with_capacity(choices.len());
        let mut reason = LeftAlone::Empty;
        for (place, choice) in choices.iter().enumerate() {
            let text = match &choice.message {
                _ if choice.finish_reason.as_deref() == Some("content_filter") => Err(LeftAlone::Refusal),
                Some(message) => message.text(body, place),
                None => Err(LeftAlone::Unreadable),
            };
            match text {
                Ok(text) if text.text.trim().is_empty() => {}
                Ok(text) => texts.push(text),
                Err(why) => reason = why,
            }
        }
        if texts.is_empty() { Err(reason) } else { Ok(texts) }
    }

    fn deltas(&mut self, event: &[u8]) -> Result<Vec<Text>, LeftAlone> {
        // `[DONE]`, or something this file does not know: passes on.
        let Ok(chunk) = serde_json::from_slice::<Reply<'_>>(event) else { return Ok(Vec::new()) };
        if chunk.error.is_some() {
            return Err(LeftAlone::Error);
        }
        let mut texts = Vec::new();
        for choice in chunk.choices.iter().flatten() {
            let Some(delta) = &choice.delta else { continue };
            let place = if self.choices == 1 { 0 } else { choice.index.unwrap_or(0) };
            match delta.text(event, place) {
                Ok(text) => texts.push(text),
                // The opening delta has the role alone, later ones a call: text may still come.
                Err(LeftAlone::Empty | LeftAlone::ToolCall) => {}
                Err(reason) => return Err(reason),
            }
        }
        Ok(texts)
    }
}

#[cfg(test)]
#[path = "openai_chat_tests.rs"]
mod tests;
