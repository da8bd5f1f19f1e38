use proptest::prelude::*;

use super::*;
use crate::empathy::{Kind, Weight};

thread_local! {
    static POLICY: Policy = Policy::default();
}

fn policy() -> Policy {
    POLICY.with(Clone::clone)
}

fn review_at(weight: f32, beginning: &str, is_complete: bool) -> Review {
    policy().review(&Intent::saying("A.", Kind::Problem, Weight::clamped(weight)), beginning, is_complete)
}

fn review(beginning: &str, is_complete: bool) -> Review {
    review_at(0.9, beginning, is_complete)
}

/// What a whole reply becomes for a matter-of-fact turn, to which nothing is said.
fn toned(reply: &str) -> Option<String> {
    let intent = Intent::new(Weight::clamped(0.0), false, Silence::BelowFloor, |_| None);
    match policy().review(&intent, reply, true) {
        Review::Change(change) => {
            assert_eq!(change.adjustment, Adjustment::Soften);
            Some(change.apply(reply))
        }
        Review::Leave(silence) => {
            assert!(matches!(silence, Silence::BelowFloor), "{silence:?}");
            None
        }
        other => panic!("{reply}: {other:?}"),
    }
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

#[test]
fn a_sentence_stands_after_the_greeting_and_before_the_answer() {
    for (reply, expected) in [
        ("Hi Lena! Your order left.", "Hi Lena! A. Your order left."),
        ("Hello!\n\nYour order left.", "Hello!\n\nA.\n\nYour order left."),
        ("Good morning, Ann, your order left.", ""),
        ("Hello there, Your order left.", "Hello there, A. Your order left."),
        ("Hello and welcome! It left.", "Hello and welcome! A. It left."),
        ("Hi Lena! 👋 Your order left.", "Hi Lena! 👋 A. Your order left."),
        ("Hi Lena! Sorry, that fee can't be waived.", ""),
        ("Dear Mrs Novak, we are so sorry. On Saturday your cake fell.", ""),
    ] {
        match review(reply, true) {
            Review::Change(change) => assert_eq!(change.apply(reply), expected),
            Review::Leave(_) => assert_eq!(expected, "", "{reply}"),
            other => panic!("{reply}: {other:?}"),
        }
    }
}

#[test]
fn what_gushes_at_a_plain_question_is_taken_out_and_the_rest_stays_as_it_is() {
    let gushing = include_str!("../../tests/fixtures/gushing.txt");
    for line in gushing.lines().filter(|line| !line.starts_with('#')) {
        let (opener, rest) = line.split_once(" | ").unwrap();
        let reply = format!("{opener} {rest}");
        assert_eq!(toned(&reply).as_deref(), Some(rest), "{reply}");
    }
}

#[test]
fn what_says_anything_is_never_taken_out() {
    for reply in include_str!("../../tests/fixtures/substance.txt").lines().filter(|line| !line.starts_with('#')) {
        assert_eq!(toned(reply), None, "{reply}");
    }
}

#[test]
fn an_opener_gives_way_to_one_in_proportion_and_a_greeting_stays() {
    for (weight, reply, expected) in [
        (0.4, "Hi Lena! I'm so terribly sorry, that must be awful! It left.", "Hi Lena! A. It left."),
        (0.4, "I'm so terribly sorry, that must be awful!\n\n- one\n- two", "A.\n\n- one\n- two"),
        (0.7, "Eek, let's have some fun! I'm so excited! 🥳 Tap it twice.", "A. Tap it twice."),
        (0.9, "I'm so terribly sorry, that must be awful! It left.", ""),
        (0.4, "Sorry about that. It left.", ""),
        (0.4, "I'm so terribly sorry, that must be awful!", ""),
    ] {
        match review_at(weight, reply, true) {
            Review::Change(change) => assert_eq!(change.apply(reply), expected),
            Review::Leave(Silence::Acknowledged) => assert_eq!(expected, "", "{reply}"),
            other => panic!("{reply}: {other:?}"),
        }
    }
}

#[test]
fn a_reply_that_gushes_is_worth_waiting_for_and_one_that_does_not_is_not() {
    assert_eq!(review_at(0.0, "I'm so terribly sorry to", false), Review::WaitForEnd);
    assert_eq!(review_at(0.0, "I'm so terribly sorry to hear that! ", false), Review::WaitForEnd);
    assert_eq!(review_at(0.9, "I'm so", false), Review::Wait);
    assert_eq!(review_at(0.9, "I'm so terribly sorry to", false), Review::Leave(Silence::Acknowledged));
    let more_of_the_same = "I'm so terribly sorry to hear that! Nothing could be worse";
    assert_eq!(review_at(0.0, more_of_the_same, false), Review::WaitForEnd);
    for answer in ["Your order left. I", "Open it", "1. one", "24 "] {
        let reply = format!("I'm so terribly sorry to hear that! {answer}");
        assert!(matches!(review_at(0.0, &reply, false), Review::Change(_)), "{reply}");
    }
}

proptest! {
    #[test]
    fn more_of_a_reply_never_changes_what_was_decided(weight in 0.0_f32..1.0, reply in "(I|I'm so|Hi|true|4|- |1\\.|#|sorry| |\n|é|\"|[a-z]{1,4}|[.!?] |Lena|! |so very sorry|, |What a great question|I completely understand|🎉| — ){0,9}") {
        let mut decided = Review::Wait;
        for end in (0..=reply.len()).filter(|end| reply.is_char_boundary(*end)) {
            let (beginning, rest) = reply.split_at(end);
            for is_complete in [false, true] {
                if is_complete && !rest.is_empty() {
                    continue;
                }
                let now = review_at(weight, beginning, is_complete);
                match &decided {
                    Review::Wait | Review::WaitForEnd => {}
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
        prop_assert!(!matches!(decided, Review::Wait | Review::WaitForEnd | Review::ChangeIfMore(_)));
    }
}
