//! However a streamed reply is cut, into pieces of text and into chunks of bytes, what comes out is the edit of the whole
//! text; and without what was put in it is the bot's own bytes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]

mod common;

use std::sync::LazyLock;

use bytes::Bytes;
use common::{ByWords, Step, exchange, script};
use http::{Request, Response};
use http_body_util::Full;
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};
use undertone::{
    conversation::LocalStore,
    empathy::{Phrasebook, Policy},
    layer::EmpathyLayer,
};

/// One streamed format: how a client asks, and how a piece of text is told.
struct Format {
    name: &'static str,
    path: &'static str,
    /// `§` is the turn.
    request: &'static str,
    media_type: &'static str,
    header: Option<(&'static str, &'static str)>,
    before: &'static str,
    /// `§` is the piece.
    piece: &'static str,
    after: &'static str,
}

const SSE: &str = "text/event-stream";
const FORMATS: [Format; 13] = [
    Format {
        name: "openai-chat",
        path: "/v1/chat/completions",
        request: r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"§"}]}"#,
        media_type: SSE,
        header: None,
        before: "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        piece: "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"§\"}}]}\n\n",
        after: "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    },
    Format {
        name: "openai-responses",
        path: "/v1/responses",
        request: r#"{"model":"m","stream":true,"input":"§"}"#,
        media_type: SSE,
        header: None,
        before: "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"output\":[]}}\n\n",
        piece: "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"§\"}\n\n",
        after: "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"output\":[]}}\n\n",
    },
    Format {
        name: "anthropic",
        path: "/v1/messages",
        request: r#"{"model":"m","max_tokens":99,"stream":true,"messages":[{"role":"user","content":"§"}]}"#,
        media_type: SSE,
        header: None,
        before: "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n",
        piece: "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"§\"}}\n\n",
        after: "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    },
    Format {
        name: "gemini",
        path: "/v1beta/models/m:streamGenerateContent?alt=sse",
        request: r#"{"contents":[{"parts":[{"text":"§"}]}]}"#,
        media_type: SSE,
        header: None,
        before: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true}]}}]}\r\n\r\n",
        piece: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"§\"}]},\"index\":0}]}\r\n\r\n",
        after: "data: {\"candidates\":[{\"content\":{\"parts\":[]},\"finishReason\":\"STOP\"}]}\r\n\r\n",
    },
    Format {
        name: "gemini",
        path: "/v1beta/models/m:streamGenerateContent",
        request: r#"{"contents":[{"parts":[{"text":"§"}]}]}"#,
        media_type: "application/json",
        header: None,
        before: "[{\"candidates\":[]}",
        piece: "\n,\r\n{\n  \"candidates\": [{\"content\": {\"parts\": [{\"text\": \"§\"}]}}]\n}",
        after: "\n]\n",
    },
    Format {
        name: "ollama",
        path: "/api/chat",
        request: r#"{"model":"m","messages":[{"role":"user","content":"§"}]}"#,
        media_type: "application/x-ndjson",
        header: None,
        before: "{\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n",
        piece: "{\"message\":{\"role\":\"assistant\",\"content\":\"§\"},\"done\":false}\n",
        after: "{\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n",
    },
    Format {
        name: "vercel",
        path: "/api/chat",
        request: r#"{"id":"c","messages":[{"role":"user","parts":[{"type":"text","text":"§"}]}]}"#,
        media_type: SSE,
        header: Some(("x-vercel-ai-ui-message-stream", "v1")),
        before: "data: {\"type\":\"start\"}\n\ndata: {\"type\":\"text-start\",\"id\":\"0\"}\n\n",
        piece: "data: {\"type\":\"text-delta\",\"id\":\"0\",\"delta\":\"§\"}\n\n",
        after: "data: {\"type\":\"text-end\",\"id\":\"0\"}\n\ndata: {\"type\":\"finish\"}\n\ndata: [DONE]\n\n",
    },
    Format {
        name: "vercel",
        path: "/api/chat",
        request: r#"{"id":"c","messages":[{"role":"user","content":"§"}]}"#,
        media_type: "text/plain; charset=utf-8",
        header: Some(("x-vercel-ai-data-stream", "v1")),
        before: "f:{\"messageId\":\"m\"}\n",
        piece: "0:\"§\"\n",
        after: "d:{\"finishReason\":\"stop\"}\n",
    },
    Format {
        name: "ag-ui",
        path: "/agent",
        request: r#"{"threadId":"t","runId":"r","messages":[{"role":"user","content":"§"}]}"#,
        media_type: SSE,
        header: None,
        before: "data: {\"type\":\"RUN_STARTED\"}\n\ndata: {\"type\":\"TEXT_MESSAGE_START\",\"messageId\":\"m\",\"role\":\"assistant\"}\n\n",
        piece: "data: {\"type\":\"TEXT_MESSAGE_CONTENT\",\"messageId\":\"m\",\"delta\":\"§\"}\n\n",
        after: "data: {\"type\":\"TEXT_MESSAGE_END\",\"messageId\":\"m\"}\n\ndata: {\"type\":\"RUN_FINISHED\"}\n\n",
    },
    Format {
        name: "dify",
        path: "/v1/chat-messages",
        request: r#"{"query":"§","user":"u","response_mode":"streaming"}"#,
        media_type: SSE,
        header: None,
        before: "event: ping\n\ndata: {\"event\":\"workflow_started\"}\n\n",
        piece: "data: {\"event\":\"message\",\"answer\":\"§\"}\n\n",
        after: "data: {\"event\":\"message_end\"}\n\n",
    },
    Format {
        name: "flowise",
        path: "/api/v1/prediction/f",
        request: r#"{"question":"§","streaming":true}"#,
        media_type: SSE,
        header: None,
        before: "message:\ndata:{\"event\":\"start\",\"data\":\"\"}\n\n",
        piece: "message:\ndata:{\"event\":\"token\",\"data\":\"§\"}\n\n",
        after: "message:\ndata:{\"event\":\"end\",\"data\":\"[DONE]\"}\n\n",
    },
    Format {
        name: "langserve",
        path: "/chain/stream",
        request: r#"{"input":"§"}"#,
        media_type: SSE,
        header: None,
        before: "event: metadata\r\ndata: {\"run_id\": \"r\"}\r\n\r\n",
        piece: "event: data\r\ndata: \"§\"\r\n\r\n",
        after: "event: end\r\n\r\n",
    },
    Format {
        name: "langserve",
        path: "/chain/stream",
        request: r#"{"input":{"messages":[{"type":"human","content":"§"}]}}"#,
        media_type: SSE,
        header: None,
        before: "event: metadata\r\ndata: {\"run_id\": \"r\"}\r\n\r\n",
        piece: "event: data\r\ndata: {\"content\":\"§\",\"type\":\"AIMessageChunk\"}\r\n\r\n",
        after: "event: end\r\n\r\n",
    },
];

/// The inside of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

impl Format {
    fn body(&self, pieces: &[&str]) -> String {
        let told = pieces.iter().map(|piece| self.piece.replace('§', &escaped(piece)));
        format!("{}{}{}", self.before, told.collect::<String>(), self.after)
    }

    /// The pieces of text in a body; everything else in it must be as it was.
    fn pieces(&self, body: &str) -> Option<Vec<String>> {
        let mut rest = body.strip_prefix(self.before)?.strip_suffix(self.after)?;
        let (open, close) = self.piece.split_once('§').unwrap();
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let text = rest.strip_prefix(open)?;
            let end = text.find(close)?;
            pieces.push(serde_json::from_str(&format!("\"{}\"", &text[..end])).ok()?);
            rest = &text[end + close.len()..];
        }
        Some(pieces)
    }

    fn run(&self, turn: &str, pieces: &[&str], chunk: usize) -> (String, String) {
        // The same sentence for every reply: which of several fits goes by as much of the reply as is there, without any waiting.
        static LAYER: LazyLock<EmpathyLayer> = LazyLock::new(|| {
            let say = "[{ weight = 0.3, say = 'I see what you mean.' }, { weight = 0.3, say = 'I see the trouble.' }]";
            let book = format!(
                "language = \"en\"\nnaming = 0.4\n[problem]\nformal = {say}\ncollaborative = {say}\nwarm = {say}\n"
            );
            let policy = Policy::default().with_phrasebook(Phrasebook::from_toml(&book).unwrap());
            EmpathyLayer::new(ByWords).policy(policy)
        });
        thread_local! {
            static RUNTIME: Runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        }
        let request = Request::post(self.path).header("content-type", "application/json");
        let request = request.body(Full::new(Bytes::from(self.request.replace('§', turn)))).unwrap();
        let body = self.body(pieces);
        let mut response = Response::builder().header("content-type", self.media_type);
        if let Some((name, value)) = self.header {
            response = response.header(name, value);
        }
        let steps = body.as_bytes().chunks(chunk).map(|chunk| Step::Data(Bytes::copy_from_slice(chunk)));
        let layer = LAYER.clone().store(LocalStore::default());
        let seen =
            RUNTIME.with(|runtime| runtime.block_on(exchange(layer, request, response.body(script(steps)).unwrap())));
        let said = seen.settled.as_ref().map(|outcome| outcome.header().to_str().unwrap().to_owned());
        (seen.text(), said.unwrap_or_default())
    }
}

const OPENER: &str = "What a fantastic question, and I'm so incredibly excited to help you with it! ";

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_edit_of_any_cut_is_the_edit_of_the_whole(
        format in 0..FORMATS.len(),
        is_furious in any::<bool>(),
        gushes in any::<bool>(),
        greets in prop_oneof![Just(""), Just("Hello Lena! "), Just("\n\n"), Just("<think>They are angry.</think>\n\n")],
        rest in prop_oneof![
            Just("It left on Tuesday, \"as said\". It arrives on Friday."),
            Just("Tu pedido — é — salió 📦 el martes.\nLlega el viernes."),
            Just("1. Open My orders.\n2. Choose the parcel.\n3. Say where it goes."),
            Just("I'm sorry that it is late. It arrives on Friday."),
            Just("No."),
            Just(""),
        ],
        cuts in proptest::collection::vec(0_usize..260, 0..12),
        chunk in 1_usize..90,
    ) {
        let format = &FORMATS[format];
        let turn = if is_furious { "I am furious, where is my order?" } else { "How do I change the address?" };
        let text = format!("{greets}{}{rest}", if gushes { OPENER } else { "" });
        let (whole, whole_said) = format.run(turn, &[&text], usize::MAX);
        let expected = format.pieces(&whole).unwrap_or_default().concat();

        let mut borders: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
        borders.retain(|border| text.is_char_boundary(*border));
        borders.sort_unstable();
        let pieces: Vec<_> = borders.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let (cut, said) = format.run(turn, &pieces, chunk);

        let seen = format.pieces(&cut);
        prop_assert!(seen.is_some(), "{}: more than the text has changed:\n{}", format.name, cut);
        let seen = seen.unwrap();
        prop_assert_eq!(seen.len(), pieces.len(), "{}: an event more or less", format.name);
        prop_assert_eq!(seen.concat(), expected, "{}: {} and {}", format.name, said, whole_said);
        if whole_said.starts_with("prepend") {
            let put = seen.concat().len() - text.len();
            let at = (0..text.len() + 1).find(|at| {
                text.is_char_boundary(*at) && seen.concat().is_char_boundary(at + put)
                    && seen.concat().starts_with(&text[..*at]) && seen.concat()[at + put..] == text[*at..]
            });
            prop_assert!(at.is_some(), "{}: without what was put in it is not the bot's", format.name);
        } else if whole_said.starts_with("none") {
            prop_assert_eq!(&cut, &format.body(&pieces));
        }
    }
}
