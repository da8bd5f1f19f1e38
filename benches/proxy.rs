//! What undertone costs: the same proxy before the same bot, with the layer and without it.
//!
//! Criterion measures one and then the other, for its history and its plots; on a machine with neighbours their
//! difference drowns in the drift between. So the ratios come from pairs: each measurement of one is followed by one of
//! the other, and medians are compared.
//!
//! ```text
//! cargo bench --bench proxy
//! ```
#![expect(clippy::unwrap_used, reason = "a bench stops where it fails")]

use std::{
    convert::Infallible,
    future::pending,
    io::{self, Write},
    net::SocketAddr,
    time::Duration,
};

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use http::{HeaderValue, Request, Response, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{net::TcpListener, runtime::Runtime, task::JoinSet, time::Instant};
use tower::{Layer, service_fn};
use undertone::{
    layer::EmpathyLayer,
    proxy::{Rescue, Server, Upstream},
    sentiment::Classifier,
};

type Client = legacy::Client<HttpConnector, Full<Bytes>>;
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A quick bot: a slower one hides more of what undertone does while it waits.
const THINKING: Duration = Duration::from_millis(20);
const EXCHANGES: usize = 200;

const ROUNDS: usize = 12;
const CLIENTS: usize = 16;
const REQUESTS: usize = 100;
const FILE: &[u8] = &[b'x'; 16 << 10];

const TURN: &str = r#"{"messages":[{"role":"user","content":"This is the third time I ask. Where is my order?!"}]}"#;
const REPLY: &str = r#"{"object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Your order left the warehouse on Monday. It arrives on Thursday."}}]}"#;

/// Thinks before it answers a turn, and hands out a file at once.
async fn bot(request: Request<Incoming>) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/file" {
        return Ok(Response::new(Full::from(FILE)));
    }
    tokio::time::sleep(THINKING).await;
    let mut response = Response::new(Full::from(REPLY));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn main() -> Result<()> {
    let runtime = Runtime::new()?;
    let (with, without) = runtime.block_on(start())?;
    let mut criterion = Criterion::default().configure_from_args();
    criterion_groups(&mut criterion, &runtime, with, without);
    criterion.final_summary();
    runtime.block_on(latency(with, without))?;
    runtime.block_on(throughput(with, without))
}

/// Starts a bot and two proxies before it: the addresses of the one with the layer and the one without.
async fn start() -> Result<(SocketAddr, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let upstream = Upstream::new(format!("http://{}", listener.local_addr()?).parse()?)?;
    tokio::spawn(Server::new(listener).serve(service_fn(bot), pending::<()>()));

    let layer = EmpathyLayer::new(Classifier::bundled()?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let with = listener.local_addr()?;
    let layered = Rescue::new(layer.layer(upstream.clone()));
    tokio::spawn(Server::new(listener).serve(layered, pending::<()>()));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let without = listener.local_addr()?;
    tokio::spawn(Server::new(listener).serve(Rescue::new(upstream), pending::<()>()));
    Ok((with, without))
}

fn criterion_groups(criterion: &mut Criterion, runtime: &Runtime, with: SocketAddr, without: SocketAddr) {
    let proxies = [("with the layer", with), ("without", without)];
    let mut group = criterion.benchmark_group("recognised exchange");
    for (name, proxy) in proxies {
        let client = runtime.block_on(async { client() });
        group.bench_function(name, |b| b.iter(|| runtime.block_on(exchange(&client, proxy)).unwrap()));
    }
    group.finish();
    let mut group = criterion.benchmark_group("pass-through");
    group.sample_size(10).throughput(Throughput::Elements((CLIENTS * REQUESTS) as u64));
    for (name, proxy) in proxies {
        group.bench_function(name, |b| b.iter(|| runtime.block_on(round(proxy)).unwrap()));
    }
    group.finish();
}

async fn latency(with: SocketAddr, without: SocketAddr) -> Result<()> {
    let client = client();
    let (mut layered, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..EXCHANGES {
        layered.push(exchange(&client, with).await?);
        bare.push(exchange(&client, without).await?);
    }
    let (layered, bare) = (median(layered), median(bare));
    writeln!(
        io::stdout(),
        "recognised exchange, bot of {THINKING:?}: {:.2} ms with the layer, {:.2} ms without: {:+.2} ms, x{:.3}",
        layered * 1e3,
        bare * 1e3,
        (layered - bare) * 1e3,
        layered / bare,
    )?;
    Ok(())
}

async fn exchange(client: &Client, proxy: SocketAddr) -> Result<f64> {
    let request = Request::post(format!("http://{proxy}/v1/chat/completions"))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(TURN))?;
    let start = Instant::now();
    client.request(request).await?.into_body().collect().await?;
    Ok(start.elapsed().as_secs_f64())
}

async fn throughput(with: SocketAddr, without: SocketAddr) -> Result<()> {
    let (mut layered, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        layered.push(round(with).await?);
        bare.push(round(without).await?);
    }
    let (layered, bare) = (median(layered), median(bare));
    let requests = f64::from(u32::try_from(CLIENTS * REQUESTS)?);
    writeln!(
        io::stdout(),
        "pass-through of {} KiB, {CLIENTS} clients: {:.0} requests/s with the layer, {:.0} without: x{:.3}",
        FILE.len() >> 10,
        requests / layered,
        requests / bare,
        bare / layered,
    )?;
    Ok(())
}

/// Seconds that all clients together take for all their requests.
async fn round(proxy: SocketAddr) -> Result<f64> {
    let client = client();
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let client = client.clone();
        clients.spawn(async move {
            for _ in 0..REQUESTS {
                let response = client.get(format!("http://{proxy}/file").parse()?).await?;
                assert_eq!(response.into_body().collect().await?.to_bytes().len(), FILE.len());
            }
            Result::Ok(())
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    Ok(start.elapsed().as_secs_f64())
}

fn client() -> Client {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    legacy::Client::builder(TokioExecutor::new()).build(connector)
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or_default()
}
