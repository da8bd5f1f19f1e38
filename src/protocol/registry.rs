//! The protocols there are, and which of them a request is in.

use std::{fmt, sync::Arc};

use aho_corasick::{AhoCorasick, MatchKind};
use http::request;

use super::{
    A2a, AgUi, Anthropic, BotFramework, Botpress, Claim, DialogflowCx, DialogflowEs, Dify, Flowise, Gemini, LangServe,
    LexV2, Ollama, OpenAiChat, OpenAiResponses, Protocol, Rasa, Recognition, Vercel,
};

/// The protocols to look for, in this order; the first that claims a request and does not find it foreign reads it.
#[derive(Clone)]
pub struct Protocols {
    all: Vec<Arc<dyn Protocol>>,
    marks: Marks,
}

/// What all protocols together look for in a body before they read it.
#[derive(Clone)]
struct Marks {
    names: Vec<String>,
    /// None where there is nothing to look for.
    automaton: Option<AhoCorasick>,
}

impl Marks {
    fn of(protocols: &[Arc<dyn Protocol>]) -> Self {
        let mut names: Vec<_> =
            protocols.iter().flat_map(|protocol| protocol.marks()).map(|name| (*name).to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
        // Only for this kind of match the fast searchers are used.
        let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(&quoted);
        let automaton = built.ok().filter(|_| !quoted.is_empty());
        Self { names, automaton }
    }

    /// Which of the names are in a body.
    fn found_in(&self, body: &[u8]) -> Vec<&str> {
        // Without an automaton nothing is ruled out.
        let Some(automaton) = &self.automaton else { return self.names.iter().map(String::as_str).collect() };
        let mut found = Vec::new();
        for at in automaton.find_iter(body) {
            if let Some(name) = self.names.get(at.pattern().as_usize()).filter(|name| !found.contains(&name.as_str())) {
                found.push(name.as_str());
                if found.len() == self.names.len() {
                    break;
                }
            }
        }
        found
    }
}

impl Protocols {
    /// None at all: nothing is recognised until [`with`](Self::with) adds something.
    #[must_use]
    pub fn none() -> Self {
        Self::of(Vec::new())
    }

    fn of(all: Vec<Arc<dyn Protocol>>) -> Self {
        Self { marks: Marks::of(&all), all }
    }

    /// Adds a protocol before the others, so that what is configured wins over what is built in.
    #[must_use]
    pub fn with(mut self, protocol: impl Protocol) -> Self {
        self.all.insert(0, Arc::new(protocol));
        Self::of(self.all)
    }

    /// The protocols that a request with this head may belong to, each with how sure it is.
    pub fn claim<'p, 'h>(
        &'p self,
        head: &'h request::Parts,
    ) -> impl Iterator<Item = (&'p Arc<dyn Protocol>, Claim)> + use<'p, 'h> {
        self.all.iter().map(|protocol| (protocol, protocol.claims(head))).filter(|(_, claim)| *claim != Claim::No)
    }

    /// Reads a whole request: the protocol it is in, and what it turned out to be; nothing if it is foreign to all.
    #[must_use]
    pub fn read(&self, head: &request::Parts, body: &[u8]) -> Option<(&Arc<dyn Protocol>, Recognition)> {
        let mut marks = None;
        self.claim(head).find_map(|(protocol, claim)| {
            let mut has = |name: &&str| marks.get_or_insert_with(|| self.marks.found_in(body)).contains(name);
            if claim == Claim::Maybe && !protocol.marks().iter().all(&mut has) {
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
        f.debug_list().entries(&self.all).finish()
    }
}

impl Default for Protocols {
    /// Every built-in protocol.
    fn default() -> Self {
        // Those with an address of their own first: they need not look into a body to say no.
        Self::of(vec![
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
