//! Google Gemini: `POST …:generateContent` and `…:streamGenerateContent`, on Google AI and on Vertex AI.
//!
//! A stream is server-sent events with `alt=sse`, and without it one JSON array that is sent piece by piece. Parts that
//! are thoughts are not the reply. Citations and grounding count bytes from the reply's beginning.

use http::{request, response};

use super::{
    Claim, Frame, Framing, HandsOff, Piece, PieceKind, Protocol, Recognition, ReplyReader, Turn, Unit, alternative,
    history, is_post_to,
    json::{self, Any, List, Raw, object},
};

/// The API's own bound on `candidateCount`.
const MAX_CANDIDATES: usize = 8;

/// Google Gemini.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gemini;

const STREAMED: &str = ":streamGenerateContent";

impl Protocol for Gemini {
    fn name(&self) -> &str {
        "gemini"
    }

    fn claims(&self, head: &request::Parts) -> Claim {
        Claim::sure(is_post_to(head, ":generateContent") || is_post_to(head, STREAMED))
    }

    fn read(&self, head: &request::Parts, body: &[u8]) -> Recognition {
        let Ok(mut request) = serde_json::from_slice::<Request<'_>>(body) else { return Recognition::Foreign };
        if !request.contents.is_there {
            // One alone may come without its list.
            let alone = serde_json::from_slice::<Alone<'_>>(body).unwrap_or_default();
            if alone.content.parts.get().is_none() {
                return Recognition::Foreign;
            }
            request.contents.items.push(alone.content);
        }
        Recognition::of(request.turn(body), || GeminiReply {
            candidates: request.candidates(),
            is_streamed: is_post_to(head, STREAMED),
            is_array: false,
            calls: false,
            absence: None,
        })
    }
}

object! {
    struct Request<'a> {
        contents: List<Content<'a>> = "contents",
        instruction: Content<'a> = "systemInstruction" | "system_instruction",
        config: Config<'a> = "generationConfig" | "generation_config",
    }
}

object! {
    struct Alone<'a> {
        content: Content<'a> = "contents",
    }
}

object! {
    struct Config<'a> {
        media_type: Raw<'a> = "responseMimeType" | "response_mime_type",
        schema: Any = "responseSchema" | "response_schema" | "responseJsonSchema" | "response_json_schema",
        modalities: List<Raw<'a>> = "responseModalities" | "response_modalities",
        candidates: Raw<'a> = "candidateCount" | "candidate_count",
        max_tokens: Raw<'a> = "maxOutputTokens" | "max_output_tokens",
        logprobs: Any = "responseLogprobs" | "response_logprobs",
    }
}

object! {
    struct Content<'a> {
        role: Raw<'a> = "role",
        parts: Raw<'a> = "parts",
    }
}

/// Parts with which a function or a sandbox answers.
const ANSWERS: [&str; 4] = ["functionResponse", "function_response", "codeExecutionResult", "code_execution_result"];

impl<'a> Content<'a> {
    fn message(&self) -> history::Message<'a> {
        let is = |role: &str| self.role.inside().is_some_and(|inside| inside.eq_ignore_ascii_case(role));
        let from = match self.role.get() {
            None => history::From::User,
            Some(_) if is("user") => history::From::User,
            Some(_) if is("model") => history::From::Bot,
            Some(_) => history::From::Other,
        };
        // What a function answers comes from the user in name; so do pictures, which are a turn.
        let is_answer = |part: Raw<'_>| ANSWERS.iter().any(|name| part.member(name).get().is_some());
        let is_of_tools = from == history::From::User
            && !self.parts.opens_with_words()
            && !self.parts.list().any(|part| part.member("text").has_words())
            && self.parts.list().any(is_answer);
        history::Message { from: if is_of_tools { history::From::Other } else { from }, content: self.parts }
    }
}

impl Request<'_> {
    fn candidates(&self) -> usize {
        self.config.candidates.number().unwrap_or(1).clamp(1, MAX_CANDIDATES)
    }

    fn turn(&self, body: &[u8]) -> Result<Turn, HandsOff> {
        let config = &self.config;
        let is_text = config.media_type.get().is_none() || config.media_type.is("text/plain");
        if !is_text || config.schema.0 || config.max_tokens.number() == Some(1) {
            return Err(HandsOff::JsonMode);
        }
        if config.modalities.items.iter().any(|modality| !(modality.is("TEXT") || modality.is("text"))) {
            return Err(HandsOff::NotText);
        }
        if config.logprobs.0 {
            return Err(HandsOff::Logprobs);
        }
        let messages: Vec<_> = self.contents.items.iter().map(Content::message).collect();
        let instruction = self.instruction.parts.get().map(|_| json::content(self.instruction.parts));
        history::turn(&messages, instruction, body)
    }
}

/// Reads the reply to one request: the text of each candidate.
#[derive(Debug)]
struct GeminiReply {
    candidates: usize,
    is_streamed: bool,
    /// Whether it comes as an array, element by element.
    is_array: bool,
    calls: bool,
    absence: Option<HandsOff>,
}

object! {
    struct Reply<'a> {
        candidates: List<Candidate<'a>> = "candidates",
        feedback: Feedback<'a> = "promptFeedback",
        error: Raw<'a> = "error",
    }
}

object! {
    struct Feedback<'a> {
        block_reason: Raw<'a> = "blockReason",
    }
}

object! {
    struct Candidate<'a> {
        index: Raw<'a> = "index",
        content: Spoken<'a> = "content",
        finish_reason: Raw<'a> = "finishReason",
        citations: Citations<'a> = "citationMetadata",
        grounding: Grounding<'a> = "groundingMetadata",
        logprobs: Any = "logprobsResult",
    }
}

object! {
    struct Spoken<'a> {
        parts: List<Part<'a>> = "parts",
    }
}

object! {
    struct Part<'a> {
        text: Raw<'a> = "text",
        thought: Any = "thought",
        call: Any = "functionCall" | "executableCode",
    }
}

object! {
    struct Citations<'a> {
        sources: List<Segment<'a>> = "citationSources" | "citations",
    }
}

object! {
    struct Grounding<'a> {
        supports: List<Support<'a>> = "groundingSupports",
    }
}

object! {
    struct Support<'a> {
        segment: Segment<'a> = "segment",
    }
}

object! {
    /// A stretch of the text, in bytes. What begins at the beginning leaves its start out, and grows with it.
    struct Segment<'a> {
        start: Raw<'a> = "startIndex",
        end: Raw<'a> = "endIndex",
        part: Raw<'a> = "partIndex",
    }
}

impl Segment<'_> {
    fn read(&self, data: &[u8], text: usize, pieces: &mut Vec<Piece>) {
        let numbers = [self.start, self.end].into_iter().filter_map(|number| number.number_in(data));
        pieces.extend(numbers.map(|span| Piece::json(text, span, PieceKind::Offset(Unit::Bytes))));
    }
}

/// Whether a candidate ends because something was held back.
fn is_withheld(finish_reason: Raw<'_>) -> bool {
    ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "LANGUAGE"]
        .iter()
        .any(|reason| finish_reason.is(reason))
}

impl GeminiReply {
    fn read_candidate(
        &mut self,
        candidate: &Candidate<'_>,
        data: &[u8],
        text: usize,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), HandsOff> {
        if candidate.logprobs.0 {
            return Err(HandsOff::Logprobs);
        }
        if is_withheld(candidate.finish_reason) {
            return Err(HandsOff::Refusal);
        }
        let parts = &candidate.content.parts.items;
        let spoken = parts.iter().filter(|part| !part.thought.0);
        pieces.extend(spoken.filter_map(|part| part.text.piece_in(data, text, PieceKind::Delta)));
        if parts.iter().any(|part| part.call.0) {
            self.calls = true;
            self.absence = Some(HandsOff::ToolCall);
        }
        let cited = candidate.citations.sources.items.iter();
        // They count from the beginning of a part; of a stream's parts there is but one.
        let first = parts.iter().position(|part| !part.thought.0 && part.text.has_words());
        let is_in_first =
            |segment: &&Segment<'_>| self.is_streamed || first == Some(segment.part.number().unwrap_or(0));
        let grounded = candidate.grounding.supports.items.iter().map(|support| &support.segment);
        cited.chain(grounded.filter(is_in_first)).for_each(|segment| segment.read(data, text, pieces));
        // Some servers give a reason with every chunk of a stream.
        if !self.is_streamed && candidate.finish_reason.says_something() {
            pieces.push(Piece::end(text));
        }
        Ok(())
    }
}

impl ReplyReader for GeminiReply {
    fn framing(&mut self, head: &response::Parts) -> Result<Framing, HandsOff> {
        match Framing::of(head) {
            Some(Framing::Whole) if self.is_streamed => {
                self.is_array = true;
                Ok(Framing::Elements)
            }
            Some(framing) => Ok(framing),
            None => Err(HandsOff::MediaType),
        }
    }

    fn texts(&self) -> usize {
        self.candidates
    }

    fn read(&mut self, frame: &Frame, pieces: &mut Vec<Piece>) -> Result<(), HandsOff> {
        let data = frame.data();
        let Some(reply) = json::event::<Reply<'_>>(&data, &mut self.absence)? else { return Ok(()) };
        if reply.error.says_something() || frame.event() == Some("error") {
            return Err(HandsOff::Error);
        }
        if reply.feedback.block_reason.says_something() {
            return Err(HandsOff::Refusal);
        }
        for (position, candidate) in reply.candidates.items.iter().enumerate() {
            let text = if self.candidates == 1 { 0 } else { candidate.index.number().unwrap_or(position) };
            let found = pieces.len();
            let read = self.read_candidate(candidate, &data, text, pieces);
            self.absence = alternative(read, self.candidates == 1, found, pieces)?.or(self.absence);
        }
        Ok(())
    }

    fn expects_copies(&self) -> bool {
        // Where the reply's sources are, its last events tell.
        self.is_streamed
    }

    fn is_last(&self) -> Option<bool> {
        // After a call the turn goes on.
        Some(!self.calls)
    }

    fn may_repeat(&self) -> bool {
        // Behind the end of an array there is no room.
        !self.is_array
    }

    fn absence(&self) -> HandsOff {
        self.absence.unwrap_or(HandsOff::Empty)
    }
}
