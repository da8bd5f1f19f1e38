use proptest::prelude::*;

use super::*;
use crate::empathy::voice::WORDING;
use crate::sentiment::Emotions;
use crate::{
    conversation::Past,
    protocol::{Speaker, Utterance},
};

fn turn(text: &str) -> Turn {
    Turn { text: text.to_owned(), ..Turn::default() }
}

fn sentiment(emotion: Emotion, valence: f32, affect: f32) -> Sentiment {
    Sentiment { valence, affect, emotions: Emotions::certain(emotion), ..Sentiment::default() }
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

/// What is said before a reply whose shape does not show.
fn sentence(plan: Plan) -> String {
    match plan {
        Plan::Review(intent) => match intent.before(None) {
            Some(saying) => saying.sentence.clone(),
            None => panic!("silent: {:?}", intent.silence()),
        },
        Plan::Leave(reason) => panic!("silent: {}", reason.as_str()),
    }
}

/// Why nothing is said before any reply.
fn silence(plan: &Plan) -> Option<Silence> {
    match plan {
        Plan::Review(intent) => intent.silence(),
        Plan::Leave(silence) => Some(*silence),
    }
}

#[test]
fn a_matter_of_fact_turn_gets_silence() {
    let calm = sentiment(Emotion::None, -0.4, 0.1);
    assert_eq!(silence(&fresh(&turn("My order is late."), &calm)), Some(Silence::BelowFloor));
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
fn danger_that_the_classifier_alone_hears_is_not_decorated_either() {
    let turn = turn("I keep getting these thoughts again and I don't know what to do.");
    assert!(!policy().is_danger(&turn.text), "the patterns hear it: take another turn");
    let heard = |danger| Sentiment { danger, ..sentiment(Emotion::Worry, -0.8, 0.9) };
    assert_eq!(fresh(&turn, &heard(Some(0.5))), Plan::Leave(Silence::Danger));
    for danger in [None, Some(0.0), Some(0.49)] {
        assert_ne!(silence(&fresh(&turn, &heard(danger))), Some(Silence::Danger), "{danger:?}");
    }
}

#[test]
fn a_pleasant_turn_gets_silence_however_strong_it_is() {
    for (emotion, valence) in [(Emotion::Joy, 0.9), (Emotion::Gratitude, 0.9), (Emotion::Surprise, 0.5)] {
        let pleased = sentiment(emotion, valence, 1.0);
        assert_eq!(silence(&fresh(&turn("It came!!"), &pleased)), Some(Silence::Pleasant), "{emotion}");
    }
}

/// The kind of the sentence before a reply whose shape does not show.
fn kind(plan: &Plan) -> Option<Kind> {
    match plan {
        Plan::Review(intent) => intent.before(None).map(|saying| saying.kind),
        Plan::Leave(_) => None,
    }
}

#[test]
fn a_feeling_is_named_only_where_the_words_show_it() {
    let felt = |certainty: f32, affect: f32| {
        let mut felt = sentiment(Emotion::Worry, -0.5, affect);
        let rest = (1.0 - certainty) / 9.0;
        felt.emotions = Emotions::new(Emotion::ALL.map(|other| if other == Emotion::Worry { certainty } else { rest }));
        fresh(&turn("a"), &felt)
    };
    for (certainty, affect) in [(0.9, 0.35), (0.7, 0.42), (0.4, 0.90)] {
        let said = sentence(felt(certainty, affect));
        assert!(!WORDING.names_feeling(&said), "{certainty} {affect}: {said}");
    }
    for (certainty, affect) in [(0.9, 0.42), (0.7, 0.60)] {
        assert_eq!(kind(&felt(certainty, affect)), Some(Kind::Worry), "{certainty} {affect}");
    }
}

#[test]
fn what_the_words_say_happened_picks_the_words() {
    let cross = sentiment(Emotion::None, -0.5, 0.45);
    for (said, expected) in [
        ("This is the third time I ask.", Kind::Repeat),
        ("Three weeks and nothing.", Kind::Waiting),
        ("That's not what I meant", Kind::Mistake),
        ("My husband died. How do I close his account?", Kind::Loss),
        ("My order is late", Kind::Problem),
    ] {
        assert_eq!(kind(&fresh(&turn(said), &cross)), Some(expected), "{said}");
    }
    let calm = sentiment(Emotion::None, 0.0, 0.0);
    assert_eq!(kind(&fresh(&turn("That's not what I meant"), &calm)), Some(Kind::Mistake), "owned, however calm");
    assert_eq!(kind(&fresh(&turn("My husband died, how do I close his account?"), &calm)), Some(Kind::Loss));
}

#[test]
fn thanks_that_are_none_are_not_taken_for_thanks() {
    let thankful = sentiment(Emotion::Gratitude, 0.6, 0.5);
    assert_eq!(silence(&fresh(&turn("Thanks for the quick help!"), &thankful)), Some(Silence::Pleasant));
    assert_eq!(kind(&fresh(&turn("Thanks for nothing."), &thankful)), Some(Kind::Problem));
    let polite = policy().with_thanks(true);
    let plan = polite.plan(&Facts::new(&turn("Thanks for the quick help!"), &thankful, &Memory::default()));
    assert_eq!(kind(&plan), Some(Kind::Thanks));
}

#[test]
fn sorry_is_said_as_the_house_does() {
    let sorry = |apologies, said: &str| {
        let policy = policy().with_apologies(apologies).with_tone(Tone::Warm);
        let calm = sentiment(Emotion::None, -0.4, 0.45);
        (0..60).any(|n| {
            let turn = turn(&format!("{said} {n}"));
            let said = sentence(policy.plan(&Facts::new(&turn, &calm, &Memory::default()))).to_lowercase();
            said.contains("sorry") || said.contains("apolog")
        })
    };
    let (trouble, mistake) = ("my order is late", "That's not what I meant");
    assert_eq!([trouble, mistake].map(|said| sorry(Apologies::Never, said)), [false, false]);
    assert_eq!([trouble, mistake].map(|said| sorry(Apologies::OwnMistake, said)), [false, true]);
    assert_eq!([trouble, mistake].map(|said| sorry(Apologies::Yes, said)), [true, true]);
}

#[test]
fn an_angry_turn_of_weight_is_told_how_to_reach_a_person() {
    let policy = policy().with_person("You can call us at 0800 555 0199.", Weight::clamped(0.8));
    let ways = |emotion, affect| {
        let plan = policy.plan(&Facts::new(&turn("x"), &sentiment(emotion, -0.8, affect), &Memory::default()));
        let Plan::Review(intent) = plan else { panic!() };
        match policy.review(&intent, "It left.", true) {
            crate::empathy::Review::Change(change) => change.put.contains("0800"),
            other => panic!("{other:?}"),
        }
    };
    assert!(ways(Emotion::Anger, 0.9) && !ways(Emotion::Anger, 0.7) && !ways(Emotion::Worry, 0.9));
}

#[test]
fn the_choice_is_the_same_for_the_same_turn_and_differs_between_turns() {
    let cross = sentiment(Emotion::Frustration, -0.6, 0.65);
    assert_eq!(fresh(&turn("Still no parcel."), &cross), fresh(&turn("Still no parcel."), &cross));
    let choices: std::collections::HashSet<_> =
        (0..20).map(|n| sentence(fresh(&turn(&format!("Still no parcel {n}.")), &cross))).collect();
    assert!(choices.len() > 1);
}

/// What is said in a conversation of these turns, one after the other; nothing where nothing is. `carries` says that the
/// history comes with each request, else the store remembers.
fn conversation(turns: &[(&str, Emotion, f32)], carries: bool) -> Vec<Option<Kind>> {
    let (mut memory, mut history, mut sentences, mut kinds) = (Memory::default(), Vec::new(), Vec::new(), Vec::new());
    for (text, emotion, affect) in turns {
        let turn = Turn { history: if carries { history.clone() } else { Vec::new() }, ..turn(text) };
        let known = if carries { Memory::default() } else { memory.clone() };
        let Plan::Review(intent) = decide(&turn, &sentiment(*emotion, -0.6, *affect), &known) else { panic!("{text}") };
        let saying = intent.before(None).map(|saying| (**saying).clone());
        memory.add(intent.past(saying.as_ref()));
        history.push(Utterance::new(Speaker::User, (*text).to_owned()));
        let said = saying.as_ref().map_or(String::new(), |saying| format!("{} ", saying.sentence));
        history.push(Utterance::new(Speaker::Bot, format!("{said}It left on Tuesday.")));
        kinds.push(saying.as_ref().map(|saying| saying.kind));
        sentences.extend(saying.map(|saying| saying.sentence));
    }
    let said = sentences.len();
    sentences.sort();
    sentences.dedup();
    assert_eq!(sentences.len(), said, "no sentence twice: {sentences:?}");
    kinds
}

#[test]
fn nothing_becomes_a_habit_in_a_conversation() {
    let angry = ("STILL nothing?!", Emotion::Anger, 0.75);
    for carries in [false, true] {
        let said = conversation(&[angry; 20], carries);
        let spoken: Vec<_> = said.iter().enumerate().filter(|(_, kind)| kind.is_some()).map(|(turn, _)| turn).collect();
        assert_eq!(spoken, [0, 3, 6, 9], "a rest after each, and four in all; with history: {carries}");
    }
}

#[test]
fn ten_friendly_turns_are_answered_with_silence() {
    let friendly = ["hi there", "do you ship to Norway?", "great, thanks!", "and to Sweden?", "what does it cost"];
    for carries in [false, true] {
        let turns: Vec<_> = friendly.iter().cycle().take(10).map(|said| (*said, Emotion::None, 0.05)).collect();
        assert!(conversation(&turns, carries).iter().all(Option::is_none));
    }
}

#[test]
fn a_turn_that_weighs_much_more_or_points_out_a_mistake_is_not_kept_waiting() {
    for carries in [false, true] {
        let rising = [("a bit late", Emotion::Frustration, 0.45), ("this is a disgrace", Emotion::Anger, 0.9)];
        assert_eq!(conversation(&rising, carries), [Some(Kind::Frustration), Some(Kind::Anger)]);
        let mistaken = [("so annoying", Emotion::Frustration, 0.6), ("That's not what I meant", Emotion::None, 0.1)];
        assert_eq!(conversation(&mistaken, carries), [Some(Kind::Frustration), Some(Kind::Mistake)]);
        let grieving = [
            ("My wife died. Please close her account.", Emotion::None, 0.1),
            ("Since she died I pay double.", Emotion::None, 0.1),
        ];
        assert_eq!(conversation(&grieving, carries), [Some(Kind::Loss), None], "condolence is never given twice");
    }
}

#[test]
fn trouble_that_goes_on_weighs_more_and_nobody_shouts() {
    let signals = Signals { repeat: true, ..Signals::default() };
    let mut memory = Memory::default();
    let mut weights = Vec::new();
    for _ in 0..6 {
        weights.push(persistent(Weight::clamped(0.5), signals, &memory).get());
        memory.add(Past::new(None, true));
    }
    assert!(weights.is_sorted() && weights[3] > 0.7 && (weights[5] - weights[3]).abs() < 1e-6, "{weights:?}");
    assert_eq!(persistent(Weight::clamped(0.8), signals, &memory), Weight::clamped(0.85));
    assert_eq!(persistent(Weight::clamped(0.5), Signals::default(), &memory), Weight::clamped(0.5));
}

#[test]
fn what_undertone_said_is_found_at_the_beginning_of_the_bots_words() {
    let policy = policy();
    let rest = |text: &str| {
        let own = policy.own_words(text);
        [&text[..own.start], &text[own.end..]].concat()
    };
    assert_eq!(rest("I can see why that's frustrating. It left on Tuesday."), "It left on Tuesday.");
    assert_eq!(rest("Sorry, I got it wrong about your order.\n\n- one"), "- one");
    for kept in ["It left on Tuesday.", "I can see why that's frustrating.", ""] {
        assert_eq!(rest(kept), kept);
    }
}

#[test]
fn a_turn_below_the_lightest_sentence_gets_silence_and_not_a_false_reason() {
    let policy = policy().with_tone(Tone::Warm).with_floor(Weight::clamped(0.1));
    let hint = sentiment(Emotion::Frustration, -0.3, 0.2);
    let plan = policy.plan(&Facts::new(&turn("x"), &hint, &Memory::default()));
    assert_eq!(silence(&plan), Some(Silence::BelowFloor));
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
        let policy = policy();
        let strength = |affect: f32| {
            let weight = Weight::clamped(affect);
            let said = sentence(fresh(&turn(&text), &sentiment(emotion, -0.5, weight.get())));
            let lines = policy.phrasebook.all().filter(|(_, tone, line)| *tone == Tone::Collaborative && line.weight <= weight);
            let weights = lines.filter(|(.., line)| line.words() == said).map(|(.., line)| line.weight.get());
            weights.fold(0.0, f32::max)
        };
        prop_assert!(strength(low) <= strength(low + more));
    }
}

#[test]
fn of_a_history_only_the_newest_words_are_read_however_long_it_is() {
    let message = |n: usize| Utterance::new(Speaker::User, format!("{n} {}", "ä".repeat(4_000)));
    let turn = Turn { text: "and?".to_owned(), history: (0..200).map(message).collect(), ..Turn::default() };
    let read: Vec<_> = words_before(&turn).collect();
    assert!(read.iter().map(|(_, words)| words.len()).sum::<usize>() <= 8 << 10);
    assert!(read[0].1.starts_with("199 ") && read.len() == 8, "{}", read.len());
}
