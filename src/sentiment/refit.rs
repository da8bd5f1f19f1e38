//! Calibrating anew: another map from raw affect to weight, fitted to graded turns.

use super::{Classifier, calibration::Calibration, knots::Knots};

/// How many bins the graded turns are put in, at most, and how many turns there are for each.
const BINS: (usize, usize) = (8, 12);
/// Knots closer together than this are one.
const APART: f32 = 0.02;

impl Knots {
    /// The monotone map that comes closest to graded turns, given as (raw affect, graded weight): isotonic regression
    /// (Barlow et al. 1972) over bins of equal numbers of turns; from 0 at 0 to 1 at 1. Training fits its map the same
    /// way (`training/calibrate.py`).
    pub(crate) fn fit(turns: &[(f32, f32)]) -> Self {
        let mut turns = turns.to_vec();
        turns.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let (most, least) = BINS;
        let bins = (turns.len() / least).clamp(1, most);
        let mut blocks: Vec<Block> = Vec::new();
        for bin in turns.chunks(turns.len().div_ceil(bins).max(1)) {
            let mut block = Block::of(bin);
            // Pool adjacent violators.
            while let Some(last) = blocks.pop_if(|last| last.weight > block.weight || block.raw - last.raw < APART) {
                block = block.and(last);
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

/// The means of some turns.
#[derive(Debug, Clone, Copy)]
struct Block {
    raw: f32,
    weight: f32,
    turns: f32,
}

impl Block {
    fn of(bin: &[(f32, f32)]) -> Self {
        let single = bin.iter().map(|&(raw, weight)| Self { raw, weight, turns: 1.0 });
        single.reduce(Self::and).unwrap_or(Self { raw: 0.0, weight: 0.0, turns: 0.0 })
    }

    fn and(self, other: Self) -> Self {
        let turns = self.turns + other.turns;
        let mean = |a: f32, b: f32| (a * self.turns + b * other.turns) / turns;
        Self { raw: mean(self.raw, other.raw), weight: mean(self.weight, other.weight), turns }
    }
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
    fn a_fitted_map_finds_the_grades_back() {
        let turns: Vec<_> = (0_u8..=200).map(|n| f32::from(n) / 200.0).map(|raw| (raw, raw * raw)).collect();
        let knots = Knots::fit(&turns);
        for raw in [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0] {
            assert!((knots.map(raw) - raw * raw).abs() < 0.03, "{raw}: {}", knots.map(raw));
        }
    }
}
