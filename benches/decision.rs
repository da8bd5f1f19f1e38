//! What a decision costs without classification, with the shipped phrasebook: the plan of a turn, and the review of a reply
//! that is there whole and of one that comes letter by letter; and how long a stream that begins with its answer waits.
//!
//! `cargo bench --bench decision`
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench stops where it fails and prints what it finds")]

use std::hint::black_box;

use criterion::Criterion;
use undertone::{
    conversation::Memory,
    empathy::{Facts, Plan, Policy, Review},
    protocol::{Speaker, Turn, Utterance},
    sentiment::{Emotion, Emotions, Sentiment},
};

/// What bots begin with when they begin with the answer.
const BEGINNINGS: [&str; 10] = [
    "Your order left the depot at 8:10 and should be with you before noon.",
    "The refund of £24.00 was sent on Monday; banks take up to five days to show it.",
    "Pets are not allowed in the rooms, but the garden flat takes dogs.",
    "Go to Settings > Security and tap Reset password. You get a link by email.",
    "Which of the two bookings do you mean, the one in May or the one in June?",
    "You can change the date until 24 hours before the flight.",
    "No, the fee cannot be refunded after the first month.",
    "There are three ways to pay: by card, by invoice or by direct debit.",
    "It has been cancelled, and nothing more will be taken from your card.",
    "1. Open the app.\n2. Tap Cards.\n3. Choose Freeze.",
];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let policy = Policy::default();
    let (calm, cross) = (felt(Emotion::None, 0.05), felt(Emotion::Frustration, 0.62));
    let turn = turn("My parcel has been stuck at the depot for nine days and nobody answers me.", &[]);
    let said = "That must be frustrating. Your parcel is on its way.";
    let talked = turn_after(said);
    let memory = Memory::default();
    let mut group = criterion.benchmark_group("decision");
    let mut plan = |name: &str, turn: &Turn, sentiment: &Sentiment| {
        group.bench_function(name, |bencher| {
            bencher.iter(|| policy.plan(black_box(&Facts::new(turn, sentiment, &memory))));
        });
    };
    plan("plan, calm", &turn, &calm);
    plan("plan, frustrated", &turn, &cross);
    plan("plan, frustrated, 32 messages before", &talked, &cross);
    let Plan::Review(intent) = policy.plan(&Facts::new(&turn, &cross, &memory)) else { return };
    let Plan::Review(quiet) = policy.plan(&Facts::new(&turn, &calm, &memory)) else { return };
    let gushing = format!("I'm so sorry to hear that, I completely understand how you feel! {}", BEGINNINGS.concat());
    for (name, intent, reply) in [
        ("review, an answer", &intent, BEGINNINGS.first().unwrap().to_string()),
        ("review, ten answers in one reply", &intent, BEGINNINGS.concat()),
        ("review, an opener to tone down", &quiet, gushing),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| policy.review(intent, black_box(&reply), true)));
    }
    group.bench_function("plan and review", |bencher| {
        bencher.iter(|| {
            let Plan::Review(intent) = policy.plan(black_box(&Facts::new(&turn, &cross, &memory))) else { return None };
            Some(policy.review(&intent, black_box("Your order left the depot at 8:10."), true))
        });
    });
    group.finish();
    criterion.final_summary();

    println!(
        "tokens that a stream is held for after its first, which is there at once (40 ms each at 25 tokens a second):"
    );
    for beginning in BEGINNINGS {
        let (silent, speaking) = (held(&policy, &quiet, beginning), held(&policy, &intent, beginning));
        println!("  {silent} when nothing will be said, {speaking} when something will: {beginning:?}");
    }
}

fn felt(emotion: Emotion, affect: f32) -> Sentiment {
    Sentiment { affect, valence: -0.5, emotions: Emotions::certain(emotion), ..Sentiment::default() }
}

fn turn(text: &str, history: &[Utterance]) -> Turn {
    Turn { text: text.to_owned(), history: history.to_vec(), ..Turn::default() }
}

/// The turn after sixteen exchanges, in one of which something was said.
fn turn_after(said: &str) -> Turn {
    let mut history = Vec::new();
    for n in 0..16 {
        history
            .push(Utterance::new(Speaker::User, "And where is the other parcel that I ordered on Tuesday?".to_owned()));
        let reply = if n == 3 { said } else { "It left the depot this morning and should be with you tomorrow." };
        history.push(Utterance::new(Speaker::Bot, reply.to_owned()));
    }
    turn("My parcel has been stuck at the depot for nine days and nobody answers me.", &history)
}

/// How many tokens must come after the first before it is decided; a token is a word with the white space before it.
fn held(policy: &Policy, intent: &undertone::empathy::Intent, reply: &str) -> usize {
    let mut ends: Vec<_> = reply.match_indices(' ').map(|(at, _)| at).collect();
    ends.push(reply.len());
    let decided = |end: &usize| {
        let review = policy.review(intent, reply.get(..*end).unwrap_or_default(), *end == reply.len());
        !matches!(review, Review::Wait | Review::WaitForEnd)
    };
    ends.iter().position(decided).unwrap_or(ends.len())
}
