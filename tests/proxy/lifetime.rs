//! When things begin and end: failures, cancellation, shutdown.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use undertone::proxy::{Rescue, Server};

use crate::{
    GET,
    wire::{Proxy, Wire, upstream_at},
};

const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_bot_that_cannot_be_reached_is_a_502_that_says_so_and_not_where_it_is() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let rescued = Rescue::new(upstream_at(gone));
    tokio::spawn(Server::new(listener).serve(rescued, std::future::pending::<()>()));

    let mut client = Wire(TcpStream::connect(address).await.unwrap());
    client.send(GET).await;
    let head = client.head().await;
    assert_eq!(head[0], "HTTP/1.1 502 Bad Gateway");
    assert!(head.contains(&"content-type: text/plain; charset=utf-8".to_owned()), "{head:?}");
    assert!(head.contains(&"undertone: none, reason=no-reply".to_owned()), "{head:?}");
    assert_eq!(client.until("\n").await, "undertone: the bot cannot be reached\n");
}

#[tokio::test]
async fn a_bot_that_hangs_up_instead_of_answering_is_a_502() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client(GET).await;
    proxy.bot().await.head().await;
    assert_eq!(client.head().await[0], "HTTP/1.1 502 Bad Gateway");
    assert_eq!(client.until("\n").await, "undertone: the bot did not answer\n");
}

#[tokio::test]
async fn a_bot_that_does_not_speak_http_is_a_502() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send("SSH-2.0-OpenSSH_9.6\r\n").await;
    assert_eq!(client.head().await[0], "HTTP/1.1 502 Bad Gateway");
    client.until("\n").await;
}

#[tokio::test]
async fn a_reply_that_breaks_off_does_not_seem_complete() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send(CHUNKED).await;
    bot.send("4\r\nhalf\r\n").await;
    client.head().await;
    client.until("half\r\n").await;
    drop(bot);
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_bot_that_takes_too_long_is_a_504() {
    let proxy = Proxy::start_with(|server| server, |bot| bot.answer_timeout(Duration::from_millis(1))).await;
    let mut client = proxy.client(GET).await;
    let _bot = proxy.bot().await;
    let head = client.head().await;
    assert_eq!(head[0], "HTTP/1.1 504 Gateway Timeout");
    assert!(head.contains(&"undertone: none, reason=no-reply".to_owned()), "{head:?}");
    assert_eq!(client.until("\n").await, "undertone: the bot took too long to answer\n");
}

#[tokio::test]
async fn a_kept_connection_that_the_bot_has_closed_costs_no_request() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client("").await;
    for _ in 0..20 {
        client.send(GET).await;
        let mut bot = proxy.bot().await;
        bot.head().await;
        bot.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        drop(bot);
        assert_eq!(client.head().await[0], "HTTP/1.1 200 OK");
        assert_eq!(client.until("ok").await, "ok");
    }
}

#[tokio::test]
async fn a_client_that_has_said_everything_may_close_its_end_and_still_gets_the_answer() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client(GET).await;
    client.0.shutdown().await.unwrap();
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(client.head().await[0], "HTTP/1.1 200 OK");
    assert_eq!(client.rest().await, "ok");
}

#[tokio::test]
async fn no_more_connections_are_served_than_there_may_be_and_the_others_wait() {
    let proxy = Proxy::start_with(|server| server.max_connections(1), |bot| bot).await;
    let mut first = proxy.client(GET).await;
    let mut second = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").await;
    first.head().await;
    assert!(second.0.try_read(&mut [0]).is_err(), "it waits");
    bot.send("ok").await;
    assert_eq!(first.until("ok").await, "ok");
    drop(first);
    // On the connection that the proxy has kept.
    bot.head().await;
    bot.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(second.until("ok").await.lines().next(), Some("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn what_the_bot_said_before_it_broke_off_reaches_the_client() {
    let proxy = Proxy::start().await;
    let mut client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send(format!("{CHUNKED}4\r\nhalf\r\n")).await;
    drop(bot);
    client.head().await;
    assert_eq!(client.rest().await, "4\r\nhalf\r\n");
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_along() {
    let proxy = Proxy::start_with(|server| server.patience(Duration::ZERO), |bot| bot).await;
    let client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    drop(client);
    assert_eq!(bot.rest().await, "");
}

#[tokio::test]
async fn a_client_that_leaves_in_mid_reply_ends_it_at_the_bot() {
    let proxy = Proxy::start_with(|server| server.patience(Duration::ZERO), |bot| bot).await;
    let mut client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send(CHUNKED).await;
    bot.send("4\r\nhalf\r\n").await;
    client.head().await;
    client.until("half\r\n").await;
    drop(client);
    assert_eq!(bot.rest().await, "");
}

#[tokio::test]
async fn a_bot_writes_no_faster_than_the_client_reads() {
    const TOTAL: usize = 64 << 20;
    /// What two pairs of socket buffers and hyper's own may hold, with room to spare.
    const AHEAD: usize = 24 << 20;
    let proxy = Proxy::start().await;
    let mut client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {TOTAL}\r\n\r\n")).await;
    client.head().await;

    let (written, piece) = (AtomicUsize::new(0), vec![b'x'; 64 << 10]);
    let write = async {
        while written.load(Ordering::Relaxed) < TOTAL {
            bot.send(&piece).await;
            written.fetch_add(piece.len(), Ordering::Relaxed);
        }
    };
    let read = async {
        let (mut buffer, mut read) = (vec![0; 16 << 10], 0);
        while read < TOTAL {
            read += client.0.read(&mut buffer).await.unwrap();
            let ahead = written.load(Ordering::Relaxed).saturating_sub(read);
            assert!(ahead <= AHEAD, "{ahead} bytes ahead");
            // The bot gets every chance to run away.
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(write, read);
}

#[tokio::test]
async fn shutting_down_lets_an_open_reply_end() {
    let mut proxy = Proxy::start().await;
    let mut client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send(CHUNKED).await;
    client.head().await;

    proxy.stop();
    // Refused, or accepted by the system and reset: either way nobody answers.
    while let Ok(stream) = TcpStream::connect(proxy.address).await {
        drop(stream);
        tokio::task::yield_now().await;
    }
    bot.send("4\r\nlast\r\n0\r\n\r\n").await;
    assert_eq!(client.rest().await, "4\r\nlast\r\n0\r\n\r\n");
    proxy.ended().await;
}

#[tokio::test]
async fn shutting_down_closes_idle_connections_at_once() {
    let mut proxy = Proxy::start().await;
    let mut client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    client.until("ok").await;
    proxy.stop();
    assert_eq!(client.rest().await, "");
    proxy.ended().await;
}

#[tokio::test]
async fn what_outlasts_the_deadline_is_cut_off() {
    let mut proxy = Proxy::start_with_drain(Duration::ZERO).await;
    let mut client = proxy.client(GET).await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send(CHUNKED).await;
    client.head().await;
    proxy.stop();
    proxy.ended().await;
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn a_tunnel_is_waited_for_and_then_cut_off() {
    let mut proxy = Proxy::start_with_drain(Duration::ZERO).await;
    let mut client =
        proxy.client("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    let mut bot = proxy.bot().await;
    bot.head().await;
    bot.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello").await;
    client.head().await;
    client.until("hello").await;
    proxy.stop();
    proxy.ended().await;
    assert_eq!(client.rest().await, "");
}
