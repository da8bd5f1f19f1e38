//! All that the model says of a turn, with what only its evaluation and calibration look at.

use super::{Embedding, Emotion, Emotions, Polarity, Sentiment, Targets, engine::GOEMOTIONS};

/// Even a sentence that expresses nothing counts a little, so that a turn of such sentences has a mean.
const LEAST: f32 = 1e-3;

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

    /// A turn as its sentences read: as strong as the one that expresses most; danger in any of them counts; what colour
    /// the feeling has they tell together, each as loud as it is ("Oh for the love of God." is not all there is to a
    /// turn); and the turn lies between them in meaning. `None` without any.
    pub(super) fn of_sentences(readings: Vec<Self>) -> Option<Self> {
        if readings.len() < 2 {
            return readings.into_iter().next();
        }
        let mean = |of: &dyn Fn(&Sentiment) -> f32| weighted_mean(&readings, of);
        let sentiment = Sentiment {
            valence: mean(&|said| said.valence),
            polarity: Polarity {
                negative: mean(&|said| said.polarity.negative),
                neutral: mean(&|said| said.polarity.neutral),
                positive: mean(&|said| said.polarity.positive),
            },
            emotions: Emotions::new(Emotion::ALL.map(|emotion| mean(&|said| said.emotions.get(emotion)))),
            targets: Targets {
                none: mean(&|said| said.targets.none),
                situation: mean(&|said| said.targets.situation),
                bot: mean(&|said| said.targets.bot),
            },
            danger: readings.iter().filter_map(|reading| reading.sentiment.danger).reduce(f32::max),
            embedding: between(readings.iter().filter_map(|reading| reading.sentiment.embedding.as_ref())),
            affect: 0.0,
        };
        let loudest = readings.into_iter().max_by(|a, b| a.raw_affect.total_cmp(&b.raw_affect))?;
        let affect = loudest.sentiment.affect;
        Some(Self { sentiment: Sentiment { affect, ..sentiment }, ..loudest })
    }
}

/// The mean of a number over sentences, each counting as much as it expresses.
fn weighted_mean(readings: &[Reading], of: &dyn Fn(&Sentiment) -> f32) -> f32 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for reading in readings {
        let weight = reading.raw_affect + LEAST;
        sum += weight * of(&reading.sentiment);
        weights += weight;
    }
    sum / weights
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

    fn reading(raw_affect: f32, emotion: Emotion, danger: f32, direction: [f32; 2]) -> Reading {
        let sentiment = Sentiment {
            affect: raw_affect,
            valence: -raw_affect,
            emotions: Emotions::certain(emotion),
            danger: Some(danger),
            embedding: Some(Embedding::new(direction)),
            ..Sentiment::default()
        };
        Reading { sentiment, raw_affect, ..Reading::default() }
    }

    #[test]
    fn the_loudest_sentence_sets_the_strength_and_danger_in_any_counts() {
        let sentences =
            vec![reading(0.1, Emotion::None, 0.9, [1.0, 0.0]), reading(0.8, Emotion::Anger, 0.2, [0.0, 1.0])];
        let turn = Reading::of_sentences(sentences).unwrap();
        assert_eq!((turn.raw_affect, turn.sentiment.affect, turn.sentiment.danger), (0.8, 0.8, Some(0.9)));
        let between = Embedding::new([1.0, 1.0]);
        assert!((turn.sentiment.embedding.unwrap().similarity(&between) - 1.0).abs() < 1e-6);
        assert_eq!(Reading::of_sentences(Vec::new()), None);
    }

    #[test]
    fn which_feeling_it_is_the_sentences_tell_together() {
        let sentence = |raw_affect, emotion| reading(raw_affect, emotion, 0.0, [1.0, 0.0]);
        let sentences = [(0.5, Emotion::Joy), (0.45, Emotion::Anger), (0.4, Emotion::Anger), (0.0, Emotion::None)];
        let turn = Reading::of_sentences(sentences.map(|(affect, emotion)| sentence(affect, emotion)).into()).unwrap();
        assert_eq!(turn.sentiment.emotion(), Emotion::Anger);
        let sum: f32 = turn.sentiment.emotions.iter().map(|(_, probability)| probability).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        let calm = vec![sentence(0.0, Emotion::None); 3];
        assert_eq!(Reading::of_sentences(calm).unwrap().sentiment.emotion(), Emotion::None);
    }
}
