//! What a decision with rules costs, without classification, by their number: the gallery, and the same rules again under
//! other names. The reply is there whole, so that no condition waits; the facts are those of a shop that knows its
//! customer.
//!
//! `cargo bench --bench rules`
#![expect(clippy::unwrap_used, reason = "a bench stops where it fails")]

use std::{fs, hint::black_box, time::SystemTime};

use criterion::{BenchmarkId, Criterion};
use http::HeaderMap;
use undertone::{
    conversation::Memory,
    empathy::{Facts, Policy},
    protocol::{Speaker, Turn, Utterance},
    rules::Rules,
    sentiment::Sentiment,
};

const REQUEST: &str = r#"{"metadata":{"order_due":"2026-11-23","order_delivered":false}}"#;

/// A turn to which a rule speaks, and one to which none does, with their replies.
const TURNS: [(&str, &str, &str); 2] = [
    (
        "speaks",
        "Which of the plans should I take for my team?",
        "You could take one of these:\n\n1. Basic: 10 a month\n2. Plus: 20 a month\n3. Max: 40 a month",
    ),
    ("silent", "And from when would I have to pay for it?", "From the day on which the first of your team signs in."),
];

/// The gallery's files, as often as it takes to have so many rules.
fn rules(count: usize) -> Rules {
    let mut files: Vec<_> = fs::read_dir("examples/rules").unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    files.sort();
    let texts: Vec<_> = files.into_iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let (mut some, mut missing) = (Vec::new(), count);
    for copy in 0.. {
        for text in &texts {
            let text = text.replace("\nname = \"", &format!("\nname = \"copy-{copy}-"));
            let (head, _) = text.split_once("[[example]]").unwrap_or((&text, ""));
            let mut parts = head.split("[[rule]]");
            let facts = parts.next().unwrap_or_default().to_owned();
            // Only as many of its rules as are missing.
            let taken: Vec<_> = parts.take(missing).map(|rule| format!("[[rule]]{rule}")).collect();
            missing -= taken.len();
            some.push(facts + &taken.concat());
        }
        if missing == 0 {
            break;
        }
    }
    let rules = Rules::from_tomls(some.iter().map(String::as_str)).unwrap();
    assert_eq!(rules.names().count(), count);
    rules
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut history = Vec::new();
    for n in 0..4 {
        history.push(Utterance::new(Speaker::User, format!("Which plan has {n} seats?")));
        history.push(Utterance::new(Speaker::Bot, "Every plan has at least five seats.".to_owned()));
    }
    let (policy, sentiment, memory) = (Policy::default(), Sentiment::default(), Memory::default());
    for (name, text, reply) in TURNS {
        let turn = Turn { text: text.to_owned(), history: history.clone(), ..Turn::default() };
        let facts = Facts::new(&turn, &sentiment, &memory);
        let mut group = criterion.benchmark_group(format!("rules/{name}"));
        for count in [1, 16, 32, 64, 100] {
            let rules = rules(count);
            group.bench_with_input(BenchmarkId::from_parameter(count), &rules, |bencher, rules| {
                bencher.iter(|| {
                    let plan = policy.plan(black_box(&facts));
                    let (head, body) = (&HeaderMap::new(), REQUEST.as_bytes());
                    let said = rules.speak(&policy, &facts, head, body, reply, SystemTime::now());
                    assert_eq!(said.is_empty(), name == "silent", "{said:?}");
                    (plan, said)
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
