//! Wire shapes, many of them from public bug reports (`tests/fixtures/wire.jsonl`), played through the layer: a request, the
//! bot's timed bytes, and where the one sentence must stand. Every other byte is the bot's, the request arrives
//! unchanged, and nothing comes later than it may.
//!
//! Time is paused, so that how late something comes does not depend on the machine.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test fails by panicking")]

mod common;

use std::{
    convert::Infallible,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use common::*;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use serde::Deserialize;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};
use undertone::{
    layer::{EmpathyLayer, RequestBody},
    protocol::{CustomProtocol, CustomSpec, Protocols},
};

/// How much later than from the bot the first byte of a body may come, unless the case says otherwise.
const LATE: Duration = Duration::from_millis(150);

#[derive(Deserialize)]
struct Case {
    name: String,
    note: String,
    path: String,
    config: String,
    headers: Vec<(String, String)>,
    request: Piece,
    reply: Vec<Timed>,
    want: Want,
}

#[derive(Deserialize)]
struct Want {
    /// The texts before which the sentence stands; none: the bot's own bytes.
    insert_before: Vec<String>,
    /// How the header `undertone` begins, or `any`.
    header: Option<String>,
    why: String,
    late_s: Option<f64>,
}

#[derive(Deserialize)]
struct Piece {
    utf8: Option<String>,
    b64: Option<String>,
}

#[derive(Deserialize)]
struct Timed {
    after_s: f64,
    #[serde(flatten)]
    piece: Piece,
}

impl Piece {
    fn bytes(&self) -> Vec<u8> {
        match (&self.utf8, &self.b64) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(text)) => from_base64(text),
            (None, None) => Vec::new(),
        }
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|c| DIGITS.iter().position(|digit| *digit == c));
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_usize, 0);
    for digit in digits {
        bits = bits << 6 | digit;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).unwrap());
        }
    }
    bytes
}

/// Takes the chunks of HTTP/1.1 apart as they come.
#[derive(Default)]
struct Chunks {
    buffer: Vec<u8>,
    is_over: bool,
}

impl Chunks {
    /// The data in what has come, whole chunks or parts of them.
    fn take(&mut self, bytes: &[u8], left: &mut usize) -> Vec<u8> {
        self.buffer.extend_from_slice(bytes);
        let mut data = Vec::new();
        while !self.is_over {
            if *left > 0 {
                // The line end behind the data is part of what is left.
                let taken = self.buffer.len().min(*left);
                let kept = taken.min(left.saturating_sub(2));
                data.extend(self.buffer.drain(..taken).take(kept));
                *left -= taken;
                if *left > 0 {
                    break;
                }
            }
            let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") else { break };
            let line = String::from_utf8(self.buffer.drain(..end + 2).collect()).unwrap();
            let size = usize::from_str_radix(line.trim().split(';').next().unwrap(), 16).unwrap();
            (self.is_over, *left) = (size == 0, size + 2);
        }
        data
    }
}

/// The bot's reply as the proxy's client side would hand it on, and the bytes of its body.
fn reply(case: &Case) -> (Response<Script>, Vec<u8>) {
    let (mut head, mut steps, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let (mut response, mut chunks, mut left, mut length) = (None, None, 0, None);
    for timed in &case.reply {
        if timed.after_s > 0.0 {
            steps.push(Step::Wait(Duration::from_secs_f64(timed.after_s)));
        }
        let mut bytes = timed.piece.bytes();
        if response.is_none() {
            head.append(&mut bytes);
            // An interim response is the proxy's business.
            while head.starts_with(b"HTTP/1.1 1") {
                let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else { break };
                head.drain(..end + 4);
            }
            let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            bytes = head.split_off(end + 4);
            let (status, fields) = parse(&head);
            let is = |name: &str| fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
            chunks = is("transfer-encoding").map(|_| Chunks::default());
            length = is("content-length").and_then(|(_, length)| std::str::from_utf8(length).ok()?.parse().ok());
            let mut builder = Response::builder().status(status);
            for (name, value) in fields {
                // What concerns the connection is taken off before the layer sees it.
                if !["transfer-encoding", "connection"].contains(&name.to_ascii_lowercase().as_str()) {
                    builder = builder.header(name, value);
                }
            }
            response = Some(builder);
        }
        if let Some(chunks) = &mut chunks {
            bytes = chunks.take(&bytes, &mut left);
        }
        whole.extend_from_slice(&bytes);
        if !bytes.is_empty() {
            steps.push(Step::Data(bytes.into()));
            steps.push(Step::Yield);
        }
    }
    let is_cut =
        chunks.is_some_and(|chunks| !chunks.is_over) || length.is_some_and(|length: usize| whole.len() < length);
    if is_cut {
        steps.push(Step::Error("reset"));
    }
    (response.unwrap().body(script(steps)).unwrap(), whole)
}

fn parse(head: &[u8]) -> (u16, Vec<(String, Vec<u8>)>) {
    let lines: Vec<_> = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    let status = String::from_utf8_lossy(lines[0]).split(' ').nth(1).unwrap().parse().unwrap();
    let fields = lines[1..].iter().filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((String::from_utf8(line[..colon].to_vec()).ok()?, line[colon + 1..].trim_ascii().to_vec()))
    });
    (status, fields.collect())
}

/// Whether `edited` is `direct` with one insertion right before each of the texts, in this order.
fn explains(direct: &[u8], edited: &[u8], before: &[String]) -> bool {
    let Some((text, others)) = before.split_first() else { return direct == edited };
    let at = |bytes: &[u8], from: usize| {
        (from..bytes.len()).find(|at| bytes[*at..].starts_with(text.as_bytes())).unwrap_or(usize::MAX)
    };
    let mut start = at(direct, 0);
    while start < direct.len() && edited.get(..start) == direct.get(..start) {
        let mut end = at(edited, start + 1);
        while end < edited.len() && end - start <= 400 {
            if explains(&direct[start..], &edited[end..], others) {
                return true;
            }
            end = at(edited, end + 1);
        }
        start = at(direct, start + 1);
    }
    false
}

/// Reads a body; gives its bytes, and how long the first took.
async fn timed(body: impl http_body::Body<Data = Bytes>) -> (Vec<u8>, Option<Duration>, bool) {
    let start = Instant::now();
    let mut body = std::pin::pin!(body);
    let (mut bytes, mut first) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) if !data.is_empty() => {
                first.get_or_insert_with(|| start.elapsed());
                bytes.extend(data);
            }
            Ok(_) => {}
            Err(_) => return (bytes, first, true),
        }
    }
    (bytes, first, false)
}

async fn play(case: &Case, layer: EmpathyLayer) -> Result<(), String> {
    let (response, whole) = reply(case);
    let (direct, direct_first, direct_broken) = timed(reply(case).0.into_body()).await;
    assert_eq!(direct, whole, "{}", case.name);
    let request = case.request.bytes();
    let mut asked = Request::post(case.path.as_str()).header("content-type", "application/json");
    for (name, value) in &case.headers {
        asked = asked.header(name, value);
    }
    let asked = asked.body(Full::new(Bytes::from(request.clone()))).unwrap();
    let arrived = Arc::new(Mutex::new((Some(response), Vec::new())));
    let at_bot = Arc::clone(&arrived);
    let bot = service_fn(move |request: Request<RequestBody<Full<Bytes>>>| {
        let at_bot = Arc::clone(&at_bot);
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let mut at_bot = at_bot.lock().unwrap();
            at_bot.1 = body.to_vec();
            let response = at_bot.0.take().unwrap();
            Ok::<_, Infallible>(response)
        }
    });
    let start = Instant::now();
    let response = layer.layer(bot).oneshot(asked).await.unwrap();
    let waited = start.elapsed();
    let said = response.headers().get("undertone").map(|value| value.to_str().unwrap().to_owned());
    let (edited, first, broken) = timed(response.into_body()).await;
    let late = first.map(|first| (first + waited).saturating_sub(direct_first.unwrap_or_default()));
    let limit = case.want.late_s.map_or(LATE, |late| LATE.max(Duration::from_secs_f64(late)));
    let header_is_right = match case.want.header.as_deref() {
        Some("any") => true,
        Some(wanted) => said.as_deref().is_some_and(|said| said.starts_with(wanted)),
        None => said.is_none(),
    };
    for (what, is_right) in [
        ("the body", explains(&direct, &edited, &case.want.insert_before)),
        ("the header", header_is_right),
        ("the request", arrived.lock().unwrap().1 == request),
        ("the end", broken == direct_broken),
        ("the time", late.is_none_or(|late| late <= limit)),
    ] {
        if !is_right {
            let edited = String::from_utf8_lossy(&edited);
            return Err(format!("{what}: {said:?}, first byte {late:?} late, {edited:.600}"));
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn every_shape_that_bug_reports_tell_of_comes_out_as_it_should() {
    let cases = fs::read_to_string("tests/fixtures/wire.jsonl").unwrap();
    let cases: Vec<Case> = cases.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    #[derive(Deserialize)]
    struct Custom {
        protocol: Vec<CustomSpec>,
    }
    let custom: Custom = toml::from_str(&fs::read_to_string("tests/fixtures/wire.toml").unwrap()).unwrap();
    let custom = custom
        .protocol
        .iter()
        .rev()
        .fold(Protocols::default(), |protocols, spec| protocols.with(CustomProtocol::new(spec).unwrap()));
    let base = layer();
    let mut failed = Vec::new();
    for case in &cases {
        let protocols = if case.config == "custom" { custom.clone() } else { Protocols::default() };
        let layer = base.clone().protocols(protocols);
        if let Err(why) = within(play(case, layer)).await {
            failed.push(format!("{}: {}\n  [{}] {}", case.name, why, case.note, case.want.why));
        }
    }
    assert!(failed.is_empty(), "{} of {} fail:\n{}", failed.len(), cases.len(), failed.join("\n"));
    assert!(cases.len() > 200);
}
