//! From the graph's raw numbers to probabilities and a calibrated affect.

use serde::{Deserialize, Serialize};

use super::{
    Embedding, Emotion, Emotions, Polarity, Sentiment, Target, Targets,
    engine::{GOEMOTIONS, Row},
    knots::Knots,
    reading::Reading,
};

const POLARITY: [&str; 3] = ["negative", "neutral", "positive"];
/// BERT's own positions end at 512; below 8 there is no turn left between the special tokens.
const MAX_TOKENS: std::ops::RangeInclusive<usize> = 8..=512;

/// `calibration.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Calibration {
    /// The model that it is for.
    model: String,
    /// The longest row the graph was trained on, special tokens included.
    max_tokens: usize,
    polarity: Softmax,
    emotion: Softmax,
    target: Softmax,
    pub(super) goemotions: GoEmotions,
    danger: Gate,
    pub(super) affect: Affect,
}

/// The logits' distances to the largest, divided by the temperature and raised to the power, make the probabilities.
///
/// Training with smoothed labels squeezes large distances together, and a temperature alone (Guo et al. 2017) cannot
/// mend both ends: with a power above 1 what is unsure becomes surer of that, and what is sure too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Softmax {
    labels: Vec<String>,
    temperature: f32,
    power: f32,
}

/// A label counts from its threshold on, a probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GoEmotions {
    pub(super) labels: Vec<String>,
    thresholds: Vec<f32>,
}

/// A logit becomes 0.5 at the threshold, and comes the sooner to 0 and 1 on its sides the smaller the temperature.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Gate {
    threshold: f32,
    temperature: f32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Affect {
    pub(super) knots: Knots,
}

impl Calibration {
    /// Reads and checks `calibration.json`.
    ///
    /// # Errors
    ///
    /// One line that names the key, what was expected and what was found.
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        let calibration: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        calibration.check()?;
        Ok(calibration)
    }

    fn check(&self) -> Result<(), String> {
        if !MAX_TOKENS.contains(&self.max_tokens) {
            let (least, most) = MAX_TOKENS.into_inner();
            return Err(format!("max_tokens: expected {least} to {most}, found {}", self.max_tokens));
        }
        self.polarity.check("polarity", &POLARITY)?;
        self.emotion.check("emotion", &Emotion::ALL.map(Emotion::as_str))?;
        self.target.check("target", &Target::ALL.map(Target::as_str))?;
        let (labels, thresholds) = (self.goemotions.labels.len(), self.goemotions.thresholds.len());
        if (labels, thresholds) != (GOEMOTIONS, GOEMOTIONS) {
            return Err(format!(
                "goemotions: expected {GOEMOTIONS} labels and as many thresholds, found {labels} and {thresholds}"
            ));
        }
        if !self.danger.threshold.is_finite() {
            return Err(format!("danger.threshold: expected a number, found {}", self.danger.threshold));
        }
        check_positive("danger.temperature", self.danger.temperature)?;
        self.affect.knots.check().map_err(|why| format!("affect.knots: {why}"))
    }

    /// The model's name.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// The longest row the graph was trained on, special tokens included.
    pub(crate) const fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// What the graph's numbers for one text mean.
    ///
    /// # Errors
    ///
    /// Names the head that has a number which is none.
    pub(crate) fn reading(&self, row: Row<'_>) -> Result<Reading, String> {
        let [negative, neutral, positive] = self.polarity.probabilities("polarity", row.polarity)?;
        let emotions = self.emotion.probabilities("emotion", row.emotion)?;
        let [none, situation, bot] = self.target.probabilities("target", row.target)?;
        let valence = finite("valence", row.valence)?.clamp(-1.0, 1.0);
        let raw_affect = finite("affect", row.affect)?;
        let danger = sigmoid((finite("danger", row.danger)? - self.danger.threshold) / self.danger.temperature);
        let mut goemotions = [false; GOEMOTIONS];
        for ((label, logit), threshold) in goemotions.iter_mut().zip(row.goemotions).zip(&self.goemotions.thresholds) {
            *label = sigmoid(finite("goemotions", *logit)?) >= *threshold;
        }
        for number in row.embedding {
            finite("embedding", *number)?;
        }
        let sentiment = Sentiment {
            polarity: Polarity { negative, neutral, positive },
            valence,
            affect: self.affect.knots.map(raw_affect),
            emotions: Emotions::new(emotions),
            targets: Targets { none, situation, bot },
            danger: Some(danger),
            embedding: Some(Embedding::new(row.embedding)),
        };
        Ok(Reading { sentiment, raw_affect, goemotions })
    }
}

impl Softmax {
    fn check(&self, key: &str, labels: &[&str]) -> Result<(), String> {
        check_labels(key, &self.labels, labels)?;
        check_positive(&format!("{key}.temperature"), self.temperature)?;
        check_positive(&format!("{key}.power"), self.power)
    }

    /// Probabilities of `logits`; they sum to 1.
    fn probabilities<const N: usize>(&self, head: &str, logits: &[f32]) -> Result<[f32; N], String> {
        let logits: [f32; N] = logits.try_into().map_err(|_| format!("`{head}` is not {N} wide"))?;
        let mut max = f32::NEG_INFINITY;
        for logit in logits {
            max = max.max(finite(head, logit)?);
        }
        // The largest exponent is 0, so the sum is at least 1 and nothing overflows.
        let powers = logits.map(|logit| (-((max - logit) / self.temperature).powf(self.power)).exp());
        let sum: f32 = powers.iter().sum();
        Ok(powers.map(|power| power / sum))
    }
}

fn check_positive(key: &str, number: f32) -> Result<(), String> {
    if number.is_finite() && number > 0.0 {
        Ok(())
    } else {
        Err(format!("{key}: expected a number above 0, found {number}"))
    }
}

/// The order counts: it is the order of the graph's outputs.
fn check_labels(key: &str, found: &[String], expected: &[&str]) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{key}.labels: expected {}, found {}", expected.join(" "), found.join(" ")))
}

fn finite(head: &str, number: f32) -> Result<f32, String> {
    if number.is_finite() { Ok(number) } else { Err(format!("`{head}` is {number}")) }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A `calibration.json` that changes nothing.
    pub(crate) fn neutral() -> serde_json::Value {
        serde_json::json!({
            "model": "test", "max_tokens": 16,
            "polarity": {"labels": POLARITY, "temperature": 1.0, "power": 1.0},
            "emotion": {"labels": Emotion::ALL, "temperature": 1.0, "power": 1.0},
            "goemotions": {"labels": vec!["x"; GOEMOTIONS], "thresholds": vec![0.5; GOEMOTIONS]},
            "target": {"labels": Target::ALL, "temperature": 1.0, "power": 1.0},
            "danger": {"threshold": 0.0, "temperature": 1.0},
            "affect": {"knots": [[0.0, 0.0], [1.0, 1.0]]},
        })
    }

    fn refusal(key: &str, value: serde_json::Value) -> String {
        let mut json = neutral();
        *json.pointer_mut(key).unwrap() = value;
        let error = Calibration::parse(&json.to_string()).unwrap_err();
        assert!(!error.contains('\n'), "{error}");
        error
    }

    fn row<'a>(polarity: &'a [f32], affect: f32) -> Row<'a> {
        Row {
            polarity,
            valence: -0.5,
            affect,
            emotion: &[0.0; Emotion::ALL.len()],
            goemotions: &[0.0; GOEMOTIONS],
            target: &[0.0; Target::ALL.len()],
            danger: 0.0,
            embedding: &[1.0],
        }
    }

    #[test]
    fn reads_what_training_writes() {
        let calibration = Calibration::parse(&neutral().to_string()).unwrap();
        assert_eq!((calibration.model(), calibration.max_tokens()), ("test", 16));
    }

    #[test]
    fn a_mistake_is_named_with_what_was_expected_and_found() {
        let cases = [
            ("/polarity/labels", serde_json::json!(["positive", "neutral", "negative"]), "found positive neutral"),
            ("/emotion/labels", serde_json::json!(["joy"]), "emotion.labels: expected anger frustration"),
            ("/emotion/temperature", serde_json::json!(0), "emotion.temperature: expected a number above 0, found 0"),
            ("/goemotions/thresholds", serde_json::json!([0.5]), "found 28 and 1"),
            ("/target/power", serde_json::json!(0), "target.power: expected a number above 0, found 0"),
            ("/target/labels", serde_json::json!([]), "target.labels: expected none situation bot"),
            ("/danger/temperature", serde_json::json!(-1), "danger.temperature: expected a number above 0, found -1"),
            ("/danger/threshold", serde_json::json!(1e39), "danger.threshold: expected a number, found inf"),
            ("/affect/knots", serde_json::json!([[0, 0]]), "affect.knots: expected at least 2, found 1"),
            ("/affect/knots", serde_json::json!([[0, 0.5], [1, 0.4]]), "expected them to rise, found [1, 0.4]"),
            ("/affect/knots", serde_json::json!([[0, 0], [0, 1]]), "expected them to rise"),
            ("/affect/knots", serde_json::json!([[0, 0], [1, 1.5]]), "found [1, 1.5]"),
            ("/affect/knots", serde_json::json!([[0, 0], [1e39, 1]]), "found [inf, 1]"),
            ("/max_tokens", serde_json::json!(4), "max_tokens: expected 8 to 512, found 4"),
            ("/model", serde_json::json!(4), "invalid type"),
        ];
        for (key, value, said) in cases {
            let error = refusal(key, value);
            assert!(error.contains(said), "{key}: {error}");
        }
        assert!(Calibration::parse("{}").unwrap_err().contains("missing field"));
        let mut extra = neutral();
        extra["polarity"]["bias"] = 1.into();
        assert!(Calibration::parse(&extra.to_string()).unwrap_err().contains("unknown field `bias`"));
    }

    #[test]
    fn probabilities_sum_to_one_however_large_the_logits() {
        let calibration = Calibration::parse(&neutral().to_string()).unwrap();
        for logits in [[0.0, 0.0, 0.0], [1e30, -1e30, 3.0], [-88.0, -90.0, -1000.0]] {
            let p = calibration.reading(row(&logits, 0.5)).unwrap().sentiment.polarity;
            assert!((p.negative + p.neutral + p.positive - 1.0).abs() < 1e-6, "{logits:?}: {p:?}");
        }
    }

    #[test]
    fn a_temperature_above_one_flattens_and_a_power_above_one_parts_sure_from_unsure() {
        let probability = |key: &str, value: f32, logit: f32| {
            let mut json = neutral();
            json["polarity"][key] = value.into();
            let calibration = Calibration::parse(&json.to_string()).unwrap();
            calibration.reading(row(&[logit, 0.0, 0.0], 0.5)).unwrap().sentiment.polarity.negative
        };
        assert!(probability("temperature", 2.0, 2.0) < probability("temperature", 1.0, 2.0));
        assert!(probability("power", 2.0, 3.0) > probability("power", 1.0, 3.0));
        assert!(probability("power", 2.0, 0.5) < probability("power", 1.0, 0.5));
    }

    #[test]
    fn danger_is_even_at_its_threshold() {
        let mut json = neutral();
        json["danger"] = serde_json::json!({"threshold": 2.0, "temperature": 0.5});
        let calibration = Calibration::parse(&json.to_string()).unwrap();
        let danger = |logit| {
            let reading = calibration.reading(Row { danger: logit, ..row(&[0.0; 3], 0.5) });
            reading.unwrap().sentiment.danger.unwrap()
        };
        assert!((danger(2.0) - 0.5).abs() < 1e-6);
        assert!(danger(3.0) > 0.85 && danger(1.0) < 0.15);
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let calibration = Calibration::parse(&neutral().to_string()).unwrap();
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(calibration.reading(row(&[0.0, bad, 0.0], 0.5)).unwrap_err().starts_with("`polarity` is"));
            assert!(calibration.reading(row(&[0.0; 3], bad)).unwrap_err().starts_with("`affect` is"));
            let refusal = |row: Row<'_>| calibration.reading(row).unwrap_err();
            assert!(refusal(Row { embedding: &[bad], ..row(&[0.0; 3], 0.5) }).starts_with("`embedding` is"));
            assert!(refusal(Row { goemotions: &[bad], ..row(&[0.0; 3], 0.5) }).starts_with("`goemotions` is"));
        }
    }
}
