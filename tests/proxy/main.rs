//! The proxy over real sockets: what a client and a bot see of each other through it.

mod lifetime;
// `cfg(test)` is always true here; it tells clippy that these helpers may panic, as tests may.
#[cfg(test)]
mod wire;

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use self::wire::Proxy;

/// A body that does not know its length.
struct Unsized(VecDeque<&'static str>);

impl http_body::Body for Unsized {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(self.0.pop_front().map(|piece| Ok(http_body::Frame::data(Bytes::from(piece)))))
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n";

#[tokio::test]
async fn a_request_goes_on_without_what_concerns_the_connection() {
    let proxy = Proxy::start().await;
    let request = "PURR //a%2Fb?c=%20&d HTTP/1.1\r\nHost: shop.example\r\nConnection: x-one\r\nConnection: X-Two , x-three\r\n\
        X-One: 1\r\nX-Two: 2\r\nx-three: 3\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n\
        TE: trailers, deflate\r\nX-Kept: b\r\nx-kept: a\r\nX-Forwarded-For: 10.0.0.1\r\nVia: 1.1 edge\r\n\r\n";
    let _client = proxy.client(request).await;
    let expected = [
        "PURR //a%2Fb?c=%20&d HTTP/1.1",
        "Connection: te",
        "Host: shop.example",
        "TE: trailers",
        "Via: 1.1 edge",
        "via: 1.1 undertone",
        "X-Forwarded-For: 10.0.0.1, 127.0.0.1",
        "x-forwarded-host: shop.example",
        "x-forwarded-proto: http",
        "X-Kept: b",
        "x-kept: a",
    ];
    assert_eq!(proxy.bot().await.head().await, expected);
}

#[tokio::test]
async fn a_bot_may_be_told_its_own_name_instead_of_the_clients() {
    let proxy = Proxy::start_with(|server| server, |bot| bot.preserve_host(false)).await;
    let _client = proxy.client(GET).await;
    let head = proxy.bot().await.head().await;
    assert!(head.contains(&format!("Host: {}", proxy.bot_address())), "{head:?}");
    assert!(head.contains(&"x-forwarded-host: shop.example".to_owned()), "{head:?}");
}

#[tokio::test]
async fn a_redirect_does_not_show_where_the_bot_is() {
    let proxy = Proxy::start().await;
    for (location, expected) in [
        (format!("http://{}/login?next=%2F", proxy.bot_address()), "/login?next=%2F"),
        ("https://accounts.example/".to_owned(), "https://accounts.example/"),
    ] {
        let mut client = proxy.client(GET).await;
        let mut bot = proxy.bot().await;
        bot.head().await;
        bot.send(format!(
            "HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        ))
        .await;
        let head = client.head().await;
        assert!(head.contains(&format!("Location: {expected}")), "{head:?}");
    }
}

#[tokio::test]
async fn a_body_in_chunks_arrives_whatever_the_method() {
    let proxy = Proxy::start().await;
    for method in ["GET", "DELETE", "HEAD", "POST"] {
        let head = format!("{method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        let _client = proxy.client(&(head + "2\r\nhi\r\n0\r\n\r\n")).await;
        let mut bot = proxy.bot().await;
        bot.head().await;
        assert_eq!(bot.until("0\r\n\r\n").await, "2\r\nhi\r\n0\r\n\r\n", "{method}");
    }
}

#[tokio::test]
async fn many_fields_and_odd_lines_of_a_reply_are_no_reason_to_refuse_an_exchange() {
    let proxy = Proxy::start().await;
    let fields: String = (0..150).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let mut client = proxy.client(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).await;
    let mut bot = proxy.bot().await;
    assert!(bot.head().await.contains(&"X-149: 149".to_owned()));
    bot.send(format!("HTTP/1.1 200 OK\r\n{fields}odd line\r\nContent-Length: 2\r\n\r\nok")).await;
    let head = client.head().await;
    assert!(head[0] == "HTTP/1.1 200 OK" && head.contains(&"X-149: 149".to_owned()), "{head:?}");
    assert_eq!(client.until("ok").await, "ok");
}

#[tokio::test]
async fn a_request_whose_end_may_be_read_in_two_ways_is_refused() {
    let proxy = Proxy::start().await;
    for line in ["Transfer-Encoding : chunked", "odd line without a colon"] {
        let mut client = proxy.client(&format!("POST / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n")).await;
        assert_eq!(client.head().await[0], "HTTP/1.1 400 Bad Request", "{line}");
    }
}

#[tokio::test]
async fn a_response_comes_back_without_what_concerns_the_connection() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send(
        "HTTP/1.1 299 Fair Enough\r\nConnection: keep-alive\r\nConnection: x-one\r\nX-One: 1\r\nKeep-Alive: timeout=5\r\n\
         Upgrade: h2c\r\nSet-Cookie: b=1\r\nSet-Cookie: a=2\r\nServer: bot\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
         Content-Length: 2\r\n\r\nok",
    )
    .await;
    let expected = [
        "HTTP/1.1 299 Fair Enough",
        "Content-Length: 2",
        "Date: Thu, 01 Jan 1970 00:00:00 GMT",
        "Server: bot",
        "Set-Cookie: b=1",
        "Set-Cookie: a=2",
    ];
    assert_eq!(client.head().await, expected);
    assert_eq!(client.until("ok").await, "ok");
}

#[tokio::test]
async fn announced_trailers_pass_except_hop_by_hop_ones() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client("GET / HTTP/1.1\r\nHost: a\r\nConnection: te\r\nTE: trailers\r\n\r\n").await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, x-hop\r\nConnection: x-hop\r\n\r\n\
         2\r\nok\r\n0\r\nx-sum: 1\r\nx-hop: 2\r\n\r\n",
    )
    .await;
    client.head().await;
    assert_eq!(client.until("\r\n\r\n").await, "2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n");
}

#[tokio::test]
async fn a_length_that_is_overridden_does_not_reach_the_client() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
    let head = client.head().await;
    assert!(head.contains(&"Transfer-Encoding: chunked".to_owned()), "{head:?}");
    assert!(!head.iter().any(|line| line.to_ascii_lowercase().starts_with("content-length")), "{head:?}");
    assert_eq!(client.until("0\r\n\r\n").await, "2\r\nok\r\n0\r\n\r\n");
}

#[tokio::test]
async fn each_chunk_passes_before_the_next_is_sent_both_ways() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.head().await;
    for chunk in ["3\r\none\r\n", "3\r\ntwo\r\n", "0\r\n\r\n"] {
        client.send(chunk).await;
        assert_eq!(bot.until(chunk).await, chunk);
        bot.send(chunk).await;
        assert_eq!(client.until(chunk).await, chunk);
    }
}

#[tokio::test]
async fn an_upgraded_connection_is_a_tunnel() {
    let proxy = Proxy::start().await;
    let mut client = proxy
        .client("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .await;
    let mut bot = proxy.bot().await;
    let head = bot.head().await;
    assert!(head.contains(&"Connection: upgrade".to_owned()), "{head:?}");
    assert!(head.contains(&"Upgrade: websocket".to_owned()), "{head:?}");
    bot.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello").await;
    let head = client.head().await;
    assert_eq!(head[0], "HTTP/1.1 101 Switching Protocols");
    assert!(head.contains(&"Upgrade: websocket".to_owned()), "{head:?}");
    assert_eq!(client.until("hello").await, "hello");
    client.send("\0ping").await;
    assert_eq!(bot.until("\0ping").await, "\0ping");
    drop(bot);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn http2_past_the_proxy_is_not_asked_for() {
    let proxy = Proxy::start().await;
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n";
    let _client = proxy.client(request).await;
    let head = proxy.bot().await.head().await.join("\n").to_ascii_lowercase();
    assert!(!head.contains("upgrade") && !head.contains("http2-settings"), "{head}");
}

#[tokio::test]
async fn a_switch_that_nobody_asked_for_is_a_bad_gateway() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chess\r\n\r\n").await;
    assert_eq!(client.head().await[0], "HTTP/1.1 502 Bad Gateway");
    assert_eq!(client.until("\n").await, "undertone: the bot switched protocols unasked\n");
}

#[tokio::test]
async fn connect_is_refused_in_plain_words() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n").await;
    assert_eq!(client.head().await[0], "HTTP/1.1 501 Not Implemented");
    assert_eq!(client.until("\n").await, "undertone: CONNECT is refused: this is a reverse proxy\n");
}

#[tokio::test]
async fn the_length_of_what_head_does_not_return_is_kept() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
    let head = client.head().await;
    assert!(head.contains(&"Content-Length: 1234".to_owned()), "{head:?}");
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_a_body_that_ends_with_the_connection() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client("GET / HTTP/1.0\r\n\r\n").await;
    let mut bot = proxy.bot().await;
    assert_eq!(bot.head().await[0], "GET / HTTP/1.1");
    bot.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n").await;
    let head = client.head().await;
    assert!(!head.iter().any(|line| line.to_ascii_lowercase().starts_with("transfer-encoding")), "{head:?}");
    assert_eq!(client.rest().await, "ok");
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_the_body_is_asked() {
    let proxy = Proxy::start().await;
    let mut client =
        proxy.client("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.head().await, ["HTTP/1.1 100 Continue"]);
    client.send("ok").await;
    let mut bot = proxy.bot().await;
    let head = bot.head().await;
    assert!(!head.iter().any(|line| line.to_ascii_lowercase().starts_with("expect")), "{head:?}");
    assert_eq!(bot.until("ok").await, "ok");
}

#[tokio::test]
async fn large_bodies_arrive_as_they_were_sent() {
    const SIZE: usize = 8 << 20;
    let sent: Vec<u8> = (0..SIZE).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect();
    let proxy = Proxy::start().await;
    let mut client = proxy.client(&format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n")).await;
    let (mut client_reads, mut client_writes) = client.0.split();
    let upload = client_writes.write_all(&sent);
    let echo = async {
        let mut bot = proxy.bot().await;
        bot.head().await;
        let mut received = vec![0; SIZE];
        bot.0.read_exact(&mut received).await.unwrap();
        bot.send(format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {SIZE}\r\n\r\n")).await;
        bot.send(&received).await;
    };
    let download = async {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client_reads.read_u8().await.unwrap());
        }
        let mut received = vec![0; SIZE];
        client_reads.read_exact(&mut received).await.unwrap();
        received
    };
    let (uploaded, (), received) = tokio::join!(upload, echo, download);
    uploaded.unwrap();
    assert!(received == sent);
}

#[tokio::test]
async fn http2_clients_are_served_and_get_their_trailers() {
    let proxy = Proxy::start().await;
    let stream = TcpStream::connect(proxy.address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post("http://shop.example/chat").header("te", "trailers");
    let response = client.send_request(request.body(Full::new(Bytes::from("hi"))).unwrap());
    let bot = async {
        let mut bot = proxy.bot().await;
        let head = bot.head().await;
        assert_eq!(head[0], "POST /chat HTTP/1.1");
        assert!(head.contains(&"via: 2 undertone".to_owned()), "{head:?}");
        assert!(head.contains(&"x-forwarded-host: shop.example".to_owned()), "{head:?}");
        assert_eq!(bot.until("hi").await, "hi");
        bot.send("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n")
            .await;
        bot.send("2\r\nok\r\n0\r\nx-sum: 1\r\n\r\n").await;
    };
    let (response, ()) = tokio::join!(response, bot);
    let body = response.unwrap().into_body().collect().await.unwrap();
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("1"))]);
    assert_eq!(body.trailers(), Some(&trailers));
    assert_eq!(body.to_bytes(), "ok");
}

#[tokio::test]
async fn http2_bodies_without_a_length_and_cookies_in_crumbs_arrive_whole() {
    let proxy = Proxy::start().await;
    let stream = TcpStream::connect(proxy.address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let body = Unsized(VecDeque::from(["he", "llo"]));
    let request = Request::get("http://shop.example/chat").header("cookie", "a=1").header("cookie", "b=2");
    let response = client.send_request(request.body(body).unwrap());
    let bot = async {
        let mut bot = proxy.bot().await;
        let head = bot.head().await;
        assert!(head.contains(&"cookie: a=1; b=2".to_owned()), "{head:?}");
        assert!(bot.until("0\r\n\r\n").await.replace("\r\n2\r\n", "").contains("llo"));
        bot.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    };
    let (response, ()) = tokio::join!(response, bot);
    assert_eq!(response.unwrap().into_body().collect().await.unwrap().to_bytes(), "ok");
}

#[tokio::test]
async fn http2_clients_get_what_there_is_of_a_reply_that_breaks_off() {
    let proxy = Proxy::start().await;
    let stream = TcpStream::connect(proxy.address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let response = client.send_request(Request::get("http://a/").body(Empty::<Bytes>::new()).unwrap());
    let bot = async {
        let mut bot = proxy.bot().await;
        bot.head().await;
        bot.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    };
    let (response, ()) = tokio::join!(response, bot);
    let mut body = response.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
    assert!(body.frame().await.unwrap().is_err(), "it is not complete");
}

#[tokio::test]
async fn the_service_works_without_the_server() {
    let proxy = Proxy::start().await;
    let bot = wire::upstream_at(proxy.bot_address());
    let answer = tower::ServiceExt::oneshot(bot, Request::get("/alone").body(Empty::<Bytes>::new()).unwrap());
    let script = async {
        let mut bot = proxy.bot().await;
        assert_eq!(bot.head().await[0], "GET /alone HTTP/1.1");
        bot.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    };
    let (answer, ()) = tokio::join!(answer, script);
    assert_eq!(answer.unwrap().status(), 204);
}
