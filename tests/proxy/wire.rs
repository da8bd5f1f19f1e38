//! The proxy between a client and a bot that are written out byte by byte, over real sockets.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};
use undertone::proxy::{Rescue, Server, Upstream};

/// A running proxy before a bot whose connections the test accepts itself.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    bot: TcpListener,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

/// One end of a connection.
pub(crate) struct Wire(pub(crate) TcpStream);

impl Proxy {
    pub(crate) async fn start() -> Self {
        Self::start_with_drain(Duration::from_secs(60)).await
    }

    pub(crate) async fn start_with_drain(drain: Duration) -> Self {
        Self::start_with(|server| server.drain(drain), |bot| bot).await
    }

    pub(crate) async fn start_with(
        server: impl FnOnce(Server) -> Server,
        bot_as: impl FnOnce(Upstream) -> Upstream,
    ) -> Self {
        let bot = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = bot_as(upstream_at(bot.local_addr().unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = server(Server::new(listener));
        let serving = tokio::spawn(server.serve(Rescue::new(upstream), stopped));
        Self { address, bot, stop: Some(stop), serving }
    }

    pub(crate) fn bot_address(&self) -> SocketAddr {
        self.bot.local_addr().unwrap()
    }

    /// A client's connection, with this sent on it.
    pub(crate) async fn client(&self, request: &str) -> Wire {
        let mut client = Wire(TcpStream::connect(self.address).await.unwrap());
        client.send(request).await;
        client
    }

    /// The bot's end of the next connection that the proxy opens.
    pub(crate) async fn bot(&self) -> Wire {
        Wire(self.bot.accept().await.unwrap().0)
    }

    pub(crate) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(crate) async fn ended(self) {
        self.serving.await.unwrap();
    }
}

pub(crate) fn upstream_at(address: SocketAddr) -> Upstream {
    Upstream::new(format!("http://{address}").parse().unwrap()).unwrap()
}

impl Wire {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads up to and including `end`.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            match self.0.read_u8().await {
                Ok(byte) => read.push(byte),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&read)),
            }
        }
        String::from_utf8(read).unwrap()
    }

    /// The head of a message: its first line, and its fields sorted, since the order of different fields is free.
    pub(crate) async fn head(&mut self) -> Vec<String> {
        let head = self.until("\r\n\r\n").await;
        let mut lines: Vec<_> = head.trim_end().split("\r\n").map(str::to_owned).collect();
        lines[1..].sort_by_key(|line| line.split_once(':').unwrap().0.to_ascii_lowercase());
        lines
    }

    /// Everything until the other side closes, or breaks off.
    pub(crate) async fn rest(mut self) -> String {
        let mut read = Vec::new();
        let _ = self.0.read_to_end(&mut read).await;
        String::from_utf8(read).unwrap()
    }
}
