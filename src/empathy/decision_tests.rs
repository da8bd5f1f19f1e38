use proptest::prelude::*;

use super::*;
use crate::sentiment::{Emotions, Polarity};

fn turn(text: &str) -> Turn {
    Turn { text: text.to_owned(), ..Turn::default() }
}

fn sentiment(emotion: Emotion, valence: f32, affect: f32) -> Sentiment {
    Sentiment { polarity: Polarity::default(), valence, affect, emotions: Emotions::certain(emotion) }
}

fn decide(turn: &Turn, sentiment: &Sentiment, last_said: Option<Said>) -> Plan {
    let phrasebook = Phrasebook::english();
    let style = Style { phrasebook: &phrasebook, tone: Tone::Collaborative, floor: DEFAULT_FLOOR };
    plan(style, turn, sentiment, Weight::of(sentiment), last_said)
}

fn sentence(plan: Plan) -> String {
    match plan {
        Plan::Prepend(acknowledgment) => acknowledgment.sentence,
        Plan::Silence(reason) => panic!("silent: {}", reason.as_str()),
    }
}

#[test]
fn a_matter_of_fact_turn_gets_silence() {
    let calm = sentiment(Emotion::None, -0.4, 0.1);
    assert_eq!(decide(&turn("My order is late."), &calm, None), Plan::Silence(Silence::BelowFloor));
}

#[test]
fn a_pleasant_turn_gets_silence_however_strong_it_is() {
    for (emotion, valence) in [(Emotion::Joy, 0.9), (Emotion::Gratitude, 0.9), (Emotion::Surprise, 0.5)] {
        let pleased = sentiment(emotion, valence, 1.0);
        assert_eq!(decide(&turn("It came!!"), &pleased, None), Plan::Silence(Silence::Pleasant), "{emotion}");
    }
}

#[test]
fn a_feeling_is_named_only_where_the_words_show_it() {
    let mut unsure = sentiment(Emotion::Worry, -0.5, 0.7);
    assert!(sentence(decide(&turn("a"), &unsure, None)).contains("worr"));
    unsure.emotions = Emotions::new([0.15, 0.15, 0.1, 0.1, 0.4, 0.1, 0.0, 0.0, 0.0, 0.0]);
    assert!(!sentence(decide(&turn("a"), &unsure, None)).contains("worr"));
}

#[test]
fn the_choice_is_the_same_for_the_same_turn_and_differs_between_turns() {
    let cross = sentiment(Emotion::Frustration, -0.6, 0.65);
    assert_eq!(decide(&turn("Still no parcel."), &cross, None), decide(&turn("Still no parcel."), &cross, None));
    let choices: std::collections::HashSet<_> =
        (0..20).map(|n| sentence(decide(&turn(&format!("Still no parcel {n}.")), &cross, None))).collect();
    assert!(choices.len() > 1);
}

#[test]
fn nothing_is_said_twice_in_a_row() {
    let cross = sentiment(Emotion::Anger, -0.6, 0.9);
    let mut last_said = None;
    let mut last_reply = None;
    let mut before = String::new();
    for round in 0..20 {
        // By memory first, then by the history that the client sends back.
        let turn = Turn { last_reply: last_reply.take(), ..turn("STILL nothing?!") };
        let said = sentence(decide(&turn, &cross, last_said.take()));
        assert_ne!(said, before, "round {round}");
        if round < 10 {
            last_said = Some(Said::new(&said));
        } else {
            last_reply = Some(format!("{said} It left on Tuesday."));
        }
        before = said;
    }
}

#[test]
fn a_turn_below_the_lightest_sentence_gets_silence_and_not_a_false_reason() {
    let phrasebook = Phrasebook::english();
    let style = Style { phrasebook: &phrasebook, tone: Tone::Warm, floor: Weight::clamped(0.1) };
    let hint = sentiment(Emotion::Frustration, -0.3, 0.2);
    assert_eq!(plan(style, &turn("x"), &hint, Weight::of(&hint), None), Plan::Silence(Silence::BelowFloor));
}

#[test]
fn a_reply_that_acknowledges_or_is_no_prose_gets_nothing_more() {
    assert_eq!(fit("A.", "Reply", Opening::Plain), Ok("A. ".to_owned()));
    assert_eq!(fit("A.", "- Reply", Opening::Block), Ok("A.\n\n".to_owned()));
    assert_eq!(fit("A.", "Sorry", Opening::Acknowledgment), Err(Silence::Acknowledged));
    assert_eq!(fit("A.", "{}", Opening::Machine), Err(Silence::Structured));
    assert_eq!(fit("A.", " ", Opening::Plain), Err(Silence::Empty));
    assert_eq!(fit("A.", "I", Opening::Undecided), Err(Silence::Acknowledged));
}

proptest! {
    #[test]
    fn words_never_get_weaker_as_affect_rises(
        low in 0.3_f32..1.0,
        more in 0.0_f32..0.7,
        emotion in 0_usize..6,
        text in "[a-z]{1,4}",
    ) {
        let emotion = Emotion::ALL[emotion];
        let book = Phrasebook::english();
        let strength = |affect: f32| {
            let said = sentence(decide(&turn(&text), &sentiment(emotion, -0.5, affect.min(1.0)), None));
            book.candidates(Some(emotion), Tone::Collaborative, Weight::clamped(1.0))
                .into_iter().find(|candidate| candidate.variant.say == said).unwrap().variant.weight
        };
        prop_assert!(strength(low) <= strength(low + more));
    }
}
