//! `undertone eval`: how well the classifier hears what people hear, on labelled turns.

mod decisions;
mod figures;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::time::Instant;

use self::figures::{Figure, Unit};
use super::{Failure, logging, table::Table};
use crate::{
    sentiment::{Classifier, Reading},
    settings::Model,
};

/// Turns between two steps of the progress bar.
const STEP: usize = 128;

const COLUMNS: &str = "The columns of a table's header line tell what is scored; others are ignored:
  text, affect (0 to 3)     graded turns; where there, also set (the kind), ladder (the turns that
                            tell one situation at rising affect), valence (neg, neu, pos), emotion,
                            target, danger (0, 1)
  text, valence (-1 to 1)   by source
  text, label               negative, neutral, positive; or irony, not_irony (mean weight of each)
  text, labels              of GoEmotions, with commas between
  text, intensity (0 to 1)  by emotion
  text                      how many turns reach a weight";

/// Score the classifier on labelled turns
///
/// What the model hears, and what the policy then does: silent, light (a practical touch) or explicit (the feeling is
/// named). Each file is a tab-separated table, without quotes. Intervals are of 95 %, by bootstrap; those of calibration errors lie
/// too high on small samples.
#[derive(Debug, clap::Args)]
#[command(after_help = COLUMNS)]
pub(super) struct Args {
    /// The tables
    #[arg(required = true, value_name = "TSV")]
    files: Vec<PathBuf>,

    /// One JSON object a file
    #[arg(long)]
    json: bool,

    /// Which model runs, and on what.
    #[command(flatten)]
    model: Model,
}

/// What came of a file.
#[derive(Serialize)]
struct Report<'a> {
    file: String,
    turns: usize,
    model: &'a str,
    engine: String,
    turns_per_second: f64,
    figures: Vec<Figure>,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    logging::start("warn");
    let Args { files, json, model } = args;
    // All of them first: a mistake in the last should not come after minutes of the others.
    let tables: Vec<_> =
        files.iter().map(|file| Table::open(file)).collect::<Result<_, _>>().map_err(Failure::usage)?;
    let classifier = model.classifier().map_err(Failure::runtime)?;
    Ok(tables.iter().try_for_each(|table| print(&score(table, &classifier)?, json))?)
}

fn print(report: &Report<'_>, json: bool) -> anyhow::Result<()> {
    let page = if json { serde_json::to_string(report)? + "\n" } else { describe(report) };
    Ok(io::stdout().lock().write_all(page.as_bytes())?)
}

fn score<'a>(table: &'a Table, classifier: &'a Classifier) -> anyhow::Result<Report<'a>> {
    let file = table.file.display().to_string();
    table.check(classifier.calibration().goemotions()).with_context(|| format!("`{file}`"))?;
    let start = Instant::now();
    let readings = read(&file, &table.turns, classifier)?;
    let turns_per_second = table.turns.len() as f64 / start.elapsed().as_secs_f64();
    let mut figures = figures::of(table, &readings, classifier.calibration().goemotions());
    figures.extend(decisions::of(table, &readings));
    Ok(Report {
        file,
        turns: table.turns.len(),
        model: classifier.model(),
        engine: classifier.engine().name_and_version(),
        turns_per_second,
        figures,
    })
}

/// What the model says of each turn, with a bar on standard error where that is a terminal.
pub(super) fn read(what: &str, turns: &[String], classifier: &Classifier) -> anyhow::Result<Vec<Reading>> {
    let style = ProgressStyle::with_template("{prefix} {bar:30} {pos} of {len} turns, {eta} left")?;
    let bar = ProgressBar::new(turns.len() as u64).with_style(style).with_prefix(what.to_owned());
    let mut readings = Vec::with_capacity(turns.len());
    for some in turns.chunks(STEP) {
        readings.extend(classifier.read_batch(some)?);
        bar.inc(some.len() as u64);
    }
    bar.finish_and_clear();
    Ok(readings)
}

fn describe(report: &Report<'_>) -> String {
    let Report { file, turns, model, engine, turns_per_second, figures } = report;
    let mut page = format!("{file}: {turns} turns, {model} on {engine}, {turns_per_second:.0} turns a second\n");
    let width = figures.iter().map(|figure| figure.name.len()).max().unwrap_or_default();
    for Figure { name, value, interval, of, unit } in figures {
        let show = |number: f64| match unit {
            Unit::Number => format!("{number:.3}"),
            Unit::Share => format!("{:.1} %", 100.0 * number),
        };
        let value = value.map_or_else(|| "-".to_owned(), show);
        let interval = interval.map_or_else(String::new, |(low, high)| format!("{} to {}", show(low), show(high)));
        page += format!("  {name:<width$} {value:>8}   {interval:<18} of {of}").trim_end();
        page.push('\n');
    }
    page
}
