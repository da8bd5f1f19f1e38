//! `undertone phrasebook`: the style guide, read as an editor and as a designer would.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use clap::{Args, Subcommand, builder::PossibleValuesParser};

use super::{Failure, logging};
use crate::{
    empathy::{Kind, Phrasebook, Policy, Remark, Shape, Tone, Weight},
    settings::{Model, read_phrasebook},
};

/// Read, check and preview what may be said
#[derive(Debug, Args)]
pub(super) struct PhrasebookArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Check),
    Preview(Preview),
    /// Print the built-in phrasebook, to start one of your own from
    Print,
}

/// Read a phrasebook as an editor would, and say what to change
///
/// One remark a line, FILE:LINE: what is wrong; what to do. Ends with 1 if there are any.
#[derive(Debug, Args)]
struct Check {
    /// The phrasebook; without it, the built-in one
    file: Option<PathBuf>,

    #[command(flatten)]
    model: Model,
}

/// See what is said at each weight and before each shape of reply
///
/// A sentence is shown with how many there are to choose from. Shapes: question (the reply asks the user something), no
/// (a refusal, or bad news), steps, done, info; "any" is a reply whose shape does not show in its first words.
#[derive(Debug, Args)]
struct Preview {
    /// The phrasebook; without it, the built-in one
    file: Option<PathBuf>,

    /// Only this section
    #[arg(long, value_parser = PossibleValuesParser::new(Kind::ALL.map(Kind::as_str)))]
    kind: Option<String>,

    /// Only this tone
    #[arg(long, value_parser = PossibleValuesParser::new(Tone::ALL.map(Tone::as_str)))]
    tone: Option<String>,

    /// What the turn is about, in the user's words, to fill {topic}: "my order is late"
    #[arg(long, default_value = "")]
    about: String,

    /// Every sentence, not only the first
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: PhrasebookArgs) -> Result<(), Failure> {
    logging::start("warn");
    let mut out = anstream::stdout().lock();
    match args.command {
        Command::Check(args) => check(&args, &mut out),
        Command::Preview(args) => preview(&args, &mut out),
        Command::Print => Ok(out.write_all(Phrasebook::ENGLISH.as_bytes())?),
    }
}

fn check(args: &Check, out: &mut impl Write) -> Result<(), Failure> {
    let (book, text) = read(args.file.as_deref())?;
    let classifier = args.model.classifier().map_err(Failure::runtime)?;
    // Most topics are two words; which one fills the slot makes no difference to how strong the rest sounds.
    let lines: Vec<_> = book.sentences().map(|sentence| sentence.replace("{topic}", "your order")).collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    let sentiments = classifier.classify_batch(&lines).map_err(Failure::runtime)?;
    let heard: Vec<_> = sentiments.iter().map(|sentiment| sentiment.affect).collect();
    let remarks = book.remarks(&text, &heard);
    let name = args.file.as_deref().unwrap_or(Path::new("built-in")).display();
    for Remark { line, kind, tone, say, fault, .. } in &remarks {
        let say = say.as_ref().map(|say| format!("\"{say}\": ")).unwrap_or_default();
        writeln!(out, "{name}:{line}: [{kind}] {tone}: {say}{fault}").map_err(Failure::runtime)?;
    }
    match remarks.len() {
        0 => Ok(writeln!(out, "{name}: {} sentences, nothing to remark on", lines.len())?),
        1 => Err(Failure::runtime(anyhow!("{name}: 1 remark"))),
        many => Err(Failure::runtime(anyhow!("{name}: {many} remarks"))),
    }
}

fn preview(args: &Preview, out: &mut impl Write) -> Result<(), Failure> {
    let (book, _) = read(args.file.as_deref())?;
    let is_wanted = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
    let mut first = true;
    for kind in Kind::ALL.into_iter().filter(|kind| is_wanted(&args.kind, kind.as_str())) {
        for tone in Tone::ALL.into_iter().filter(|tone| is_wanted(&args.tone, tone.as_str())) {
            let weights = book.weights(kind, tone);
            if weights.is_empty() {
                continue;
            }
            let separator = if std::mem::take(&mut first) { "" } else { "\n" };
            writeln!(out, "{separator}{kind}, {tone}\n  weight  before    of")?;
            let policy = Policy::default().with_phrasebook(book.clone()).with_tone(tone);
            for weight in weights {
                table(&policy, kind, weight, args, out)?;
            }
        }
    }
    Ok(())
}

/// The rows of one weight.
fn table(policy: &Policy, kind: Kind, weight: Weight, args: &Preview, out: &mut impl Write) -> io::Result<()> {
    let mut number = weight.to_string();
    for shape in [None].into_iter().chain(Shape::ALL.map(Some)) {
        let sentences = policy.variants(kind, weight, shape, &args.about);
        let shape = shape.map_or("any", Shape::as_str);
        let shown = if args.all { sentences.len().max(1) } else { 1 };
        for (n, sentence) in sentences.iter().map(String::as_str).chain(["(silence)"]).take(shown).enumerate() {
            let (shape, count) = if n == 0 { (shape, sentences.len().to_string()) } else { ("", String::new()) };
            writeln!(out, "  {number:>6}  {shape:<8} {count:>3}  {sentence}")?;
            number.clear();
        }
    }
    Ok(())
}

/// The phrasebook of a file, or the built-in one, with its text.
fn read(file: Option<&Path>) -> Result<(Phrasebook, String), Failure> {
    match file {
        Some(path) => read_phrasebook(path).map_err(|error| Failure::usage(anyhow!(error.to_string()))),
        None => Ok((Phrasebook::english(), Phrasebook::ENGLISH.to_owned())),
    }
}
