//! `undertone rules`: rules, checked, explained and tried.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context as _, anyhow};
use clap::Subcommand;
use serde::Deserialize;

use super::{
    Failure,
    adjust::{Past, turn},
    decision::{Decider, Exchange, now},
    lines, logging,
};
use crate::{
    empathy::{Policy, Tone, Weight},
    rules::{Example, Rules, Why, seconds},
    sentiment::Classifier,
    settings::{Flags, SettingsError, read_rules},
};

/// Check, explain and try the rules that confirm, clarify and say how things stand
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
    Explain(Explain),
    Test(Test),
}

/// Say what is wrong with files of rules
///
/// One mistake a line, FILE:LINE: what is wrong; what to do. Ends with 1 if there are any. Each file is read alone, as it
/// must be to be tried alone.
#[derive(Debug, clap::Args)]
struct Check {
    /// Files of rules
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Say which rules hold for an exchange, and which of them speaks
///
/// Reads one JSON object a line from standard input, {"user": …, "reply": …}, and says what came of each rule, the highest
/// priority first. "history" and "weight" are as in `undertone adjust`; "facts" has what the facts are, by name, and "now"
/// when it is, as 2026-11-25T12:00:00Z.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
struct Explain {
    /// Files of rules, besides those of --config
    files: Vec<PathBuf>,

    #[command(flatten)]
    flags: Flags,
}

const EXAMPLE: &str = "Example:\n  \
    echo '{\"user\": \"?\", \"reply\": \"It left on Monday.\", \"history\": [{\"user\": \"Where is it?\", \"reply\": \"On its way.\"}]}' \\\n    \
    | undertone rules explain examples/rules/repair.toml";

/// Try the examples in files of rules
///
/// An [[example]] shows what a user reads, in one tone or more. Readings that come out otherwise are printed; ends with 1
/// if there are any.
#[derive(Debug, clap::Args)]
struct Test {
    /// Files of rules
    #[arg(required = true)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    flags: Flags,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    logging::start("warn");
    let mut out = anstream::stdout().lock();
    match args.command {
        Command::Check(args) => check(&args, &mut out),
        Command::Explain(args) => explain(args, &mut out),
        Command::Test(args) => test(args, &mut out),
    }
}

fn check(args: &Check, out: &mut impl Write) -> Result<(), Failure> {
    let mut mistakes = 0;
    for path in &args.files {
        let read = read_rules(path).and_then(|file| {
            let rules = Rules::of([&file]).map_err(|(_, error)| SettingsError::in_rules(path, &error))?;
            Ok((rules, file))
        });
        match read {
            Ok((rules, file)) => {
                for remark in rules.remarks() {
                    writeln!(out, "{}: {remark}", path.display())?;
                }
                let (rules, examples) =
                    (counted(rules.names().count(), "rule"), counted(file.examples.len(), "example"));
                writeln!(out, "{}: {rules}, {examples}, no mistake", path.display())?;
            }
            Err(error) => {
                mistakes += 1;
                writeln!(out, "{error}")?;
            }
        }
    }
    if mistakes == 0 { Ok(()) } else { Err(anyhow!("{} cannot be used", counted(mistakes, "file")).into()) }
}

/// One line of input of `explain`; other members are somebody else's.
#[derive(Deserialize)]
struct Asked {
    user: String,
    reply: String,
    #[serde(default)]
    history: Vec<Past>,
    weight: Option<Weight>,
    #[serde(default)]
    facts: serde_json::Map<String, serde_json::Value>,
    now: Option<String>,
}

fn explain(args: Explain, out: &mut impl Write) -> Result<(), Failure> {
    let settings = args.flags.settings().map_err(Failure::usage)?;
    let policy = settings.policy().map_err(Failure::usage)?;
    let rules = settings.rules_and(&args.files).map_err(Failure::usage)?;
    if rules.is_empty() {
        return Err(Failure::usage(anyhow!("which rules? name files of rules, or say --config FILE")));
    }
    let classifier = settings.model.classifier().map_err(Failure::runtime)?;
    let mut number = 0;
    Ok(lines::in_chunks(io::stdin().lock(), |lines| {
        for line in lines {
            number += 1;
            if line.trim().is_empty() {
                continue;
            }
            let asked: Asked = serde_json::from_str(line).with_context(|| format!("line {number}"))?;
            asked.explain(&policy, &rules, &classifier, out).with_context(|| format!("line {number}"))?;
        }
        out.flush()?;
        Ok(())
    })?)
}

impl Asked {
    fn explain(
        self,
        policy: &Policy,
        rules: &Rules,
        classifier: &Classifier,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let now = self.now.as_deref().map(moment).transpose()?.unwrap_or_else(now);
        let turn = turn(self.user, &self.history);
        let sentiment = classifier.classify(&turn.text)?;
        let facts = rules.facts_given(&self.facts).map_err(|error| anyhow!(error))?;
        let weight = self.weight.unwrap_or_else(|| Weight::of(&sentiment));
        let decider = Decider { policy, rules };
        let decision =
            decider.decide(Exchange { turn: &turn, sentiment: &sentiment, weight, facts, now, reply: &self.reply });
        writeln!(out, "{}", decision.reply)?;
        let width = decision.rules.why.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, why) in &decision.rules.why {
            writeln!(out, "  {name:width$}  {}", in_words(why))?;
        }
        if decision.rules.why.is_empty() {
            writeln!(out, "  no rule is asked: {}", decision.reason)?;
        }
        Ok(())
    }
}

fn in_words(why: &Why) -> String {
    match why {
        Why::Speaks => "speaks".to_owned(),
        Why::Outranked(by) => format!("holds, but `{by}` goes before it"),
        Why::DoesNotHold => "does not hold".to_owned(),
        Why::Missing(name) => format!("does not hold: `{name}` is not there"),
        Why::Fails(error) => format!("fails: {error}"),
        Why::Rests => "rests: it has spoken lately".to_owned(),
        Why::NeedsReply => "waits for the reply".to_owned(),
        Why::NeedsWhole => "needs a reply that comes whole".to_owned(),
    }
}

fn test(args: Test, out: &mut impl Write) -> Result<(), Failure> {
    let settings = args.flags.settings().map_err(Failure::usage)?;
    let policy = settings.policy().map_err(Failure::usage)?;
    let classifier = settings.model.classifier().map_err(Failure::runtime)?;
    let (mut tried, mut wrong) = (0, 0);
    for path in &args.files {
        let file = read_rules(path).map_err(Failure::usage)?;
        let rules = Rules::of([&file]).map_err(|(_, error)| Failure::usage(SettingsError::in_rules(path, &error)))?;
        for example in &file.examples {
            let place = || format!("{}:{}", path.display(), file.line_of(example));
            for tone in Tone::ALL {
                let Some(expected) = example.get_ref().expected(tone) else { continue };
                tried += 1;
                let policy = policy.clone().with_tone(tone);
                let seen = example.get_ref().seen(&policy, &rules, &classifier).with_context(place)?;
                if seen != expected {
                    wrong += 1;
                    writeln!(out, "{}: {tone}\n  expected: {expected}\n  got:      {seen}", place())?;
                }
            }
        }
    }
    out.flush()?;
    if tried == 0 {
        return Err(Failure::usage(anyhow!("there is no [[example]] to try")));
    }
    if wrong > 0 {
        return Err(anyhow!("{wrong} of {} came out otherwise", counted(tried, "reading")).into());
    }
    writeln!(out, "{} in {}, each as it says", counted(tried, "reading"), counted(args.files.len(), "file"))?;
    Ok(())
}

impl Example {
    fn expected(&self, tone: Tone) -> Option<&str> {
        match tone {
            Tone::Formal => self.formal.as_deref(),
            Tone::Collaborative => self.collaborative.as_deref(),
            Tone::Warm => self.warm.as_deref(),
        }
    }

    /// What the user reads.
    fn seen(&self, policy: &Policy, rules: &Rules, classifier: &Classifier) -> anyhow::Result<String> {
        let history: Vec<_> = self.history.iter().map(Past::of).collect();
        let turn = turn(self.user.clone(), &history);
        let sentiment = classifier.classify(&turn.text)?;
        let given = plain(&toml::Value::Table(self.facts.clone()));
        let facts =
            rules.facts_given(given.as_object().unwrap_or(&serde_json::Map::new())).map_err(|error| anyhow!(error))?;
        let now = self.now.as_deref().map(moment).transpose()?.unwrap_or_else(now);
        let weight = self.weight.unwrap_or_else(|| Weight::of(&sentiment));
        let exchange = Exchange { turn: &turn, sentiment: &sentiment, weight, facts, now, reply: &self.bot };
        Ok(Decider { policy, rules }.decide(exchange).reply)
    }
}

/// A value of a TOML file as JSON; a date is its text.
fn plain(value: &toml::Value) -> serde_json::Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(flag) => (*flag).into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(items) => items.iter().map(plain).collect(),
        toml::Value::Table(table) => {
            serde_json::Value::Object(table.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
    }
}

fn moment(text: &str) -> anyhow::Result<i64> {
    seconds(text).ok_or_else(|| anyhow!("`{text}` is no moment, such as 2026-11-25T12:00:00Z"))
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
