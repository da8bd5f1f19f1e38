//! `undertone serve`: the proxy, until it is told to stop.

use std::{path::PathBuf, time::Duration};

use crate::{
    config::{Config, File, Flags, Listen},
    empathy::{Policy, Tone},
    layer::EmpathyLayer,
    proxy::{Rescue, Server, Upstream, UpstreamUrl},
    sentiment::Classifier,
};
use anyhow::Context;
use tokio::{net::TcpListener, runtime::Runtime, time};
use tower_layer::Layer;

use super::{Failure, logging, model_args::ModelArgs, signals::Signals};

/// How long a bot that was started at the same time has to open its port.
const START: Duration = Duration::from_secs(3);

/// How long to wait before looking again whether it has.
const RETRY: Duration = Duration::from_millis(200);

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
    /// A file of settings; examples/undertone.toml explains them all
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How acknowledgments sound: formal, collaborative or warm
    #[arg(long)]
    tone: Option<Tone>,
    /// Your own style guide's sentences
    #[arg(long, value_name = "FILE")]
    phrasebook: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    logging::start("info");
    let (config, model) = settings(args)?;
    let upstream = Upstream::with_connect_timeout(config.upstream.clone(), config.connect_timeout)
        .with_context(|| format!("cannot prepare TLS for {}", config.upstream))?;
    let classifier = model.classifier().map_err(Failure::runtime)?;
    Runtime::new()?.block_on(serve(config, upstream, classifier))
}

fn settings(args: Args) -> Result<(Config, ModelArgs), Failure> {
    let file = args.config.as_deref().map(File::read).transpose().map_err(Failure::usage)?.unwrap_or_default();
    let flags = Flags { listen: args.listen, upstream: args.upstream, tone: args.tone, phrasebook: args.phrasebook };
    let config = Config::new(file, flags).map_err(Failure::usage)?;
    let model = args.model.or(&config.model);
    Ok((config, model))
}

async fn serve(config: Config, upstream: Upstream, classifier: Classifier) -> Result<(), Failure> {
    let mut first = Signals::catch()?;
    let mut second = Signals::catch()?;
    // First the port, where a mistake shows at once; a client that comes now waits, and is served.
    let listener = TcpListener::bind(config.listen.to_string())
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    tokio::select! {
        reached = reach(&upstream) => reached?,
        () = first.next() => return Ok(()),
    }
    tracing::info!("listening on http://{}, in front of {}", listener.local_addr()?, upstream.url());

    let drain = config.drain;
    let service = Rescue::new(layer(config, classifier).layer(upstream));
    let twice = async {
        second.next().await;
        second.next().await;
    };
    tokio::select! {
        () = Server::new(listener).drain(drain).serve(service, first.next()) => {}
        () = twice => tracing::warn!("told to stop twice, not waiting for open replies"),
    }
    Ok(())
}

async fn reach(upstream: &Upstream) -> Result<(), Failure> {
    let deadline = time::Instant::now() + START;
    let mut waiting = false;
    while let Err(error) = upstream.reach().await {
        if time::Instant::now() >= deadline {
            let reason = error.reason().unwrap_or_default();
            return Err(Failure::runtime(anyhow::anyhow!("{error}: {reason}")));
        }
        if !waiting {
            tracing::info!("waiting for the bot at {}", upstream.url());
            waiting = true;
        }
        time::sleep(RETRY).await;
    }
    Ok(())
}

fn layer(config: Config, classifier: Classifier) -> EmpathyLayer {
    let mut policy = Policy::default();
    if let Some(phrasebook) = config.phrasebook {
        policy = policy.with_phrasebook(phrasebook);
    }
    if let Some(tone) = config.tone {
        policy = policy.with_tone(tone);
    }
    if let Some(floor) = config.floor {
        policy = policy.with_floor(floor);
    }
    EmpathyLayer::new(classifier)
        .policy(policy)
        .protocols(config.protocols)
        .limits(config.limits)
        .respect_no_transform(config.respect_no_transform)
}
