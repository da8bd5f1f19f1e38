//! What undertone says in sixty exchanges, in each tone, and how every line was judged by somebody who read it in the
//! customer's place: `natural`, `odd` or `bad`. Silence and a toned-down opener are judged like words.
//!
//! `UPDATE_EXPECTED=1` writes what is said now; a line that has changed is then to be judged again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};
use undertone::{
    conversation::Memory,
    empathy::{Adjustment, Facts, Plan, Policy, Review, Tone, Weight},
    protocol::Turn,
    sentiment::{Emotion, Emotions, Sentiment},
};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    domain: String,
    shape: String,
    weight: f32,
    emotion: String,
    user: String,
    reply: String,
    #[serde(default)]
    said: BTreeMap<String, String>,
    #[serde(default)]
    judged: BTreeMap<String, Option<String>>,
}

/// What is done to a reply, in a line: what is put before it, and whether an opener goes.
fn said(policy: &Policy, exchange: &Exchange) -> String {
    let emotion: Emotion = exchange.emotion.parse().unwrap();
    let valence = match emotion {
        Emotion::Joy | Emotion::Gratitude => 0.7,
        Emotion::None => 0.0,
        _ => -0.6,
    };
    let sentiment =
        Sentiment { affect: exchange.weight, valence, emotions: Emotions::certain(emotion), ..Sentiment::default() };
    let turn = Turn { text: exchange.user.clone(), ..Turn::default() };
    let memory = Memory::default();
    let facts = Facts::new(&turn, &sentiment, &memory).with_weight(Weight::try_from(exchange.weight).unwrap());
    let Plan::Review(intent) = policy.plan(&facts) else { return String::new() };
    match policy.review(&intent, &exchange.reply, true) {
        Review::Change(change) => {
            let cut = exchange.reply.get(change.cut.clone()).unwrap_or_default().trim();
            let greeting = exchange.reply.get(..change.cut.start).unwrap_or_default();
            let put = format!("{greeting}{}", change.put.trim());
            match change.adjustment {
                Adjustment::Soften => format!("{put} [instead of: {cut}]").trim_start().to_owned(),
                _ => put,
            }
        }
        _ => String::new(),
    }
}

#[test]
fn what_is_said_in_sixty_exchanges_is_natural() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/words");
    let update = std::env::var_os("UPDATE_EXPECTED").is_some();
    let mut verdicts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let mut page = String::new();
        for line in text.lines() {
            let mut exchange: Exchange = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            for tone in Tone::ALL {
                let now = said(&Policy::default().with_tone(tone), &exchange);
                let name = tone.as_str().to_owned();
                let before = exchange.said.insert(name.clone(), now.clone());
                if before.as_ref() != Some(&now) {
                    assert!(update, "{}: {tone}: {before:?} is now {now:?}: judge it again", exchange.user);
                    exchange.judged.insert(name.clone(), None);
                }
                let verdict = exchange.judged.get(&name).cloned().flatten();
                *verdicts.entry((name, verdict.unwrap_or_else(|| "unjudged".to_owned()))).or_default() += 1;
            }
            page += &serde_json::to_string(&exchange).unwrap();
            page.push('\n');
        }
        if update {
            fs::write(&path, page).unwrap();
        }
    }
    if update {
        return;
    }
    for tone in Tone::ALL {
        let count =
            |verdict: &str| verdicts.get(&(tone.as_str().to_owned(), verdict.to_owned())).copied().unwrap_or_default();
        let (natural, odd, bad) = (count("natural"), count("odd"), count("bad"));
        assert_eq!(natural + odd + bad, 60, "{tone}: {verdicts:?}");
        assert!(natural * 100 >= 80 * 60 && bad * 100 <= 3 * 60, "{tone}: {natural} natural, {odd} odd, {bad} bad");
    }
}
