//! Which figures a table has, and what they come to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    cli::{
        statistics::{Hits, calibration_error, interval, kendall, mean, pearson, share, spearman},
        table::{Grade, Labels, STRONGEST, Table},
    },
    empathy::{DANGER, Policy},
    sentiment::{Polarity, Reading},
};

/// What a share of turns at a weight is counted from: a quarter, the floor, a half.
const LEASTS: [f64; 3] = [0.25, 0.30, 0.50];
/// The floor: below it nothing is said.
const FLOOR: f64 = 0.30;
/// A strong feeling weighs more.
const STRONG: f64 = 0.50;

/// A figure, and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) name: String,
    /// `None` where it is not defined for these turns.
    pub(super) value: Option<f64>,
    /// The 95 % interval, by bootstrap.
    pub(super) interval: Option<(f64, f64)>,
    /// Of how many turns (or ladders).
    pub(super) of: usize,
    pub(super) unit: Unit,
}

/// How a figure is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unit {
    Number,
    Share,
}

/// A figure over `items`, each draw of which `of` turns into a number.
fn figure<T: Clone>(name: impl Into<String>, unit: Unit, items: &[T], of: impl Fn(&[T]) -> Option<f64>) -> Figure {
    let drawn =
        |places: &[usize]| of(&places.iter().filter_map(|place| items.get(*place)).cloned().collect::<Vec<_>>());
    let value = of(items);
    let interval = value.and_then(|_| interval(items.len(), drawn));
    Figure { name: name.into(), value, interval, of: items.len(), unit }
}

fn number<T: Clone>(name: impl Into<String>, items: &[T], of: impl Fn(&[T]) -> Option<f64>) -> Figure {
    figure(name, Unit::Number, items, of)
}

pub(super) fn hits(name: impl Into<String>, items: &[bool]) -> Figure {
    figure(name, Unit::Share, items, |items| share(items.iter().copied()))
}

/// Every figure of a table, given what the model says of its turns and GoEmotions' labels in the model's order.
pub(super) fn of(table: &Table, readings: &[Reading], goemotions: &[String]) -> Vec<Figure> {
    match &table.labels {
        Labels::Graded(grades) => graded(&table.turns, grades, readings),
        Labels::Valence(labels) => {
            by_group("valence", labels, readings, |reading| f64::from(reading.sentiment.valence))
        }
        Labels::Intensity(labels) => by_group("weight and intensity", labels, readings, weight),
        Labels::Polarity(labels) => polarity(labels, readings),
        Labels::GoEmotions(labels) => emotions(labels, readings, goemotions),
        Labels::Irony(labels) => irony(labels, readings),
        Labels::None => shares("turns", readings),
    }
}

fn weight(reading: &Reading) -> f64 {
    f64::from(reading.sentiment.affect)
}

fn shares(whose: &str, readings: &[Reading]) -> Vec<Figure> {
    let at = |least: f64| {
        let items: Vec<_> = readings.iter().map(|reading| weight(reading) >= least).collect();
        hits(format!("{whose} at {least:.2} or more"), &items)
    };
    LEASTS.map(at).to_vec()
}

fn graded(turns: &[String], grades: &[Grade], readings: &[Reading]) -> Vec<Figure> {
    let pairs: Vec<_> = grades.iter().zip(readings).map(|(grade, said)| (weight(said), grade.weight())).collect();
    let mut figures = vec![
        number("weight and affect, Pearson r", &pairs, pearson),
        number("weight and affect, Spearman r", &pairs, spearman),
        error("weight, mean absolute error", &pairs),
    ];
    figures.extend(ladders(grades, readings));
    let of_grade = |affect: u8| {
        let of = grades.iter().zip(readings).filter(move |(grade, _)| grade.affect == affect);
        of.map(|(_, reading)| reading.clone()).collect::<Vec<_>>()
    };
    figures.extend(shares("over-empathy: affect 0", &of_grade(0)));
    for (affect, least) in [(2, FLOOR), (STRONGEST, STRONG)] {
        let cold: Vec<_> = of_grade(affect).iter().map(|reading| weight(reading) < least).collect();
        figures.push(hits(format!("coldness: affect {affect} below {least:.2}"), &cold));
    }
    figures.extend(labelled(grades, readings));
    figures.extend(danger(turns, grades, readings));
    figures.extend(kinds(grades, &pairs));
    figures.retain(|figure| figure.of > 0);
    figures
}

fn error(name: impl Into<String>, pairs: &[(f64, f64)]) -> Figure {
    number(name, pairs, |pairs| mean(pairs.iter().map(|(said, graded)| (said - graded).abs())))
}

/// Ladders tell one situation at rising affect; a ladder is drawn as a whole.
fn ladders(grades: &[Grade], readings: &[Reading]) -> Option<Figure> {
    let mut ladders: BTreeMap<&str, Vec<(u8, f64)>> = BTreeMap::new();
    for (grade, reading) in grades.iter().zip(readings) {
        if let Some(ladder) = &grade.ladder {
            ladders.entry(ladder).or_default().push((grade.affect, weight(reading)));
        }
    }
    let taus: Vec<_> = ladders.into_values().filter_map(|rungs| kendall(&rungs)).collect();
    (!taus.is_empty()).then(|| number("ladders, mean Kendall tau", &taus, |taus| mean(taus.iter().copied())))
}

/// Polarity, emotion and target, where they are labelled.
fn labelled(grades: &[Grade], readings: &[Reading]) -> Vec<Figure> {
    let both = || grades.iter().zip(readings);
    let said: Vec<_> = both()
        .filter_map(|(grade, reading)| {
            let (said, confidence) = most_probable(&reading.sentiment.polarity);
            Some((confidence, grade.polarity? == said))
        })
        .collect();
    let emotions: Vec<_> =
        both().filter_map(|(grade, reading)| Some(grade.emotion? == reading.sentiment.emotion())).collect();
    let felt = both().filter(|(grade, _)| grade.affect > 0);
    let targets: Vec<_> =
        felt.filter_map(|(grade, reading)| Some(grade.target? == reading.sentiment.target())).collect();
    let accuracy: Vec<_> = said.iter().map(|(_, hit)| *hit).collect();
    vec![
        hits("polarity, accuracy", &accuracy),
        number("polarity, calibration error (ECE)", &said, |said| calibration_error(said, false)),
        number("polarity, adaptive calibration error", &said, |said| calibration_error(said, true)),
        hits("emotion, accuracy", &emotions),
        hits("target where felt, accuracy", &targets),
    ]
}

/// What the model hears of danger, what the patterns hear, and what closes the gate: either.
fn danger(turns: &[String], grades: &[Grade], readings: &[Reading]) -> Vec<Figure> {
    let policy = Policy::default();
    let heard = turns.iter().zip(grades).zip(readings).filter_map(|((turn, grade), reading)| {
        let model = reading.sentiment.danger.is_some_and(|danger| danger >= DANGER);
        Some((grade.is_danger?, [model, policy.is_danger(turn)]))
    });
    let heard: Vec<_> = heard.collect();
    let mut figures = Vec::new();
    for (is_danger, what) in [(true, "recall"), (false, "false alarms")] {
        for (who, by) in [
            ("the model alone", (|[model, _]| model) as fn([bool; 2]) -> bool),
            ("the patterns alone", |[_, patterns]| patterns),
            ("either", |heard| heard.contains(&true)),
        ] {
            let items = heard.iter().filter(|(truth, _)| *truth == is_danger).map(|(_, heard)| by(*heard));
            figures.push(hits(format!("danger, {what}, {who}"), &items.collect::<Vec<_>>()));
        }
    }
    figures
}

/// The error by kind of turn, the worst first, and what is amiss with it, where there is more than one kind.
fn kinds(grades: &[Grade], pairs: &[(f64, f64)]) -> Vec<Figure> {
    let mut kinds: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for (grade, pair) in grades.iter().zip(pairs) {
        if let Some(kind) = &grade.kind {
            kinds.entry(kind).or_default().push(*pair);
        }
    }
    if kinds.len() < 2 {
        return Vec::new();
    }
    let of_kind = |(kind, pairs): (&str, Vec<(f64, f64)>)| {
        let share = |name: &str, is_in: fn(f64) -> bool, is_amiss: fn(f64) -> bool| {
            let items: Vec<_> =
                pairs.iter().filter(|(_, graded)| is_in(*graded)).map(|(said, _)| is_amiss(*said)).collect();
            hits(format!("{kind}: {name}"), &items)
        };
        let over = share("affect 0 at 0.30 or more", |graded| graded <= 0.0, |said| said >= FLOOR);
        let cold = share("affect 2 or 3 below 0.30", |graded| graded > 0.5, |said| said < FLOOR);
        let amiss = [over, cold].into_iter().filter(|figure| figure.value.is_some_and(|share| share > 0.0));
        (error(format!("{kind}: weight, mean absolute error"), &pairs), amiss.collect::<Vec<_>>())
    };
    let mut figures: Vec<_> = kinds.into_iter().map(of_kind).collect();
    figures.sort_by(|(a, _), (b, _)| b.value.unwrap_or_default().total_cmp(&a.value.unwrap_or_default()));
    figures.into_iter().flat_map(|(error, amiss)| [error].into_iter().chain(amiss)).collect()
}

/// r of what is said with what is labelled, by the group that the label names.
fn by_group(what: &str, labels: &[(f64, String)], readings: &[Reading], said: impl Fn(&Reading) -> f64) -> Vec<Figure> {
    let mut groups: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for ((label, group), reading) in labels.iter().zip(readings) {
        groups.entry(group).or_default().push((said(reading), *label));
    }
    let figures = groups.into_iter().flat_map(|(group, pairs)| {
        [
            number(format!("{what}, {group}, Pearson r"), &pairs, pearson),
            number(format!("{what}, {group}, Spearman r"), &pairs, spearman),
        ]
    });
    figures.collect()
}

/// Which polarity it is, in the order negative, neutral, positive, and how probable.
fn most_probable(polarity: &Polarity) -> (usize, f64) {
    let all = [polarity.negative, polarity.neutral, polarity.positive];
    let best = all.into_iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.map_or((1, 0.0), |(place, probability)| (place, f64::from(probability)))
}

fn polarity(labels: &[usize], readings: &[Reading]) -> Vec<Figure> {
    let said: Vec<_> = labels
        .iter()
        .zip(readings)
        .map(|(label, reading)| {
            let (said, confidence) = most_probable(&reading.sentiment.polarity);
            (*label, said, confidence)
        })
        .collect();
    let classes = |said: &[(usize, usize, f64)]| {
        let mut classes = [Hits::default(); 3];
        for (label, said, _) in said {
            for (class, hits) in classes.iter_mut().enumerate() {
                hits.count(*said == class, *label == class);
            }
        }
        classes
    };
    let confident = |said: &[(usize, usize, f64)]| -> Vec<(f64, bool)> {
        said.iter().map(|(label, said, confidence)| (*confidence, label == said)).collect()
    };
    vec![
        number("polarity, macro recall", &said, |said| mean(classes(said).iter().filter_map(|hits| hits.recall()))),
        number("polarity, macro F1", &said, |said| mean(classes(said).iter().filter_map(|hits| hits.f1()))),
        figure("polarity, accuracy", Unit::Share, &said, |said| {
            share(said.iter().map(|(label, said, _)| label == said))
        }),
        number("polarity, calibration error (ECE)", &said, |said| calibration_error(&confident(said), false)),
        number("polarity, adaptive calibration error", &said, |said| calibration_error(&confident(said), true)),
    ]
}

fn emotions(labels: &[Vec<String>], readings: &[Reading], names: &[String]) -> Vec<Figure> {
    let items: Vec<_> = labels
        .iter()
        .zip(readings)
        .map(|(labels, reading)| {
            let truth: Vec<_> = names.iter().map(|name| labels.contains(name)).collect();
            truth.into_iter().zip(reading.goemotions).collect::<Vec<_>>()
        })
        .collect();
    let classes = |items: &[&Vec<(bool, bool)>]| {
        let mut classes = vec![Hits::default(); names.len()];
        for item in items {
            for (hits, (is_so, is_said)) in classes.iter_mut().zip(*item) {
                hits.count(*is_said, *is_so);
            }
        }
        classes
    };
    let items: Vec<_> = items.iter().collect();
    vec![number(format!("emotions, macro F1, {} labels", names.len()), &items, |items| {
        mean(classes(items).iter().filter_map(|hits| hits.f1()))
    })]
}

/// No head tells irony: this tells whether ironic turns weigh more, which they may.
fn irony(labels: &[bool], readings: &[Reading]) -> Vec<Figure> {
    let weights = |of: bool| {
        let weights: Vec<_> =
            labels.iter().zip(readings).filter(|(label, _)| **label == of).map(|(_, said)| weight(said)).collect();
        let name = if of { "mean weight, ironic" } else { "mean weight, not ironic" };
        number(name, &weights, |weights| mean(weights.iter().copied()))
    };
    vec![weights(true), weights(false)]
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::sentiment::{Emotion, Emotions, Sentiment, Target, Targets};

    fn reading(affect: f32, danger: f32) -> Reading {
        let sentiment = Sentiment {
            affect,
            emotions: Emotions::certain(Emotion::Anger),
            targets: Targets { none: 0.0, situation: 1.0, bot: 0.0 },
            danger: Some(danger),
            ..Sentiment::default()
        };
        Reading { sentiment, ..Reading::default() }
    }

    fn grade(affect: u8, ladder: &str, is_danger: bool) -> Grade {
        Grade {
            affect,
            kind: None,
            ladder: Some(ladder.to_owned()),
            polarity: Some(1),
            emotion: Some(Emotion::Anger),
            target: Some(Target::Situation),
            is_danger: Some(is_danger),
        }
    }

    fn value(figures: &[Figure], name: &str) -> f64 {
        let figure = figures.iter().find(|figure| figure.name == name);
        figure.unwrap_or_else(|| panic!("no figure {name}")).value.unwrap()
    }

    #[test]
    fn graded_turns_are_scored_by_weight_ladder_and_danger() {
        let grades = [grade(0, "a", false), grade(1, "a", false), grade(2, "a", false), grade(3, "a", true)];
        let readings = [reading(0.3, 0.1), reading(0.2, 0.6), reading(0.4, 0.0), reading(1.0, 0.9)];
        let turns = ["hello".to_owned(), "hm".to_owned(), "I want to die".to_owned(), "help".to_owned()];
        let table = Table { file: PathBuf::new(), turns: turns.into(), labels: Labels::Graded(grades.into()) };
        let figures = of(&table, &readings, &[]);
        for (name, expected) in [
            ("weight, mean absolute error", (0.3 + 0.4 / 3.0 + 0.8 / 3.0) / 4.0),
            ("ladders, mean Kendall tau", 4.0 / 6.0),
            ("over-empathy: affect 0 at 0.25 or more", 1.0),
            ("over-empathy: affect 0 at 0.50 or more", 0.0),
            ("coldness: affect 2 below 0.30", 0.0),
            ("coldness: affect 3 below 0.50", 0.0),
            ("polarity, accuracy", 1.0),
            ("emotion, accuracy", 1.0),
            ("target where felt, accuracy", 1.0),
            ("danger, recall, the model alone", 1.0),
            ("danger, recall, the patterns alone", 0.0),
            ("danger, false alarms, the model alone", 1.0 / 3.0),
            ("danger, false alarms, either", 2.0 / 3.0),
        ] {
            let found = value(&figures, name);
            assert!((found - expected).abs() < 1e-6, "{name}: {found} instead of {expected}");
        }
    }

    #[test]
    fn emotions_are_scored_label_by_label() {
        let names = ["joy".to_owned(), "fear".to_owned()];
        let mut said = reading(0.0, 0.0);
        said.goemotions[0] = true;
        let labels = Labels::GoEmotions(vec![vec!["joy".to_owned()], vec!["fear".to_owned()]]);
        let table = Table { file: PathBuf::new(), turns: vec![String::new(); 2], labels };
        let figures = of(&table, &[said.clone(), said], &names);
        assert!((value(&figures, "emotions, macro F1, 2 labels") - (2.0 / 3.0) / 2.0).abs() < 1e-6);
    }
}
