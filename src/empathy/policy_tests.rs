use proptest::prelude::*;

use super::*;
use crate::sentiment::{Emotions, Polarity};

fn turn(text: &str) -> Turn {
    Turn { text: text.to_owned(), ..Turn::default() }
}

fn sentiment(emotion: Emotion, valence: f32, affect: f32) -> Sentiment {
    Sentiment { polarity: Polarity::default(), valence, affect, emotions: Emotions::certain(emotion) }
}

thread_local! {
    static POLICY: Policy = Policy::default();
}

fn policy() -> Policy {
    POLICY.with(Clone::clone)
}

fn decide(turn: &Turn, sentiment: &Sentiment, memory: &Memory) -> Plan {
    policy().plan(&Facts::new(turn, sentiment, memory))
}

fn fresh(turn: &Turn, sentiment: &Sentiment) -> Plan {
    decide(turn, sentiment, &Memory::default())
}

fn sentence(plan: Plan) -> String {
    match plan {
        Plan::Speak(intent) => intent.sentence,
        Plan::Leave(reason) => panic!("silent: {}", reason.as_str()),
    }
}

#[test]
fn a_matter_of_fact_turn_gets_silence() {
    let calm = sentiment(Emotion::None, -0.4, 0.1);
    assert_eq!(fresh(&turn("My order is late."), &calm), Plan::Leave(Silence::BelowFloor));
}

#[test]
fn danger_is_never_decorated_whatever_the_feeling() {
    for (emotion, affect) in [(Emotion::Sadness, 1.0), (Emotion::Frustration, 0.6), (Emotion::None, 0.0)] {
        let felt = sentiment(emotion, -0.8, affect);
        let plan = fresh(&turn("I don't want to be here any more. Nothing matters."), &felt);
        assert_eq!(plan, Plan::Leave(Silence::Danger), "{emotion}");
    }
}

#[test]
fn a_pleasant_turn_gets_silence_however_strong_it_is() {
    for (emotion, valence) in [(Emotion::Joy, 0.9), (Emotion::Gratitude, 0.9), (Emotion::Surprise, 0.5)] {
        let pleased = sentiment(emotion, valence, 1.0);
        assert_eq!(fresh(&turn("It came!!"), &pleased), Plan::Leave(Silence::Pleasant), "{emotion}");
    }
}

#[test]
fn a_feeling_is_named_only_where_the_words_show_it() {
    let mut unsure = sentiment(Emotion::Worry, -0.5, 0.7);
    assert!(sentence(fresh(&turn("a"), &unsure)).contains("worr"));
    unsure.emotions = Emotions::new([0.15, 0.15, 0.1, 0.1, 0.4, 0.1, 0.0, 0.0, 0.0, 0.0]);
    assert!(!sentence(fresh(&turn("a"), &unsure)).contains("worr"));
}

#[test]
fn the_choice_is_the_same_for_the_same_turn_and_differs_between_turns() {
    let cross = sentiment(Emotion::Frustration, -0.6, 0.65);
    assert_eq!(fresh(&turn("Still no parcel."), &cross), fresh(&turn("Still no parcel."), &cross));
    let choices: std::collections::HashSet<_> =
        (0..20).map(|n| sentence(fresh(&turn(&format!("Still no parcel {n}.")), &cross))).collect();
    assert!(choices.len() > 1);
}

#[test]
fn nothing_is_said_twice_in_a_row() {
    let cross = sentiment(Emotion::Anger, -0.6, 0.9);
    let mut memory = Memory::default();
    let mut last_reply = None;
    let mut before = String::new();
    for round in 0..20 {
        // By memory first, then by the history that the client sends back.
        let turn = Turn { last_reply: last_reply.take(), ..turn("STILL nothing?!") };
        let said = sentence(decide(&turn, &cross, &memory));
        assert_ne!(said, before, "round {round}");
        if round < 10 {
            memory.add(crate::conversation::Said::new(&said, round));
        } else {
            memory = Memory::default();
            last_reply = Some(format!("{said} It left on Tuesday."));
        }
        before = said;
    }
}

#[test]
fn a_turn_below_the_lightest_sentence_gets_silence_and_not_a_false_reason() {
    let policy = policy().with_tone(Tone::Warm).with_floor(Weight::clamped(0.1));
    let hint = sentiment(Emotion::Frustration, -0.3, 0.2);
    let plan = policy.plan(&Facts::new(&turn("x"), &hint, &Memory::default()));
    assert_eq!(plan, Plan::Leave(Silence::BelowFloor));
}

fn review(beginning: &str, is_complete: bool) -> Review {
    policy().review(&Intent { sentence: "A.".to_owned(), section: "problem" }, beginning, is_complete)
}

#[test]
fn the_sentence_goes_before_the_first_word_and_what_stood_before_that_stands_after_it_too() {
    for (reply, expected) in [
        ("Your order left.", "A. Your order left."),
        ("- one\n- two", "A.\n\n- one\n- two"),
        ("\n\nYour order left.", "\n\nA.\n\nYour order left."),
        (" Your order left.", " A. Your order left."),
        ("😀 Your order left.", "A. 😀 Your order left."),
    ] {
        match review(reply, true) {
            Review::Change(change) => assert_eq!(change.apply(reply), expected),
            other => panic!("{reply}: {other:?}"),
        }
    }
}

#[test]
fn a_reply_that_acknowledges_or_is_no_prose_gets_nothing_more() {
    for (reply, silence) in [
        ("Sorry about that.", Silence::Acknowledged),
        ("Hello! It left.", Silence::Greeting),
        ("{\"a\": 1}", Silence::Structured),
        ("\u{feff}{\"a\": 1}", Silence::Structured),
        ("    indented code", Silence::Structured),
        ("negative", Silence::OneWord),
        ("true\n", Silence::OneWord),
        ("Yes", Silence::OneWord),
        ("UNSAFE", Silence::OneWord),
        ("0.87", Silence::OneWord),
        ("https://x.example/track/4711", Silence::OneWord),
        (" ", Silence::Empty),
    ] {
        assert_eq!(review(reply, true), Review::Leave(silence), "{reply:?}");
    }
    for reply in ["您的订单已发货。", "Delivered.", "Tracking", "Yesterday."] {
        assert!(matches!(review(reply, true), Review::Change(_)), "{reply}");
    }
}

#[test]
fn a_word_that_may_be_a_verdict_waits_for_the_next() {
    for (beginning, goes_on) in [("Posi", "Positive news"), ("FAIL", "FAIL means")] {
        assert!(matches!(review(beginning, false), Review::ChangeIfMore(_)), "{beginning}");
        assert!(matches!(review(goes_on, false), Review::Change(_)), "{goes_on}");
    }
    assert!(matches!(review("Or", false), Review::Change(_)), "a sentence begins");
    assert_eq!(review("I", false), Review::Wait);
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
        let book = policy().phrasebook;
        let strength = |affect: f32| {
            let said = sentence(fresh(&turn(&text), &sentiment(emotion, -0.5, affect.min(1.0))));
            book.candidates(Some(emotion), Tone::Collaborative, Weight::clamped(1.0))
                .into_iter().find(|candidate| candidate.variant.say == said).unwrap().variant.weight
        };
        prop_assert!(strength(low) <= strength(low + more));
    }

    #[test]
    fn more_of_a_reply_never_changes_what_was_decided(reply in "(I|I'm so|Hi|true|4|- |1\\.|#|sorry| |\n|é|\"|[a-z]{1,4}){0,7}") {
        let mut decided = Review::Wait;
        for end in (0..=reply.len()).filter(|end| reply.is_char_boundary(*end)) {
            let (beginning, rest) = reply.split_at(end);
            for is_complete in [false, true] {
                if is_complete && !rest.is_empty() {
                    continue;
                }
                let now = review(beginning, is_complete);
                match &decided {
                    Review::Wait => {}
                    Review::ChangeIfMore(change) => prop_assert!(
                        matches!(&now, Review::ChangeIfMore(same) | Review::Change(same) if same == change)
                            || (is_complete && now == Review::Leave(Silence::OneWord)),
                        "{beginning:?}: {decided:?}, then {now:?}"
                    ),
                    Review::Leave(_) | Review::Change(_) => prop_assert_eq!(&now, &decided),
                }
                decided = now;
            }
        }
        prop_assert!(!matches!(decided, Review::Wait | Review::ChangeIfMore(_)));
    }
}
