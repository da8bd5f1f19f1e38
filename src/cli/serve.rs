//! `undertone serve`: the proxy, until it is told to stop.

use std::time::Duration;

use anyhow::Context;
use tokio::{net::TcpListener, runtime::Runtime, time};
use tower_layer::Layer;

use super::{
    Failure, logging,
    signals::{Signals, outlive_hangups},
};
use crate::{
    layer::EmpathyLayer,
    proxy::{Rescue, Server, Upstream, UpstreamUrl},
    settings::{Flags, Listen, Settings},
};

/// How often to look whether a bot that is not there has come.
const RETRY: Duration = Duration::from_millis(500);

/// File descriptors that are not for connections: the listener, the log, the model, what the system libraries open.
const RESERVE: u64 = 64;

/// Stand in front of a bot
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  undertone serve --upstream http://127.0.0.1:9000 --listen 127.0.0.1:8080")]
pub(super) struct Args {
    /// Where the bot is
    #[arg(long, value_name = "URL")]
    upstream: Option<UpstreamUrl>,
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<Listen>,
    #[command(flatten)]
    flags: Flags,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    logging::start("info");
    let mut settings = args.flags.settings().map_err(Failure::usage)?;
    settings.listen = args.listen.or(settings.listen);
    settings.upstream = args.upstream.or(settings.upstream);
    let upstream = upstream(&settings)?;
    let layer = layer(&settings)?;
    Runtime::new()?.block_on(serve(&settings, upstream, layer))
}

fn upstream(settings: &Settings) -> Result<Upstream, Failure> {
    let url = settings.upstream().map_err(Failure::usage)?;
    let proxy = &settings.proxy;
    let upstream = Upstream::with_connect_timeout(url.clone(), Duration::from_millis(proxy.connect_timeout_ms))
        .with_context(|| format!("cannot prepare TLS for {url}"))?;
    Ok(upstream.answer_timeout(Duration::from_millis(proxy.answer_timeout_ms)).preserve_host(proxy.preserve_host))
}

fn layer(settings: &Settings) -> Result<EmpathyLayer, Failure> {
    let policy = settings.policy().map_err(Failure::usage)?;
    let protocols = settings.protocols().map_err(Failure::usage)?;
    let rules = settings.rules().map_err(Failure::usage)?;
    let classifier = settings.model.classifier().map_err(Failure::runtime)?;
    let late = settings.late.reply(policy.tone());
    let layer = EmpathyLayer::new(classifier)
        .policy(policy)
        .protocols(protocols)
        .rules(rules)
        .limits(settings.limits)
        .respect_no_transform(settings.respect_no_transform)
        .tell_danger(settings.danger.tell_bot)
        .tell_bot(settings.tell_bot)
        .hide_own_words(settings.voice.hide_own_words.unwrap_or(true));
    let layer = match late {
        Some(late) => layer.late(late),
        None => layer,
    };
    Ok(match &settings.pace.path {
        Some(path) => layer.pace(&path.0),
        None => layer,
    })
}

async fn serve(settings: &Settings, upstream: Upstream, layer: EmpathyLayer) -> Result<(), Failure> {
    let mut first = Signals::catch()?;
    let mut second = Signals::catch()?;
    outlive_hangups()?;
    let listen = settings.listen.clone().unwrap_or_default();
    let listener = TcpListener::bind(listen.to_string()).await.with_context(|| format!("cannot listen on {listen}"))?;
    tracing::info!("listening on http://{}, in front of {}", listener.local_addr()?, upstream.url());

    let server = Server::new(listener)
        .drain(Duration::from_millis(settings.proxy.drain_ms))
        .max_connections(max_connections(settings));
    let watch = tokio::spawn(wait_for(upstream.clone()));
    let service = Rescue::new(layer.layer(upstream));
    let twice = async {
        second.next().await;
        second.next().await;
    };
    tokio::select! {
        () = server.serve(service, first.next()) => {}
        () = twice => tracing::warn!("told to stop twice, not waiting for open replies"),
    }
    watch.abort();
    Ok(())
}

/// Says so when the bot is not there, and when it is. Clients get a 502 until then.
async fn wait_for(upstream: Upstream) {
    let Err(error) = upstream.reach().await else { return };
    tracing::warn!("{error}: {}; answering 502 until it is there", error.reason().unwrap_or_default());
    loop {
        time::sleep(RETRY).await;
        if upstream.reach().await.is_ok() {
            tracing::info!("the bot at {} is there", upstream.url());
            return;
        }
    }
}

/// As many connections as the settings say, or as there are file descriptors for: each may need another to the bot.
fn max_connections(settings: &Settings) -> usize {
    // The soft limit is a relic of `select`; the hard one is the system's word.
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    let possible = usize::try_from(descriptors.saturating_sub(RESERVE) / 2).unwrap_or(usize::MAX).max(1);
    let wanted = settings.proxy.max_connections.map_or(possible, std::num::NonZeroUsize::get);
    if wanted > possible {
        tracing::warn!("max_connections = {wanted} is more than {descriptors} file descriptors allow: {possible}");
    }
    wanted.min(possible)
}
