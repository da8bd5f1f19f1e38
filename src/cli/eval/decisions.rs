//! What the policy does about labelled turns, with the built-in phrasebook and before a reply whose shape does not show.

use std::collections::BTreeMap;

use super::figures::{Figure, hits};
use crate::{
    cli::table::{Grade, Labels, STRONGEST, Table},
    conversation::Memory,
    empathy::{Facts, Kind, Plan, Policy},
    protocol::Turn,
    sentiment::Reading,
};

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Degree {
    Silent,
    /// A light, practical touch.
    Light,
    /// The feeling is named, or a loss.
    Explicit,
}

/// The figures of a table.
pub(super) fn of(table: &Table, readings: &[Reading]) -> Vec<Figure> {
    let policy = Policy::default();
    let degrees: Vec<_> =
        table.turns.iter().zip(readings).map(|(turn, reading)| degree(&policy, turn, reading)).collect();
    let share = |name: &str, degree| hits(name, &degrees.iter().map(|said| *said == degree).collect::<Vec<_>>());
    let mut figures = vec![
        share("decisions: silent", Degree::Silent),
        share("decisions: light", Degree::Light),
        share("decisions: explicit", Degree::Explicit),
    ];
    if let Labels::Graded(grades) = &table.labels {
        figures.extend(graded(grades, &degrees));
        figures.retain(|figure| figure.of > 0);
    }
    figures
}

fn degree(policy: &Policy, turn: &str, reading: &Reading) -> Degree {
    let turn = Turn { text: turn.to_owned(), ..Turn::default() };
    match policy.plan(&Facts::new(&turn, &reading.sentiment, &Memory::default())) {
        Plan::Leave(_) => Degree::Silent,
        Plan::Review(intent) => match intent.before(None) {
            None => Degree::Silent,
            Some(saying) if saying.kind.emotion().is_some() || saying.kind == Kind::Loss => Degree::Explicit,
            Some(_) => Degree::Light,
        },
    }
}

/// Too much and too little; what is pleasant gets nothing, and is not cold.
fn graded(grades: &[Grade], degrees: &[Degree]) -> Vec<Figure> {
    let amiss = |name: String, is_in: &dyn Fn(&Grade) -> bool, is_amiss: fn(Degree) -> bool| {
        let of = grades.iter().zip(degrees).filter(|(grade, _)| is_in(grade));
        hits(name, &of.map(|(_, degree)| is_amiss(*degree)).collect::<Vec<_>>())
    };
    let speaks = |degree| degree != Degree::Silent;
    let is_silent = |degree| degree == Degree::Silent;
    let is_explicit = |degree| degree == Degree::Explicit;
    let is_cold = |affect: u8| move |grade: &Grade| grade.affect == affect && grade.is_unpleasant();
    let mut figures = vec![
        amiss("decisions, over-empathy: anything to affect 0".to_owned(), &|grade| grade.affect == 0, speaks),
        amiss("decisions, over-empathy: explicit to affect 0 or 1".to_owned(), &|grade| grade.affect <= 1, is_explicit),
        amiss("decisions, coldness: silent to affect 2, unpleasant".to_owned(), &is_cold(2), is_silent),
        amiss("decisions, coldness: silent to affect 3, unpleasant".to_owned(), &is_cold(STRONGEST), is_silent),
    ];
    let kinds: BTreeMap<&str, ()> = grades.iter().filter_map(|grade| Some((grade.kind.as_deref()?, ()))).collect();
    if kinds.len() > 1 {
        for kind in kinds.into_keys() {
            let is_of = |grade: &Grade| grade.kind.as_deref() == Some(kind);
            let over = |grade: &Grade| is_of(grade) && grade.affect == 0;
            let cold = |grade: &Grade| is_of(grade) && grade.affect >= 2 && grade.is_unpleasant();
            figures.push(amiss(format!("decisions, {kind}: anything to affect 0"), &over, speaks));
            figures.push(amiss(format!("decisions, {kind}: silent to affect 2 or 3"), &cold, is_silent));
        }
    }
    figures
}
