//! `undertone demo`: a sample bot, undertone in front of it, and a few customers of rising temper.

mod bot;
mod client;
mod page;

use std::{future::pending, net::SocketAddr};

use anyhow::Context;
use tokio::{net::TcpListener, runtime::Runtime};
use tower_layer::Layer;

use self::{bot::Bot, client::Client, page::Page};
use super::{Failure, logging, signals::Signals};
use crate::{
    layer::EmpathyLayer,
    proxy::{Rescue, Server, Upstream},
    sentiment::Classifier,
    settings::{Listen, Model},
};

/// From matter-of-fact to furious, one relieved, and one whose danger no phrase belongs before. Each is the first turn of
/// a conversation of its own.
const TURNS: [Turn; 12] = [
    Turn::plain("Where is my box?"),
    Turn::plain("My order is late."),
    Turn::streamed("How do I change the address?"),
    Turn::streamed("My order is late, which is a bit annoying as I took the day off."),
    Turn::plain("I'm getting really anxious, I'm almost out of insulin and it's still not here."),
    Turn::streamed("This is ridiculous. Three weeks and NOTHING. I'm furious."),
    Turn::plain("Your driver \"couldn't find\" us AGAIN. I'm so sick of this."),
    Turn::plain("It came a week late, I'm really disappointed. Can I at least get the shipping back?"),
    Turn::plain("That's not what I meant, I asked about the other parcel."),
    Turn::plain("Oh it just arrived, thank you so much!!"),
    Turn::plain("I don't want to be here any more. Nothing matters."),
    Turn::json("What a joke. Just give me the status of my order as JSON."),
];

/// See what undertone does, with a sample bot
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  undertone demo --listen 127.0.0.1:8080")]
pub(super) struct Args {
    /// Where undertone listens [default: a free port]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<Listen>,
    #[command(flatten)]
    model: Model,
}

/// What a customer says, and how the reply is asked for.
#[derive(Debug, Clone, Copy)]
struct Turn {
    text: &'static str,
    ask: Ask,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Plain,
    Streamed,
    /// For a program to read, so not a word of it may change.
    Json,
}

impl Turn {
    const fn plain(text: &'static str) -> Self {
        Self { text, ask: Ask::Plain }
    }

    const fn streamed(text: &'static str) -> Self {
        Self { text, ask: Ask::Streamed }
    }

    const fn json(text: &'static str) -> Self {
        Self { text, ask: Ask::Json }
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    // Nothing but the page on the terminal, unless something is wrong.
    logging::start("warn");
    let classifier = args.model.classifier().map_err(Failure::runtime)?;
    Runtime::new()?.block_on(demo(args.listen, classifier))
}

async fn demo(listen: Option<Listen>, classifier: Classifier) -> Result<(), Failure> {
    let mut signals = Signals::catch()?;
    let listen = listen.map_or_else(|| "127.0.0.1:0".to_owned(), |listen| listen.to_string());
    let bot = start_bot().await?;
    let undertone = start_undertone(&listen, bot, classifier.clone()).await?;
    tokio::select! {
        shown = show(bot, undertone, &classifier) => shown?,
        () = signals.next() => return Ok(()),
    }
    signals.next().await;
    Ok(())
}

async fn show(bot: SocketAddr, undertone: SocketAddr, classifier: &Classifier) -> Result<(), Failure> {
    let client = Client::new();
    let mut page = Page::new(anstream::stdout());
    // Why it is this engine is for the log of a server.
    let engine = classifier.engine().to_string();
    page.title(engine.split(':').next().unwrap_or_default())?;
    for turn in TURNS {
        let before = client.ask(bot, turn).await?;
        let after = client.ask(undertone, turn).await?;
        page.exchange(turn, &before, &after)?;
    }
    page.invitation(undertone)?;
    Ok(())
}

async fn start_bot() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(Server::new(listener).serve(Bot, pending::<()>()));
    Ok(address)
}

async fn start_undertone(listen: &str, bot: SocketAddr, classifier: Classifier) -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    let upstream = Upstream::new(format!("http://{bot}").parse().map_err(Failure::runtime)?)?;
    let service = Rescue::new(EmpathyLayer::new(classifier).layer(upstream));
    tokio::spawn(Server::new(listener).serve(service, pending::<()>()));
    Ok(address)
}
