//! Every wire format, exchange by exchange (`tests/protocols/*.toml`; its README has the form): where the sentence goes,
//! what is taken out, and what is left alone, however the reply's bytes are cut. The table in `docs/protocols.md` is
//! written from the same files.
//!
//! `UPDATE_EXPECTED=1 cargo test --test protocols` writes the table anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]

mod common;

use std::{collections::BTreeMap, fmt::Write as _, fs, sync::LazyLock};

use bytes::Bytes;
use common::{ByWords, Script, Seen, Step, exchange, script};
use http::{Request, Response, header::CONTENT_TYPE};
use http_body_util::Full;
use serde::Deserialize;
use undertone::{
    conversation::LocalStore,
    empathy::Policy,
    layer::EmpathyLayer,
    protocol::{CustomProtocol, CustomSpec, Protocols},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    protocol: String,
    title: String,
    /// Why some replies of this format pass untouched.
    #[serde(default)]
    untouched: Vec<String>,
    exchange: Vec<Exchange>,
}

const FURIOUS: &str = "I am furious, where is my order?";

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Exchange {
    cell: Cell,
    name: String,
    settled: String,
    request: String,
    reply: String,
    #[serde(default)]
    crlf: bool,
    #[serde(default)]
    cut: bool,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
enum Cell {
    Plain,
    Streamed,
    Softened,
    LeftAlone,
    Broken,
}

impl Cell {
    const ALL: [(Self, &str); 5] = [
        (Self::Plain, "plain"),
        (Self::Streamed, "streamed"),
        (Self::Softened, "softened"),
        (Self::LeftAlone, "left alone"),
        (Self::Broken, "broken"),
    ];
}

/// The order of the table: as the documentation has it.
const ORDER: [&str; 18] = [
    "openai-chat",
    "openai-responses",
    "anthropic",
    "gemini",
    "ollama",
    "rasa",
    "bot-framework",
    "dialogflow-es",
    "dialogflow-cx",
    "lex",
    "ag-ui",
    "vercel",
    "a2a",
    "dify",
    "flowise",
    "botpress",
    "langserve",
    "custom",
];

fn files() -> Vec<File> {
    let read = |name: &&str| -> File {
        let path = format!("tests/protocols/{name}.toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        toml::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    ORDER.iter().map(read).collect()
}

fn layer() -> EmpathyLayer {
    static LAYER: LazyLock<EmpathyLayer> = LazyLock::new(|| {
        let custom = fs::read_to_string("tests/protocols/custom-protocols.toml").unwrap();
        #[derive(Deserialize)]
        struct Custom {
            protocol: Vec<CustomSpec>,
        }
        let custom: Custom = toml::from_str(&custom).unwrap();
        let protocols = custom
            .protocol
            .iter()
            .rev()
            .fold(Protocols::default(), |protocols, spec| protocols.with(CustomProtocol::new(spec).unwrap()));
        EmpathyLayer::new(ByWords).policy(Policy::default()).protocols(protocols)
    });
    // Each exchange is the first of its conversation.
    LAYER.clone().store(LocalStore::default())
}

/// A head and a body, as a fixture has them.
fn message(text: &str) -> (&str, Vec<(&str, &str)>, &str) {
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
    let (first, fields) = head.split_once('\n').unwrap_or((head, ""));
    let fields = fields.lines().map(|line| line.split_once(": ").unwrap()).collect();
    (first, fields, body)
}

fn wire(text: &str, is_stream: bool, crlf: bool) -> Vec<u8> {
    let text = if is_stream { text } else { text.strip_suffix('\n').unwrap_or(text) };
    let text = if crlf { text.replace('\n', "\r\n") } else { text.to_owned() };
    let mut bytes = Vec::new();
    for c in text.chars() {
        match c {
            '□' => bytes.push(0xff),
            c => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}

/// The reply's bytes between the marks, and what the bot says at each of them.
struct Marked {
    between: Vec<Vec<u8>>,
    cut: Vec<Vec<u8>>,
}

impl Exchange {
    fn request(&self) -> Request<Full<Bytes>> {
        let (first, fields, body) = message(&self.request);
        let (method, uri) = first.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(name, value);
        }
        request.body(Full::new(wire(body, false, false).into())).unwrap()
    }

    fn is_stream(&self) -> bool {
        let (_, fields, _) = message(&self.reply);
        let streams = ["text/event-stream", "ndjson", "jsonl"];
        let is_type = |(name, _): &&(&str, &str)| *name == CONTENT_TYPE.as_str();
        fields.iter().find(is_type).is_some_and(|(_, value)| streams.iter().any(|stream| value.contains(stream)))
    }

    fn marked(&self) -> Marked {
        let (_, _, body) = message(&self.reply);
        let mut marked = Marked { between: Vec::new(), cut: Vec::new() };
        let mut rest = body;
        while let Some((before, after)) = rest.split_once('⟦') {
            let (cut, after) = after.split_once('⟧').unwrap();
            marked.between.push(wire(before, true, self.crlf));
            marked.cut.push(wire(cut, true, self.crlf));
            rest = after;
        }
        marked.between.push(wire(rest, self.is_stream(), self.crlf));
        marked
    }

    /// What the bot sends.
    fn bytes(&self) -> Vec<u8> {
        let Marked { between, cut } = self.marked();
        let cut = cut.into_iter().chain(std::iter::once(Vec::new()));
        between.into_iter().zip(cut).flat_map(|(between, cut)| [between, cut].concat()).collect()
    }

    fn response(&self, chunk: usize) -> Response<Script> {
        let (status, fields, _) = message(&self.reply);
        let mut response = Response::builder().status(status.parse::<u16>().unwrap());
        for (name, value) in fields {
            response = response.header(name, value);
        }
        let bytes = self.bytes();
        let chunks = bytes.chunks(chunk.max(1)).map(|chunk| Step::Data(Bytes::copy_from_slice(chunk)));
        let end = self.cut.then_some(Step::Error("reset"));
        response.body(script(chunks.chain(end))).unwrap()
    }

    /// Whether `seen` is the reply with a sentence at each empty mark, the same at each, and without the words at the
    /// others.
    fn explains(&self, seen: &[u8]) -> Result<(), String> {
        let Marked { between, cut } = self.marked();
        let (first, others) = between.split_first().unwrap();
        let mut rest = seen.strip_prefix(&**first).ok_or("the bytes before the first mark have changed")?;
        let mut sentence: Option<String> = None;
        for (number, (after, cut)) in others.iter().zip(&cut).enumerate() {
            let is_last = number + 1 == others.len();
            let at = if is_last {
                rest.len().checked_sub(after.len()).filter(|at| rest[*at..] == **after)
            } else {
                (0..rest.len()).find(|at| rest[*at..].starts_with(after))
            };
            let at = at.ok_or_else(|| format!("the bytes after mark {} have changed", number + 1))?;
            let put = String::from_utf8_lossy(&rest[..at]).into_owned();
            rest = &rest[at + after.len()..];
            if put.len() > 300 || put.contains('{') {
                return Err(format!("mark {}: {put}", number + 1));
            }
            if cut.is_empty() {
                let plain = put.replace("&amp;", "&");
                if put.is_empty() || sentence.get_or_insert_with(|| plain.clone()) != &plain {
                    return Err(format!("mark {}: {put:?}, where another has {sentence:?}", number + 1));
                }
            } else if !put.is_empty() {
                return Err(format!("mark {}: {put:?} stands where the words were", number + 1));
            }
        }
        if rest.is_empty() { Ok(()) } else { Err("there is more than the bot said".to_owned()) }
    }
}

/// Whether each part of a body that was JSON still is.
fn stays_readable(before: &[u8], after: &[u8]) -> bool {
    let texts = |body: &[u8]| -> Vec<bool> {
        let is_json = |text: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
        let of_event = |line: &[u8]| is_json(line.strip_prefix(b"data:").unwrap_or(line).trim_ascii());
        std::iter::once(is_json(body)).chain(body.split(|byte| *byte == b'\n').map(of_event)).collect()
    };
    texts(before) == texts(after)
}

fn settled(seen: &Seen) -> String {
    seen.settled.as_ref().map(|outcome| outcome.header().to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn play(exchange_: &Exchange, chunk: usize) -> Result<Vec<u8>, String> {
    let seen = exchange(layer(), exchange_.request(), exchange_.response(chunk)).await;
    let body = seen.body();
    let said = settled(&seen);
    let is_said = said == exchange_.settled || said.starts_with(&format!("{},", exchange_.settled));
    if !is_said || (exchange_.settled.is_empty() && !seen.outcome().is_empty()) {
        return Err(format!("settled: {said:?}, not {:?}", exchange_.settled));
    }
    if seen.error.is_some() != exchange_.cut {
        return Err(format!("its end: {:?}", seen.error));
    }
    let (status, fields, _) = message(&exchange_.reply);
    if seen.status.to_string() != status {
        return Err(format!("status {}", seen.status));
    }
    let has_changed = |(name, value): &&(&str, &str)| seen.headers.get(*name).is_none_or(|seen| seen != value);
    if let Some((name, _)) = fields.iter().find(|field| field.0 != "content-length" && has_changed(field)) {
        return Err(format!("the header {name} has changed"));
    }
    if !stays_readable(&exchange_.bytes(), &body) {
        return Err(format!("JSON is broken\n{}", String::from_utf8_lossy(&body)));
    }
    exchange_.explains(&body).map_err(|why| format!("{why}\n{}", String::from_utf8_lossy(&body)))?;
    Ok(body)
}

#[tokio::test(start_paused = true)]
async fn every_exchange_comes_out_as_it_should_however_its_bytes_are_cut() {
    let mut failed = Vec::new();
    for file in files() {
        for exchange in &file.exchange {
            let whole = play(exchange, usize::MAX).await;
            for chunk in [1, 7, 64] {
                let cut = play(exchange, chunk).await;
                if whole.is_ok() && cut != whole {
                    failed.push(format!(
                        "{}: {}: in chunks of {chunk}: {}",
                        file.protocol,
                        exchange.name,
                        cut.map_or_else(|why| why, |_| "differs".to_owned())
                    ));
                    break;
                }
            }
            if let Err(why) = whole {
                failed.push(format!("{}: {}: {why}", file.protocol, exchange.name));
            }
        }
    }
    assert!(failed.is_empty(), "{} fail:\n{}", failed.len(), failed.join("\n\n"));
}

#[tokio::test(start_paused = true)]
async fn a_sentence_is_written_as_its_place_needs() {
    const SAY: &str = "Call \"112\" <now>, here \\ & there.";
    let policy = Policy::default().with_danger(SAY);
    let mut failed = Vec::new();
    for file in files() {
        let of_all = file.exchange.iter().filter(|exchange| exchange.settled == "prepend");
        for exchange_ in of_all.filter(|exchange| exchange.request.contains(FURIOUS)) {
            let layer = layer().policy(policy.clone());
            let request = exchange_.request.replace(FURIOUS, "I want to kill myself tonight.");
            let asked = Exchange { request, ..exchange_.clone() };
            let seen = exchange(layer, asked.request(), asked.response(usize::MAX)).await;
            let (before, after) = (asked.bytes(), seen.body());
            let text = String::from_utf8_lossy(&after).into_owned();
            let as_json = SAY.replace('\\', "\\\\").replace('"', "\\\"");
            let as_ssml = as_json.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let is_said = [as_json.as_str(), SAY, as_ssml.as_str()].iter().any(|written| text.contains(written));
            if !is_said || !stays_readable(&before, &after) {
                failed.push(format!("{}: {}: {text}", file.protocol, exchange_.name));
            }
        }
    }
    assert!(failed.is_empty(), "{} fail:\n{}", failed.len(), failed.join("\n\n"));
}

/// The part of `docs/protocols.md` that is written from the exchanges.
fn table(files: &[File]) -> String {
    let mut text = String::from(
        "| protocol | plain | streamed | softened | left alone | broken |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for file in files {
        let mut cells = BTreeMap::<Cell, usize>::new();
        for exchange in &file.exchange {
            *cells.entry(exchange.cell).or_default() += 1;
        }
        let cells: Vec<_> = Cell::ALL
            .iter()
            .map(|(cell, _)| cells.get(cell).map_or_else(|| "–".to_owned(), usize::to_string))
            .collect();
        let _ = writeln!(text, "| [{}](#{}) | {} |", file.title, anchor(&file.title), cells.join(" | "));
    }
    for file in files {
        let _ = write!(text, "\n### {}\n\n", file.title);
        for (cell, name) in Cell::ALL {
            let names: Vec<_> = file.exchange.iter().filter(|exchange| exchange.cell == cell).collect();
            if !names.is_empty() {
                let names: Vec<_> = names
                    .iter()
                    .map(|exchange| match exchange.settled.split_once("reason=") {
                        Some((_, reason)) => format!("{} (`{reason}`)", exchange.name),
                        None => exchange.name.clone(),
                    })
                    .collect();
                let _ = writeln!(text, "- **{name}**: {}", names.join("; "));
            }
        }
        for why in &file.untouched {
            let _ = writeln!(text, "- **not edited at all**: {why}");
        }
    }
    text
}

fn anchor(title: &str) -> String {
    title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'))
        .collect::<String>()
        .replace(' ', "-")
}

#[test]
fn the_table_in_the_documentation_is_that_of_these_exchanges() {
    const PATH: &str = "docs/protocols.md";
    const BEGIN: &str = "<!-- written by tests/protocols.rs -->\n";
    let text = fs::read_to_string(PATH).unwrap();
    let (before, written) = text.split_once(BEGIN).unwrap();
    let table = table(&files());
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(PATH, format!("{before}{BEGIN}{table}")).unwrap();
        return;
    }
    assert!(written == table, "{PATH} is out of date: UPDATE_EXPECTED=1 cargo test --test protocols");
}

#[test]
fn every_cell_of_the_table_has_an_exchange_or_a_reason() {
    // Replies of these come in one way only.
    let never_streamed = ["dialogflow-es", "dialogflow-cx", "lex", "botpress"];
    let never_plain = ["ag-ui", "vercel"];
    for file in files() {
        for (cell, name) in Cell::ALL {
            let is_exempt = (cell == Cell::Streamed && never_streamed.contains(&file.protocol.as_str()))
                || (cell == Cell::Plain && never_plain.contains(&file.protocol.as_str()));
            let has_one = file.exchange.iter().any(|exchange| exchange.cell == cell);
            assert_eq!(has_one, !is_exempt, "{}: {name}", file.protocol);
        }
    }
}

/// Words that no reply has.
const WORDS: &str = "Quixotic zephyr.";

/// Whether a body that has words behind its texts is the same body without them: they stand in pieces of its own texts, or
/// in events of their own.
fn is_the_same_but_for_words(without: &[u8], with: &[u8]) -> bool {
    // An event of its own may end its lines otherwise.
    let read = |body: &[u8]| String::from_utf8_lossy(body).replace('\r', "");
    let (without, with) = (read(without), read(with));
    let end = if with.contains("\n\n") { "\n\n" } else { "\n" };
    let plain = |event: &str| {
        let blanks = ["\\n\\n", "\n\n", "\\n", "\n", " ", ""];
        blanks.iter().fold(event.to_owned(), |event, blank| event.replace(&format!("{blank}{WORDS}"), ""))
    };
    let mut rest = &*without;
    for event in with.split_inclusive(end) {
        match rest.strip_prefix(&*plain(event)) {
            Some(after) => rest = after,
            // The last line had no end.
            None if !rest.is_empty() && plain(event).trim_end() == rest => rest = "",
            None if event.contains(&format!("{WORDS}\"")) => {}
            None => return false,
        }
    }
    rest.is_empty()
}

/// Whether each line of data in a body is JSON, or the whole of it is.
fn is_readable(body: &[u8]) -> bool {
    let is_json = |text: &[u8]| serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok();
    let data = |line: &[u8]| line.strip_prefix(b"data:").unwrap_or(line).trim_ascii().to_vec();
    let begins = |line: &Vec<u8>| line.first().is_some_and(|first| matches!(first, b'{' | b'['));
    is_json(body) || body.split(|byte| *byte == b'\n').map(data).filter(begins).all(|line| is_json(&line))
}

#[tokio::test(start_paused = true)]
async fn words_behind_a_reply_change_nothing_else_of_it() {
    let rules =
        format!("[[rule]]\nname = 'behind'\nlayer = 'cognitive'\nwhen = 'true'\nplace = 'end'\nsay = '{WORDS}'\n");
    let rules = undertone::rules::Rules::from_toml(&rules).unwrap();
    let mut failed = Vec::new();
    let mut said = 0;
    for file in files() {
        for exchange_ in &file.exchange {
            for chunk in [usize::MAX, 64, 7] {
                let play = |layer: EmpathyLayer| exchange(layer, exchange_.request(), exchange_.response(chunk));
                let (without, with) = (play(layer()).await.body(), play(layer().rules(rules.clone())).await.body());
                said += usize::from(with != without);
                if !is_the_same_but_for_words(&without, &with) || is_readable(&with) != is_readable(&without) {
                    let seen = String::from_utf8_lossy(&with).into_owned();
                    failed.push(format!("{}: {} ({chunk}): {seen}", file.protocol, exchange_.name));
                    break;
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} of them:\n{}", failed.len(), failed.join("\n\n"));
    assert!(said > 300, "{said}");
}
