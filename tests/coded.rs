//! Compressed replies: edited as they come and sent as identity, or passed as they are.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::{convert::Infallible, io::Write as _};

use bytes::Bytes;
use common::{Step, chat, chunks, completion, exchange, json, layer, limits, post, script, sse, stream, within};
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt, service_fn};
use undertone::layer::RequestBody;

const FURIOUS: &str = "I am furious, where is my order?";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn brotli(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut text.as_bytes(), &mut out, &brotli::enc::BrotliEncoderParams::default()).unwrap();
    out
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 0).unwrap()
}

fn coded<B>(coding: &'static str, mut response: Response<B>) -> Response<B> {
    response.headers_mut().insert("content-encoding", HeaderValue::from_static(coding));
    response.headers_mut().insert("etag", HeaderValue::from_static("\"v1\""));
    response
}

/// Each coding's name, and a text in it.
fn codings(text: &str) -> [(&'static str, Vec<u8>); 4] {
    [("gzip", gzip(text)), ("br", brotli(text)), ("zstd", zstd(text)), ("deflate", deflate(text))]
}

fn deflate(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_compressed_reply_is_edited_and_sent_as_it_reads() {
    for (coding, bytes) in codings(&completion("It left on Tuesday.")) {
        let mut response = coded(coding, json(chunks([&*bytes])));
        response.headers_mut().insert("content-length", bytes.len().into());
        let seen = within(exchange(layer(), post(chat(FURIOUS)), response)).await;
        assert!(seen.text().contains("It left on Tuesday.") && seen.outcome().starts_with("prepend,"), "{coding}");
        assert!(!seen.headers.contains_key("content-encoding") && !seen.headers.contains_key("etag"), "{coding}");
        assert_eq!(seen.headers["content-length"], seen.body().len().to_string(), "{coding}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_compressed_stream_is_edited_as_it_comes_however_it_is_cut() {
    let plain = stream(&["It left", " on Tuesday."]);
    for (coding, bytes) in codings(&plain) {
        for length in [1, 5, usize::MAX] {
            let response = coded(coding, sse(chunks(bytes.chunks(length))));
            let seen = within(exchange(layer(), post(chat(FURIOUS)), response)).await;
            let (text, said) = (seen.text(), seen.settled.unwrap().header());
            assert!(said.to_str().unwrap().starts_with("prepend"), "{coding}: {said:?}");
            assert!(text.contains("It left\"") && text.ends_with("data: [DONE]\n\n"), "{coding}: {text}");
            assert!(text.len() > plain.len() && !seen.headers.contains_key("content-encoding"), "{coding}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_edited_stays_compressed() {
    let bytes = gzip(&completion("It left on Tuesday."));
    let seen = within(exchange(layer(), post(chat("Where is it?")), coded("gzip", json(chunks([&*bytes]))))).await;
    assert_eq!((seen.body(), &seen.headers["content-encoding"]), (bytes, &HeaderValue::from_static("gzip")));
    assert_eq!(seen.headers["etag"], "\"v1\"");
}

#[tokio::test(start_paused = true)]
async fn a_coding_that_is_not_known_or_not_true_passes_as_it_came() {
    for coding in ["aws-chunked", "gzip, br", "gzip"] {
        let response = coded(coding, json(chunks([&b"no gzip at all"[..]])));
        let seen = within(exchange(layer(), post(chat(FURIOUS)), response)).await;
        assert_eq!(seen.text(), "no gzip at all", "{coding}");
        assert_eq!(seen.headers["content-encoding"], coding);
        assert!(seen.outcome().starts_with("none, reason=encoding"), "{coding}: {}", seen.outcome());
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_else_gets_it_compressed() {
    let bytes = gzip(&completion("It left on Tuesday."));
    let request = Request::post("/v1/chat/completions").header("accept-encoding", "gzip, identity;q=0");
    let request = request.body(Full::new(Bytes::from(chat(FURIOUS)))).unwrap();
    let seen = within(exchange(layer(), request, coded("gzip", json(chunks([&*bytes]))))).await;
    assert_eq!(seen.body(), bytes);
    assert!(seen.outcome().starts_with("none, reason=encoding"), "{}", seen.outcome());
}

#[tokio::test(start_paused = true)]
async fn a_bomb_passes_as_it_came() {
    let bytes = gzip(&completion(&"It left. ".repeat(100_000)));
    let layer = layer().limits(limits(|limits| limits.max_reply_bytes = 100_000));
    let seen = within(exchange(layer, post(chat(FURIOUS)), coded("gzip", json(chunks([&*bytes]))))).await;
    assert!(bytes.len() < 100_000 && seen.body() == bytes);
    assert!(seen.outcome().starts_with("none, reason=reply-too-long"), "{}", seen.outcome());
}

#[tokio::test(start_paused = true)]
async fn a_compressed_stream_that_turns_to_garbage_breaks_off_and_does_not_end_well() {
    let bytes = gzip(&stream(&["It left", " on Tuesday."]));
    // Behind the header, a block of a type that there is not.
    let steps = [Step::Data(Bytes::copy_from_slice(&bytes[..10])), Step::Data(Bytes::from_static(&[0x07; 64]))];
    let seen = within(exchange(layer(), post(chat(FURIOUS)), coded("gzip", sse(script(steps))))).await;
    assert_eq!(seen.error, Some("the bot's reply is not compressed as its Content-Encoding says"));
}

#[tokio::test(start_paused = true)]
async fn a_compressed_stream_whose_end_was_never_written_ends_with_its_connection() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(stream(&["It left", " on Tuesday."]).as_bytes()).unwrap();
    encoder.flush().unwrap();
    let bytes = encoder.get_ref().clone();
    let seen = within(exchange(layer(), post(chat(FURIOUS)), coded("gzip", sse(chunks([&*bytes]))))).await;
    assert!(seen.error.is_none() && seen.text().ends_with("data: [DONE]\n\n"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn trailers_that_describe_compressed_bytes_go_with_the_compression() {
    let bytes = gzip(&stream(&["It left", " on Tuesday."]));
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("content-digest"), HeaderValue::from_static("x"))]);
    for turn in [FURIOUS, "Where is it?"] {
        let steps = [Step::Data(bytes.clone().into()), Step::Trailers(trailers.clone())];
        let seen = within(exchange(layer(), post(chat(turn)), coded("gzip", sse(script(steps))))).await;
        assert!(seen.text().contains("It left") && seen.trailers.unwrap().is_empty(), "{turn}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_turn_in_a_compressed_request_is_read_and_the_request_goes_on_as_it_came() {
    let bytes = gzip(&chat(FURIOUS));
    let request = |coding| {
        let request = Request::post("/v1/chat/completions").header("content-encoding", coding);
        request.body(Full::new(Bytes::from(bytes.clone()))).unwrap()
    };
    let reply = completion("It left on Tuesday.");
    let seen = within(exchange(layer(), request("gzip"), json(chunks([reply.as_bytes()])))).await;
    assert!(seen.outcome().starts_with("prepend,"), "{}", seen.outcome());
    for coding in ["br", "compress"] {
        let seen = within(exchange(layer(), request(coding), json(chunks([reply.as_bytes()])))).await;
        assert_eq!((seen.text(), seen.outcome()), (reply.clone(), "none, reason=encoding"), "{coding}");
    }
}

#[tokio::test]
async fn a_compressed_request_keeps_even_undertones_own_words() {
    let sentence = "I can see why you're so upset.";
    let body = serde_json::json!({"messages": [
        {"role": "user", "content": FURIOUS},
        {"role": "assistant", "content": format!("{sentence} It left on Tuesday.")},
        {"role": "user", "content": "Where is it now?"},
    ]});
    let (plain, coded) = (body.to_string().into_bytes(), gzip(&body.to_string()));
    for (bytes, coding, is_kept) in [(plain, None, false), (coded, Some("gzip"), true)] {
        let mut request = Request::post("/v1/chat/completions");
        if let Some(coding) = coding {
            request = request.header("content-encoding", coding);
        }
        let request = request.body(Full::new(Bytes::from(bytes.clone()))).unwrap();
        let bot = service_fn(|request: Request<RequestBody<Full<Bytes>>>| async {
            let got = request.into_body().collect().await.unwrap().to_bytes();
            Ok::<_, Infallible>(Response::new(Full::new(got)))
        });
        let got = layer().layer(bot).oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        assert_eq!(got == bytes, is_kept, "{coding:?}");
    }
}
