//! `undertone adjust`: the whole decision, without HTTP.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::{
    Failure,
    decision::{Decider, Exchange as Whole, now},
    lines, logging,
};
use crate::{
    empathy::{Policy, Weight},
    protocol::{Speaker, Turn, Utterance},
    rules::{FactValues, Rules},
    sentiment::{Classifier, Sentiment},
    settings::Flags,
};

/// See what replies become, without a bot
///
/// Reads one JSON object a line from standard input, {"user": …, "reply": …}, and prints for each what undertone would
/// do, {"action": …, "weight": …, "reason": …, "reply": …}. The reason is that for silence, or the section of the
/// phrasebook that the sentence is from.
///
/// Two more members may come in. "history" is the conversation before, the oldest first: exchanges {"user": …,
/// "reply": …}, or messages {"role": …, "content": …} as chat APIs have them. "weight", from 0 to 1, stands in for the
/// classifier's.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLE: &str = "Example:\n  \
    echo '{\"user\": \"Three weeks and NOTHING. I am furious.\", \"reply\": \"It left on Tuesday.\"}' | undertone adjust";

/// One line of input; other members are somebody else's.
#[derive(Deserialize)]
struct Exchange {
    user: String,
    reply: String,
    #[serde(default)]
    history: Vec<Past>,
    weight: Option<Weight>,
}

/// An exchange before this one, or one message of it as chat APIs have it.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Past {
    Exchange { user: String, reply: String },
    Message { role: String, content: Option<String> },
}

impl Past {
    /// One of an example's.
    pub(super) fn of(before: &crate::rules::Before) -> Self {
        Self::Exchange { user: before.user.clone(), reply: before.bot.clone().unwrap_or_default() }
    }
}

/// One line of output.
#[derive(Serialize)]
struct Adjusted {
    action: &'static str,
    weight: Weight,
    reason: &'static str,
    reply: String,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    logging::start("warn");
    let settings = args.flags.settings().map_err(Failure::usage)?;
    let policy = settings.policy().map_err(Failure::usage)?;
    let rules = settings.rules().map_err(Failure::usage)?;
    let classifier = settings.model.classifier().map_err(Failure::runtime)?;
    let mut out = io::stdout().lock();
    let mut number = 0;
    Ok(lines::in_chunks(io::stdin().lock(), |lines| {
        let first = number + 1;
        number += lines.len();
        adjust(&policy, &rules, &classifier, lines, first, &mut out)
    })?)
}

/// Adjusts these lines. One that is wrong ends it, after those before it; `first` is the number of the first.
fn adjust(
    policy: &Policy,
    rules: &Rules,
    classifier: &Classifier,
    lines: &[&str],
    first: usize,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut exchanges = Vec::with_capacity(lines.len());
    let mut mistake = None;
    for (number, line) in (first..).zip(lines).filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Exchange>(line) {
            Ok(exchange) => exchanges.push(exchange),
            Err(error) => {
                mistake = Some(anyhow::anyhow!("line {number}: {error}"));
                break;
            }
        }
    }
    let users: Vec<_> = exchanges.iter().map(|exchange| exchange.user.as_str()).collect();
    let sentiments = classifier.classify_batch(&users)?;
    let mut page = Vec::new();
    for (exchange, sentiment) in exchanges.into_iter().zip(&sentiments) {
        serde_json::to_writer(&mut page, &exchange.adjusted(policy, rules, sentiment))?;
        page.push(b'\n');
    }
    out.write_all(&page)?;
    out.flush()?;
    mistake.map_or(Ok(()), Err)
}

impl Exchange {
    fn adjusted(self, policy: &Policy, rules: &Rules, sentiment: &Sentiment) -> Adjusted {
        let weight = self.weight.unwrap_or_else(|| Weight::of(sentiment));
        let turn = turn(self.user, &self.history);
        let exchange =
            Whole { turn: &turn, sentiment, weight, facts: FactValues::default(), now: now(), reply: &self.reply };
        let decision = Decider { policy, rules }.decide(exchange);
        Adjusted { action: decision.action, weight, reason: decision.reason, reply: decision.reply }
    }
}

/// The turn as a protocol with history would have found it.
pub(super) fn turn(user: String, history: &[Past]) -> Turn {
    let mut turn = Turn { text: user, ..Turn::default() };
    for past in history {
        match past {
            Past::Exchange { user, reply } => {
                turn.ordinal += 1;
                turn.history.push(Utterance::new(Speaker::User, user.clone()));
                turn.history.push(Utterance::new(Speaker::Bot, reply.clone()));
            }
            Past::Message { role, content } if role == "user" => {
                turn.ordinal += 1;
                turn.history.push(Utterance::new(Speaker::User, content.clone().unwrap_or_default()));
            }
            Past::Message { role, content: Some(words) } if role == "assistant" => {
                turn.history.push(Utterance::new(Speaker::Bot, words.clone()));
            }
            Past::Message { .. } => {}
        }
    }
    turn
}
