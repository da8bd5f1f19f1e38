//! The textbook's figures, of `f64`s and hits. All are `None` where they are not defined.

/// How many times a sample is drawn anew for an interval, from which seed, and which part of the draws lies beyond each
/// of its ends: of a 95 % interval, one in 40.
const DRAWS: usize = 1000;
const SEED: u64 = 13;
const BEYOND: usize = 40;
/// Bins of a calibration error.
const BINS: usize = 15;

pub(super) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

/// The share of those that hit.
pub(super) fn share(hits: impl IntoIterator<Item = bool>) -> Option<f64> {
    mean(hits.into_iter().map(|hit| f64::from(u8::from(hit))))
}

/// Pearson's r.
pub(super) fn pearson(pairs: &[(f64, f64)]) -> Option<f64> {
    let (x, y) = (mean(pairs.iter().map(|pair| pair.0))?, mean(pairs.iter().map(|pair| pair.1))?);
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        xy += (a - x) * (b - y);
        xx += (a - x).powi(2);
        yy += (b - y).powi(2);
    }
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

/// Spearman's r: Pearson's of the ranks, equals sharing theirs.
pub(super) fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let [x, y]: [Vec<f64>; 2] = [pairs.iter().map(|pair| pair.0).collect(), pairs.iter().map(|pair| pair.1).collect()];
    pearson(&ranks(&x).into_iter().zip(ranks(&y)).collect::<Vec<_>>())
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = values.iter().copied().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let mut ranks = vec![0.0; values.len()];
    let mut rank = 0.0;
    for equals in order.chunk_by(|(_, a), (_, b)| a.total_cmp(b).is_eq()) {
        let count = equals.iter().map(|_| 1.0).sum::<f64>();
        for (place, _) in equals {
            if let Some(slot) = ranks.get_mut(*place) {
                *slot = rank + (count - 1.0) / 2.0;
            }
        }
        rank += count;
    }
    ranks
}

/// Kendall's tau of a ladder's (rung, value): whether the value rises with the rung, over all pairs of rungs; equal
/// values count as neither.
pub(super) fn kendall(ladder: &[(u8, f64)]) -> Option<f64> {
    let pairs = ladder
        .iter()
        .flat_map(|(below, a)| ladder.iter().filter(move |(above, _)| below < above).map(move |(_, b)| (*a, *b)));
    mean(pairs.map(|(a, b)| {
        if a < b {
            1.0
        } else if a > b {
            -1.0
        } else {
            0.0
        }
    }))
}

/// How many of a class were found, found where they are not, and missed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hits {
    pub(super) right: f64,
    pub(super) wrong: f64,
    pub(super) missed: f64,
}

impl Hits {
    pub(super) fn count(&mut self, is_said: bool, is_so: bool) {
        match (is_said, is_so) {
            (true, true) => self.right += 1.0,
            (true, false) => self.wrong += 1.0,
            (false, true) => self.missed += 1.0,
            (false, false) => {}
        }
    }

    pub(super) fn recall(self) -> Option<f64> {
        let all = self.right + self.missed;
        (all > 0.0).then(|| self.right / all)
    }

    /// F1, of a class that somebody has or somebody found.
    pub(super) fn f1(self) -> Option<f64> {
        let all = 2.0 * self.right + self.wrong + self.missed;
        (all > 0.0).then(|| 2.0 * self.right / all)
    }
}

/// Expected calibration error of (confidence, hit): how far the mean confidence of a bin lies from its share of hits
/// (Guo et al. 2017), over bins of equal width, or `adaptive`ly of equal numbers (Nixon et al. 2019).
pub(super) fn calibration_error(said: &[(f64, bool)], adaptive: bool) -> Option<f64> {
    let mut said = said.to_vec();
    said.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let bin = |confidence: f64| (0..BINS).rfind(|bin| confidence * BINS as f64 >= *bin as f64);
    let bins: Vec<&[(f64, bool)]> = if adaptive {
        let cut = |bin: usize| bin * said.len() / BINS;
        (0..BINS).filter_map(|bin| said.get(cut(bin)..cut(bin + 1))).filter(|bin| !bin.is_empty()).collect()
    } else {
        said.chunk_by(|(a, _), (b, _)| bin(*a) == bin(*b)).collect()
    };
    let error = |bin: &&[(f64, bool)]| {
        let (confidence, hits) = (mean(bin.iter().map(|(c, _)| *c))?, share(bin.iter().map(|(_, hit)| *hit))?);
        Some((confidence - hits).abs() * bin.len() as f64)
    };
    let errors: f64 = bins.iter().filter_map(error).sum();
    (!said.is_empty()).then(|| errors / said.len() as f64)
}

/// The 95 % interval of a figure over `count` items: what lies between its percentiles when the items are drawn anew
/// (Efron 1979). The same on every run.
pub(super) fn interval(count: usize, figure: impl Fn(&[usize]) -> Option<f64>) -> Option<(f64, f64)> {
    if count < 2 {
        return None;
    }
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut drawn = vec![0; count];
    let mut figures: Vec<f64> = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        drawn.fill_with(|| random.usize(..count));
        figures.extend(figure(&drawn));
    }
    figures.sort_by(f64::total_cmp);
    let cut = figures.len() / BEYOND;
    Some((*figures.get(cut)?, *figures.iter().nth_back(cut)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: Option<f64>, b: f64) {
        assert!(a.is_some_and(|a| (a - b).abs() < 1e-9), "{a:?} is not {b}");
    }

    #[test]
    fn correlations_are_those_of_the_textbook() {
        let line: Vec<_> = (0..10).map(|n| (f64::from(n), f64::from(3 * n + 1))).collect();
        close(pearson(&line), 1.0);
        close(pearson(&[(1.0, 2.0), (2.0, 1.0), (3.0, 4.0)]), 0.654_653_670_707_977_1);
        // Equals share a rank: scipy.stats.spearmanr([1, 2, 2, 4], [1, 3, 2, 4]).
        close(spearman(&[(1.0, 1.0), (2.0, 3.0), (2.0, 2.0), (4.0, 4.0)]), 0.948_683_298_050_513_8);
        assert_eq!(pearson(&[(1.0, 1.0), (1.0, 2.0)]), None);
    }

    #[test]
    fn a_ladder_that_rises_has_tau_one_and_equals_count_as_neither() {
        close(kendall(&[(0, 0.1), (1, 0.2), (2, 0.3)]), 1.0);
        close(kendall(&[(0, 0.3), (1, 0.2), (2, 0.1)]), -1.0);
        close(kendall(&[(0, 0.1), (1, 0.1), (2, 0.3)]), 2.0 / 3.0);
        close(kendall(&[(1, 0.9), (1, 0.1), (2, 1.0)]), 1.0);
        assert_eq!(kendall(&[(1, 0.9), (1, 0.1)]), None);
    }

    #[test]
    fn what_is_said_with_the_confidence_it_deserves_has_no_calibration_error() {
        let fair: Vec<_> = (0..100).map(|n| (0.75, n % 4 != 0)).collect();
        close(calibration_error(&fair, false), 0.0);
        let boastful: Vec<_> = (0..100).map(|n| (0.95, n % 2 == 0)).collect();
        close(calibration_error(&boastful, false), 0.45);
        close(calibration_error(&boastful, true), 0.45);
    }

    #[test]
    fn an_interval_holds_the_figure_and_narrows_with_the_sample() {
        let width = |count: usize| {
            let (low, high) =
                interval(count, |drawn| mean(drawn.iter().map(|n| f64::from(u8::from(n % 2 == 0))))).unwrap();
            assert!(low < 0.5 && 0.5 < high, "{low} to {high}");
            high - low
        };
        assert!(width(1000) < width(100) && width(100) < width(20));
        assert_eq!(interval(1, |_| Some(1.0)), None);
    }

    #[test]
    fn f1_is_of_those_found_and_those_missed() {
        let mut hits = Hits::default();
        for (is_said, is_so) in [(true, true), (true, false), (false, true), (false, false)] {
            hits.count(is_said, is_so);
        }
        close(hits.f1(), 0.5);
        assert_eq!(Hits::default().f1(), None);
        close(hits.recall(), 0.5);
    }
}
