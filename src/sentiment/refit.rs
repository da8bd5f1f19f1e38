//! Calibrating anew: another map from raw affect to weight, fitted to graded turns.

use super::{Classifier, calibration::Calibration, knots::Knots};

/// How many bins the graded turns are put in, at most, and how many turns there are for each.
const BINS: (usize, usize) = (20, 12);
/// Knots closer together than this are one.
const APART: f32 = 0.02;
/// A weight above the graded affect counts so many times one below it: silence is the default.
const OVER: f32 = 2.0;

impl Knots {
    /// The monotone map that comes closest to graded turns, given as (raw affect, graded weight): isotonic regression
    /// (Barlow et al. 1972) of expectiles (Newey and Powell 1987) over bins of equal numbers of turns; from 0 at 0 to 1
    /// at 1. Training fits its map the same way (`training/calibrate.py`).
    pub(crate) fn fit(turns: &[(f32, f32)]) -> Self {
        let mut turns = turns.to_vec();
        turns.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let (most, least) = BINS;
        let bins = (turns.len() / least).clamp(1, most);
        let mut blocks: Vec<Block<'_>> = Vec::new();
        for bin in 0..bins {
            let [start, end] = [bin, bin + 1].map(|bin| bin * turns.len() / bins);
            let mut first = start;
            let mut block = Block::of(turns.get(first..end).unwrap_or_default());
            // Pool adjacent violators.
            while let Some(last) = blocks.pop_if(|last| last.weight > block.weight || block.raw - last.raw < APART) {
                first -= last.turns.len();
                block = Block::of(turns.get(first..end).unwrap_or_default());
            }
            blocks.push(block);
        }
        let inner = blocks.iter().map(|block| (block.raw, block.weight));
        let inner = inner.filter(|(raw, _)| (APART..=1.0 - APART).contains(raw));
        Self([(0.0, 0.0)].into_iter().chain(inner).chain([(1.0, 1.0)]).collect())
    }
}

impl Calibration {
    /// GoEmotions' labels, in the order of [`Reading::goemotions`](super::reading::Reading::goemotions).
    pub(crate) fn goemotions(&self) -> &[String] {
        &self.goemotions.labels
    }

    /// The map from raw affect to weight.
    pub(crate) const fn knots(&self) -> &Knots {
        &self.affect.knots
    }

    /// The same with another map from raw affect to weight.
    pub(crate) fn with_knots(mut self, knots: Knots) -> Self {
        self.affect.knots = knots;
        self
    }

    /// As it is written to a file.
    pub(crate) fn to_json(&self) -> String {
        // Numbers, strings and lists of them always become JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

impl Classifier {
    /// What its numbers mean.
    pub(crate) fn calibration(&self) -> &Calibration {
        &self.0.pipeline.calibration
    }
}

/// Some turns, next to each other by raw affect.
struct Block<'a> {
    turns: &'a [(f32, f32)],
    /// The mean of the raw affect.
    raw: f32,
    /// The expectile of the graded weight.
    weight: f32,
}

impl<'a> Block<'a> {
    fn of(turns: &'a [(f32, f32)]) -> Self {
        let raw = mean(turns.iter().map(|(raw, _)| (*raw, 1.0)));
        let mut weight = 1.0;
        // Converges in a few steps: each takes the mean with those below the last one counted more.
        for _ in 0..50 {
            let over = |graded: f32| if graded < weight { OVER } else { 1.0 };
            weight = mean(turns.iter().map(|(_, graded)| (*graded, over(*graded))));
        }
        Self { turns, raw, weight }
    }
}

/// The mean of numbers, each with how often it counts; 0 without any.
fn mean(numbers: impl Iterator<Item = (f32, f32)>) -> f32 {
    let (sum, count) = numbers.fold((0.0, 0.0), |(sum, count), (number, times)| (sum + number * times, count + times));
    if count > 0.0 { sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_fitted_map_rises_whatever_the_turns(turns in prop::collection::vec((0.0_f32..=1.0, 0.0_f32..=1.0), 0..300)) {
            let knots = Knots::fit(&turns);
            prop_assert_eq!(knots.check(), Ok(()), "{:?}", knots);
        }
    }

    #[test]
    fn what_is_too_high_counts_more_than_what_is_too_low() {
        let turns: Vec<_> = (0_u8..240).map(|n| (0.5, f32::from(n % 2))).collect();
        assert!((Knots::fit(&turns).map(0.5) - 1.0 / 3.0).abs() < 1e-3, "{:?}", Knots::fit(&turns));
    }

    #[test]
    fn a_fitted_map_finds_the_grades_back() {
        let turns: Vec<_> = (0_u8..=200).map(|n| f32::from(n) / 200.0).map(|raw| (raw, raw * raw)).collect();
        let knots = Knots::fit(&turns);
        for raw in [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0] {
            assert!((knots.map(raw) - raw * raw).abs() < 0.03, "{raw}: {}", knots.map(raw));
        }
    }
}
