//! The protocols there are, and which of them a request is in.

use std::{fmt, sync::Arc};

use http::request;
use memchr::memmem;

use super::{
    A2a, AgUi, Anthropic, BotFramework, Botpress, Claim, DialogflowCx, DialogflowEs, Dify, Flowise, Gemini, LangServe,
    LexV2, Ollama, OpenAiChat, OpenAiResponses, Protocol, Rasa, Recognition, Vercel,
};

/// The protocols to look for, in this order; the first that claims a request and does not find it foreign reads it.
#[derive(Clone)]
pub struct Protocols(Vec<Arc<dyn Protocol>>);

/// How far from either end of a body a mark is looked for. Members with names stand at its top, and what is long between
/// them, a history or a picture, is gone over by whoever reads it.
const NEAR: usize = 64 << 10;

/// Whether a name stands in quotes near either end of a body.
fn is_marked(body: &[u8], name: &str) -> bool {
    let quoted = format!("\"{name}\"");
    let (head, tail) = (body.get(..NEAR).unwrap_or(body), body.get(body.len().saturating_sub(NEAR)..));
    [head, tail.unwrap_or_default()].iter().any(|end| memmem::find(end, quoted.as_bytes()).is_some())
}

impl Protocols {
    /// None at all: nothing is recognised until [`with`](Self::with) adds something.
    #[must_use]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a protocol before the others, so that what is configured wins over what is built in.
    #[must_use]
    pub fn with(mut self, protocol: impl Protocol) -> Self {
        self.0.insert(0, Arc::new(protocol));
        self
    }

    /// The protocols that a request with this head may belong to, each with how sure it is.
    pub fn claim<'p, 'h>(
        &'p self,
        head: &'h request::Parts,
    ) -> impl Iterator<Item = (&'p Arc<dyn Protocol>, Claim)> + use<'p, 'h> {
        self.0.iter().map(|protocol| (protocol, protocol.claims(head))).filter(|(_, claim)| *claim != Claim::No)
    }

    /// Reads a whole request: the protocol it is in, and what it turned out to be; nothing if it is foreign to all.
    #[must_use]
    pub fn read(&self, head: &request::Parts, body: &[u8]) -> Option<(&Arc<dyn Protocol>, Recognition)> {
        self.claim(head).find_map(|(protocol, claim)| {
            if claim == Claim::Maybe && !protocol.marks().iter().all(|name| is_marked(body, name)) {
                return None;
            }
            match protocol.read(head, body) {
                Recognition::Foreign => None,
                recognition => Some((protocol, recognition)),
            }
        })
    }
}

impl fmt::Debug for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl Default for Protocols {
    /// Every built-in protocol.
    fn default() -> Self {
        // Those with an address of their own first: they need not look into a body to say no.
        Self(vec![
            Arc::new(OpenAiChat),
            Arc::new(OpenAiResponses),
            Arc::new(Anthropic),
            Arc::new(Gemini),
            Arc::new(Ollama),
            Arc::new(Rasa),
            Arc::new(Dify),
            Arc::new(Flowise),
            Arc::new(LangServe),
            Arc::new(LexV2),
            Arc::new(Botpress),
            Arc::new(AgUi),
            Arc::new(A2a),
            Arc::new(BotFramework),
            Arc::new(DialogflowEs),
            Arc::new(DialogflowCx),
            // It has no mark that is not all over its bodies, and has to read them.
            Arc::new(Vercel),
        ])
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn read(path: &str, body: &str) -> Option<String> {
        let request = Request::post(path).header("content-type", "application/json");
        let (head, ()) = request.body(()).unwrap().into_parts();
        Protocols::default().read(&head, body.as_bytes()).map(|(protocol, _)| protocol.name().to_owned())
    }

    #[test]
    fn a_mark_is_near_either_end() {
        let (long, turn) = (" ".repeat(200_000), r#""messages":[{"role":"user","content":"Hi"}]"#);
        for body in [
            format!(r#"{{"model":"m",{long}{turn}}}"#),
            format!(r#"{{{turn}{long},"model":"m"}}"#),
            format!(r#"{{"model":"m",{turn}}}"#),
        ] {
            assert_eq!(read("/api/chat", &body).as_deref(), Some("ollama"));
        }
    }

    #[test]
    fn one_address_is_told_apart_by_the_body() {
        for (path, body, expected) in [
            ("/api/chat", r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#, Some("ollama")),
            (
                "/api/chat",
                r#"{"id":"c","messages":[{"role":"user","parts":[{"type":"text","text":"Hi"}]}]}"#,
                Some("vercel"),
            ),
            ("/", r#"{"threadId":"t","runId":"r","messages":[{"role":"user","content":"Hi"}]}"#, Some("ag-ui")),
            (
                "/",
                r#"{"jsonrpc":"2.0","method":"message/send","params":{"message":{"role":"user","parts":[{"text":"Hi"}]}}}"#,
                Some("a2a"),
            ),
            ("/", r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"x"}}"#, None),
            ("/", r#"{"messages":[{"role":"user","content":"Hi"}]}"#, None),
            ("/orders", r#"{"model":"m","input":"role"}"#, None),
            ("/messages", r#"{"text":"Hi"}"#, None),
        ] {
            assert_eq!(read(path, body).as_deref(), expected, "{path} {body}");
        }
    }
}
