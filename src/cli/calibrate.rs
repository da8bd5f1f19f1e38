//! `undertone calibrate`: the weight of your own turns.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    str::FromStr,
};

use statrs::distribution::{Beta, ContinuousCDF};

use super::{
    Failure, eval, logging,
    statistics::mean,
    table::{Grade, Labels, STRONGEST, Table},
};
use crate::{
    conversation::Memory,
    empathy::{Facts, Plan, Policy, Review, Weight},
    protocol::Turn,
    sentiment::{Classifier, Knots, Reading},
    settings::Flags,
};

/// Fewer graded turns than this say nothing, nor do fewer of one grade.
const LEAST: (usize, usize) = (120, 10);
/// Parts of a cross-validation: each is measured with a map fitted to the others.
const PARTS: usize = 5;
/// Which share of its error a new map must take away to be worth writing.
const WORTH: f64 = 0.05;
/// How sure the bound on a share is.
const CONFIDENCE: f64 = 0.95;
/// A reply that calls for nothing by itself.
const REPLY: &str = "The details are on the page My account.";

/// Fit undertone to your own turns
///
/// With turns that you graded (a tab-separated file with the columns text and affect, 0 to 3): fits the map from what
/// the model hears to the weight, and prints a calibration.json for --calibration, or the key calibration of [model]. It
/// takes 120 turns or more, 10 of each grade. Where another map takes less than a twentieth off the error, on turns that
/// it was not fitted to, the map stays as it is.
///
/// With --at-most and turns as they came (the column text): prints the lowest floor, from the one that is set upwards, at
/// which with 95 % confidence no more than this share of them is acknowledged, each read by itself, without a
/// conversation before it. It is for --floor, or the key floor of [voice].
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The turns
    #[arg(value_name = "TSV")]
    file: PathBuf,

    /// Find the floor at which at most this share of the turns is acknowledged, e.g. 2%
    #[arg(long, value_name = "SHARE")]
    at_most: Option<Share>,

    /// Where the calibration goes [default: standard output]
    #[arg(long, value_name = "FILE", conflicts_with = "at_most")]
    out: Option<PathBuf>,

    #[command(flatten)]
    flags: Flags,
}

/// A share of turns, between 0 and 1; written with a percent sign or without.
#[derive(Debug, Clone, Copy)]
struct Share(f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
        let share = number.trim().parse::<f64>().map(|number| number / scale);
        match share {
            Ok(share) if share > 0.0 && share < 1.0 => Ok(Self(share)),
            _ => Err(format!("a share lies between 0% and 100%: {text} does not")),
        }
    }
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    logging::start("warn");
    let Args { file, at_most, out, flags } = args;
    let table = Table::open(&file).map_err(Failure::usage)?;
    let settings = flags.settings().map_err(Failure::usage)?;
    let wrong = |why: String| Failure::usage(anyhow::anyhow!("`{}`: {why}", file.display()));
    let grades = if at_most.is_none() { enough(&table).map_err(wrong)? } else { &[] };
    let policy = settings.policy().map_err(Failure::usage)?;
    let classifier = settings.model.classifier().map_err(Failure::runtime)?;
    let readings = eval::read("reading", &table.turns, &classifier).map_err(Failure::runtime)?;
    let done = match at_most {
        Some(Share(share)) => floor(&policy, &table.turns, &readings, share),
        None => refit(&classifier, grades, &readings, out),
    };
    Ok(done?)
}

/// The grades, if there are enough to calibrate to.
fn enough(table: &Table) -> Result<&[Grade], String> {
    let Labels::Graded(grades) = &table.labels else {
        return Err("it has no column affect (0 to 3); grade some turns, or ask for a floor with --at-most".to_owned());
    };
    let (least, of_each) = LEAST;
    if grades.len() < least {
        return Err(format!("it takes {least} graded turns or more; there are {}", grades.len()));
    }
    for affect in 0..=STRONGEST {
        let count = grades.iter().filter(|grade| grade.affect == affect).count();
        if count < of_each {
            return Err(format!("it takes {of_each} turns or more of each affect; there are {count} of {affect}"));
        }
    }
    Ok(grades)
}

/// Fits the map, and writes it if it does better on turns that it was not fitted to; otherwise the map as it is.
fn refit(classifier: &Classifier, grades: &[Grade], readings: &[Reading], out: Option<PathBuf>) -> anyhow::Result<()> {
    let own = classifier.calibration();
    #[expect(clippy::cast_possible_truncation, reason = "nothing, a third, two thirds or one")]
    let turn = |(grade, said): (&Grade, &Reading)| (said.raw_affect, grade.weight() as f32);
    let mut turns: Vec<(f32, f32)> = grades.iter().zip(readings).map(turn).collect();
    // By what is heard, so that every part has turns of every strength, whatever the order of the file.
    turns.sort_by(|a, b| a.0.total_cmp(&b.0));
    let before = error(own.knots(), &turns);
    let after = mean((0..PARTS).map(|part| {
        let of_part = |is_in: bool| {
            let turns = turns.iter().enumerate().filter(move |(n, _)| (n % PARTS == part) == is_in);
            turns.map(|(_, turn)| *turn).collect::<Vec<_>>()
        };
        error(&Knots::fit(&of_part(false)), &of_part(true))
    }));
    let (count, after) = (turns.len(), after.unwrap_or(before));
    eprint(&format!(
        "{count} graded turns: the weight is off by {before:.3} on average as it is, and by {after:.3} refitted (turns \
         that it was not fitted to)\n"
    ))?;
    let is_worth_it = after <= before * (1.0 - WORTH);
    if !is_worth_it {
        eprint("That is hardly better: the calibration stays as it is.\n")?;
    }
    let fitted = if is_worth_it { own.clone().with_knots(Knots::fit(&turns)) } else { own.clone() };
    match out {
        Some(file) => {
            fs::write(&file, fitted.to_json())
                .map_err(|error| anyhow::anyhow!("cannot write `{}`: {error}", file.display()))?;
            eprint(&format!("Written to {0}. Use it with --calibration {0}\n", file.display()))
        }
        None => Ok(io::stdout().lock().write_all(fitted.to_json().as_bytes())?),
    }
}

fn error(knots: &Knots, turns: &[(f32, f32)]) -> f64 {
    mean(turns.iter().map(|(raw, graded)| f64::from((knots.map(*raw) - graded).abs()))).unwrap_or_default()
}

fn eprint(text: &str) -> anyhow::Result<()> {
    Ok(io::stderr().lock().write_all(text.as_bytes())?)
}

/// Prints the lowest floor at which the share of turns that are acknowledged is, with confidence, at most `share`.
fn floor(policy: &Policy, turns: &[String], readings: &[Reading], share: f64) -> anyhow::Result<()> {
    // Hundredths: a floor is written with two decimals.
    let floors = (0..=100_u8).map(|n| Weight::clamped(f32::from(n) / 100.0)).filter(|floor| *floor >= policy.floor());
    let mut floors: Vec<_> = floors.map(|floor| (floor, policy.clone().with_floor(floor), 0_usize)).collect();
    for (turn, reading) in turns.iter().zip(readings) {
        // The higher the floor, the more turns are met with silence.
        let silent_from = floors.partition_point(|(_, policy, _)| is_acknowledged(policy, turn, reading));
        floors.iter_mut().take(silent_from).for_each(|(.., count)| *count += 1);
    }
    let total = turns.len();
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let Some((floor, _, count)) = floors.iter().find(|(.., count)| upper_bound(*count, total) <= share) else {
        let most = floors.last().map_or(0, |(.., count)| *count);
        let bound = percent(upper_bound(most, total));
        anyhow::bail!(
            "no floor does: at 1.00 {most} of {total} turns are still acknowledged (own mistakes, condolences), which with \
             95 % confidence may mean {bound} of all; more turns would make that surer"
        );
    };
    let (seen, bound) = (percent(*count as f64 / total as f64), percent(upper_bound(*count, total)));
    let line = format!(
        "floor = {floor}   # {count} of {total} turns are acknowledged: {seen}; with 95 % confidence at most {bound}\n"
    );
    Ok(io::stdout().lock().write_all(line.as_bytes())?)
}

/// The one-sided bound of Clopper and Pearson (1934) on a share of which `count` of `total` were seen.
fn upper_bound(count: usize, total: usize) -> f64 {
    if count >= total {
        return 1.0;
    }
    Beta::new(count as f64 + 1.0, (total - count) as f64).map_or(1.0, |beta| beta.inverse_cdf(CONFIDENCE))
}

fn is_acknowledged(policy: &Policy, turn: &str, reading: &Reading) -> bool {
    let turn = Turn { text: turn.to_owned(), ..Turn::default() };
    match policy.plan(&Facts::new(&turn, &reading.sentiment, &Memory::default())) {
        Plan::Leave(_) => false,
        Plan::Review(intent) => matches!(policy.review(&intent, REPLY, true), Review::Change(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_written_as_people_write_it() {
        assert!((Share::from_str("2%").unwrap().0 - 0.02).abs() < 1e-12);
        assert!((Share::from_str("0.5").unwrap().0 - 0.5).abs() < 1e-12);
        for bad in ["0", "100%", "-1%", "two", "2"] {
            assert!(Share::from_str(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_bound_is_clopper_and_pearsons() {
        // The rule of three: none of 300 seen, at most 1 % at 95 %.
        assert!((upper_bound(0, 300) - 0.00994).abs() < 1e-4);
        // qbeta(0.95, 20, 1981) in R.
        assert!((upper_bound(19, 2000) - 0.01388).abs() < 1e-4, "{}", upper_bound(19, 2000));
        assert!((upper_bound(5, 5) - 1.0).abs() < 1e-12);
    }
}
