//! OpenAI Responses: `POST …/responses`, plain and streamed.
//!
//! A stream is a sequence of typed events. The text comes in `response.output_text.delta` and is then told again, in
//! `response.output_text.done`, `response.content_part.done`, `response.output_item.done` and `response.completed`; the
//! official client shows the first and returns the last, so that all must agree. Citations count characters from the
//! beginning of their part.

use http::request;

use super::{
    Claim, Frame, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, Unit, history, is_post_to,
    json::{self, Any, List, Raw, object},
    openai_chat::binds,
};

/// OpenAI Responses, as OpenAI and everything compatible speak it.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenAiResponses;

impl Protocol for OpenAiResponses {
    fn name(&self) -> &str {
        "openai-responses"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::sure(is_post_to(head, "/responses"))
    }

    fn read(&self, _: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(mut request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        if !request.items.is_there {
            let Ok(input) = serde_json::from_slice::<Input<'_>>(body) else { return Recognition::Foreign };
            request.input = input.input;
        }
        let has_input = request.items.is_there || request.input.get().is_some();
        if !has_input || request.messages.get().is_some() {
            return Recognition::Foreign;
        }
        Recognition::of(request.turn(body), ResponsesReply::default)
    }
}

object! {
    struct Request<'a> {
        items: List<Message<'a>> = "input",
        /// The input where it is no list, read apart: most of them are long lists, over which once is enough.
        input: Raw<'a> = "",
        messages: Raw<'a> = "messages",
        text: TextSettings<'a> = "text",
        instructions: Raw<'a> = "instructions",
        conversation: Raw<'a> = "conversation",
        background: Any = "background",
        top_logprobs: Any = "top_logprobs",
        max_output_tokens: Raw<'a> = "max_output_tokens",
    }
}

object! {
    struct Input<'a> {
        input: Raw<'a> = "input",
    }
}

object! {
    struct TextSettings<'a> {
        format: Raw<'a> = "format",
    }
}

object! {
    struct Named<'a> {
        id: Raw<'a> = "id",
    }
}

object! {
    /// An item of the input; one without a type is a message.
    struct Message<'a> {
        kind: Raw<'a> = "type",
        role: Raw<'a> = "role",
        content: Raw<'a> = "content",
    }
}

impl<'a> Message<'a> {
    fn message(&self) -> history::Message<'a> {
        let is_message = self.kind.get().is_none() || self.kind.is("message");
        let from = if is_message { history::From::role(self.role) } else { history::From::Other };
        history::Message { from, content: self.content }
    }
}

impl Request<'_> {
    fn turn(&self, body: &[u8]) -> Result<Turn, HandsOff> {
        if binds(self.text.format) || self.max_output_tokens.number() == Some(1) {
            return Err(HandsOff::JsonMode);
        }
        if self.background.0 {
            return Err(HandsOff::Background);
        }
        if self.top_logprobs.0 {
            return Err(HandsOff::Logprobs);
        }
        let conversation = self.conversation.text().or_else(|| self.conversation.read::<Named<'_>>().id.text());
        let instructions = self.instructions.text();
        if let Some(text) = self.input.text() {
            history::check(&text, instructions.as_deref())?;
            return Ok(Turn { text, conversation, ..Turn::default() });
        }
        let messages: Vec<_> = self.items.items.iter().map(Message::message).collect();
        Ok(Turn { conversation, ..history::turn(&messages, instructions, body)? })
    }
}

/// Reads the reply to one request: the first text of its first message.
#[derive(Debug, Default)]
struct ResponsesReply {
    /// Which item of the output, and which part of its content.
    target: Option<(usize, usize)>,
    is_over: bool,
    /// Whether there is more text behind it that no words can stand behind.
    has_more: bool,
    absence: Option<HandsOff>,
}

object! {
    /// An event of a stream; or, without a type, the response itself.
    struct Event<'a> {
        kind: Raw<'a> = "type",
        output_index: Raw<'a> = "output_index",
        content_index: Raw<'a> = "content_index",
        delta: Raw<'a> = "delta",
        text: Raw<'a> = "text",
        logprobs: Any = "logprobs",
        part: Part<'a> = "part",
        item: Item<'a> = "item",
        annotation: Annotation<'a> = "annotation",
        response: Response<'a> = "response",
        error: Raw<'a> = "error",
        status: Raw<'a> = "status",
        output: List<Item<'a>> = "output",
        output_text: Raw<'a> = "output_text",
    }
}

impl<'a> Event<'a> {
    /// What has no type is the response itself.
    fn into_response(self) -> Response<'a> {
        let Self { status, error, output, output_text, text, .. } = self;
        Response { status, error, output, output_text, text: text.read() }
    }
}

object! {
    struct Response<'a> {
        status: Raw<'a> = "status",
        error: Raw<'a> = "error",
        output: List<Item<'a>> = "output",
        output_text: Raw<'a> = "output_text",
        text: TextSettings<'a> = "text",
    }
}

object! {
    struct Item<'a> {
        kind: Raw<'a> = "type",
        content: List<Part<'a>> = "content",
    }
}

object! {
    struct Part<'a> {
        kind: Raw<'a> = "type",
        text: Raw<'a> = "text",
        annotations: List<Annotation<'a>> = "annotations",
        logprobs: Any = "logprobs",
    }
}

object! {
    struct Annotation<'a> {
        start: Raw<'a> = "start_index",
        end: Raw<'a> = "end_index",
    }
}

impl Annotation<'_> {
    fn read(&self, data: &[u8], pieces: &mut Vec<Piece>) {
        let offsets = [self.start, self.end].into_iter().filter_map(|offset| offset.number_in(data));
        pieces.extend(offsets.map(|span| Piece::json(0, span, PieceKind::Offset(Unit::Chars))));
    }
}

impl Part<'_> {
    fn is_text(&self) -> bool {
        self.kind.is("output_text")
    }

    fn read(&self, data: &[u8], pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        if self.logprobs.0 {
            return Err(HandsOff::Logprobs);
        }
        if let Some(span) = self.text.span_in(data).filter(|_| self.is_text()) {
            pieces.push(Piece::json(0, span, PieceKind::Copy));
            self.annotations.items.iter().for_each(|annotation| annotation.read(data, pieces));
        }
        Ok(())
    }
}

impl Response<'_> {
    /// The response as a whole, be it the body or what a stream ends with.
    fn read(&self, data: &[u8], target: &mut Option<(usize, usize)>, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        self.check()?;
        let messages = self.output.items.iter().enumerate().filter(|(_, item)| item.kind.is("message"));
        let mut parts = messages
            .flat_map(|(at, item)| item.content.items.iter().enumerate().map(move |(index, part)| ((at, index), part)));
        let found = match *target {
            // Where a server does not number its events (llama.cpp), the place is a guess.
            Some(target) => parts.clone().find(|(place, _)| *place == target).or_else(|| parts.next()),
            None => parts.find(|(_, part)| part.is_text() && part.text.get() != Some("\"\"")),
        };
        if let Some((place, part)) = found {
            *target = Some(place);
            part.read(data, pieces)?;
            // Not in the API, but some servers send what the SDK computes.
            pieces.extend(self.output_text.span_in(data).map(|span| Piece::json(0, span, PieceKind::Copy)));
        }
        Ok(())
    }

    /// How many texts there are.
    fn texts(&self) -> usize {
        let messages = self.output.items.iter().filter(|item| item.kind.is("message"));
        let parts = messages.flat_map(|item| &item.content.items);
        parts.filter(|part| part.is_text() && part.text.has_words()).count()
    }

    fn check(&self) -> Result<(), HandsOff> {
        if self.error.says_something() || self.status.is("failed") || self.status.is("cancelled") {
            return Err(HandsOff::Error);
        }
        if self.status.is("queued") {
            return Err(HandsOff::Background);
        }
        if binds(self.text.format) { Err(HandsOff::JsonMode) } else { Ok(()) }
    }

    /// Why there is no text.
    fn absence(&self) -> HandsOff {
        let has = |kind: &str| self.output.items.iter().any(|item| item.kind.is(kind));
        let refuses = |item: &Item<'_>| item.content.items.iter().any(|part| part.kind.is("refusal"));
        if self.output.items.iter().any(refuses) {
            HandsOff::Refusal
        } else if has("function_call") || has("custom_tool_call") {
            HandsOff::ToolCall
        } else if self.output.is_there {
            HandsOff::Empty
        } else {
            HandsOff::Unreadable
        }
    }
}

impl ResponsesReply {
    /// Whether an event is about the text that is adjusted; the first that has words decides which that is.
    fn is_about_target(&mut self, event: &Event<'_>, words: Raw<'_>) -> bool {
        let place = (event.output_index.number().unwrap_or(0), event.content_index.number().unwrap_or(0));
        // White space counts: it is the text's beginning.
        if self.target.is_none() && words.get().is_some_and(|words| words != "\"\"") {
            self.target = Some(place);
        }
        self.target == Some(place)
    }

    fn read_event(&mut self, event: &Event<'_>, data: &[u8], pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let kind = event.kind.text().unwrap_or_default();
        match kind.as_str() {
            "response.created" | "response.in_progress" => event.response.check()?,
            "response.output_text.delta" => {
                if event.logprobs.0 {
                    return Err(HandsOff::Logprobs);
                }
                if self.is_about_target(event, event.delta) {
                    pieces.extend(event.delta.span_in(data).map(|span| Piece::json(0, span, PieceKind::Delta)));
                }
            }
            "response.output_text.done" if self.is_about_target(event, event.text) => {
                pieces.extend(event.text.span_in(data).map(|span| Piece::json(0, span, PieceKind::Copy)));
                pieces.push(Piece::end(0));
            }
            "response.output_text.annotation.added" if self.is_about_target(event, Raw::default()) => {
                event.annotation.read(data, pieces);
            }
            "response.content_part.done" if event.part.is_text() && self.is_about_target(event, event.part.text) => {
                event.part.read(data, pieces)?;
            }
            "response.output_item.done" if event.item.kind.is("message") => {
                if let Some((output, content)) = self.target
                    && event.output_index.number().unwrap_or(output) == output
                    && let Some(part) = event.item.content.items.get(content)
                {
                    part.read(data, pieces)?;
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.is_over = true;
                self.absence.get_or_insert(event.response.absence());
                event.response.read(data, &mut self.target, pieces)?;
            }
            "response.refusal.delta" => self.absence = Some(HandsOff::Refusal),
            "error" => return Err(HandsOff::Error),
            _ => {}
        }
        Ok(())
    }
}

impl ReplyReader for ResponsesReply {
    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(event) = json::event::<Event<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        if event.error.says_something() || frame.event() == Some("error") {
            return Err(HandsOff::Error);
        }
        if event.kind.get().is_some() {
            return self.read_event(&event, &data, pieces);
        }
        let response = event.into_response();
        self.absence = Some(response.absence());
        self.has_more = response.texts() > 1;
        response.read(&data, &mut self.target, pieces)
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

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test fails by panicking")]
#[path = "openai_responses_tests.rs"]
mod tests;
