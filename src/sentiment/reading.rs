//! All that the model says of a turn, with what only its evaluation and calibration look at.

use super::{Embedding, Sentiment, engine::GOEMOTIONS};

/// All that the model says of a turn.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Reading {
    pub(crate) sentiment: Sentiment,
    /// The graph's own affect, 0 to 1, before calibration.
    pub(crate) raw_affect: f32,
    /// Which of GoEmotions' labels reach their threshold, in the order of `calibration.json`.
    pub(crate) goemotions: [bool; GOEMOTIONS],
}

impl Reading {
    /// A turn without words: matter-of-fact, harmless, and without a meaning.
    pub(super) fn of_nothing() -> Self {
        Self { sentiment: Sentiment { danger: Some(0.0), ..Sentiment::default() }, ..Self::default() }
    }

    /// A turn as its sentences read: the one that expresses most speaks for all, danger in any of them counts, and the
    /// turn lies between them in meaning. `None` without any.
    pub(super) fn of_sentences(readings: Vec<Self>) -> Option<Self> {
        let danger = readings.iter().filter_map(|reading| reading.sentiment.danger).reduce(f32::max);
        let embedding = between(readings.iter().filter_map(|reading| reading.sentiment.embedding.as_ref()));
        let mut loudest = readings.into_iter().max_by(|a, b| a.raw_affect.total_cmp(&b.raw_affect))?;
        loudest.sentiment.danger = danger;
        loudest.sentiment.embedding = embedding;
        Some(loudest)
    }
}

/// The direction between several: that of their sum. `None` without any.
fn between<'a>(mut embeddings: impl Iterator<Item = &'a Embedding>) -> Option<Embedding> {
    let mut sum = embeddings.next()?.as_slice().to_vec();
    for embedding in embeddings {
        sum.iter_mut().zip(embedding.as_slice()).for_each(|(sum, x)| *sum += x);
    }
    Some(Embedding::new(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(raw_affect: f32, danger: f32, direction: [f32; 2]) -> Reading {
        let embedding = Some(Embedding::new(direction));
        let sentiment = Sentiment { affect: raw_affect, danger: Some(danger), embedding, ..Sentiment::default() };
        Reading { sentiment, raw_affect, ..Reading::default() }
    }

    #[test]
    fn the_loudest_sentence_speaks_danger_in_any_counts_and_the_meaning_lies_between() {
        let sentences = vec![reading(0.1, 0.9, [1.0, 0.0]), reading(0.8, 0.2, [0.0, 1.0])];
        let turn = Reading::of_sentences(sentences).unwrap();
        assert_eq!((turn.raw_affect, turn.sentiment.danger), (0.8, Some(0.9)));
        let between = Embedding::new([1.0, 1.0]);
        assert!((turn.sentiment.embedding.unwrap().similarity(&between) - 1.0).abs() < 1e-6);
        assert_eq!(Reading::of_sentences(Vec::new()), None);
    }
}
