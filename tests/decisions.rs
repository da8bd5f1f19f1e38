//! The table of decisions, `tests/decisions/*.toml`: turn, history and reply, and what becomes of them. Each case holds in
//! each tone, for a reply that is there whole and for one that comes letter by letter. See the head of
//! `tests/decisions/silence.toml` for how a case is written.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use serde::Deserialize;
use undertone::{
    conversation::Memory,
    empathy::{Apologies, Change, Facts, Plan, Policy, Review, Tone, Toning, Weight},
    protocol::{Speaker, Turn, Utterance},
    sentiment::{Emotion, Emotions, Sentiment},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    user: String,
    weight: f32,
    #[serde(default = "none")]
    feeling: String,
    #[serde(default = "sure")]
    sure: f32,
    #[serde(default)]
    history: Vec<(String, String)>,
    #[serde(default)]
    house: House,
    #[serde(default = "all")]
    tones: Vec<Tone>,
    reply: String,
    action: String,
    reason: Option<String>,
    kind: Option<Vec<String>>,
    keeps: Option<String>,
    #[serde(default)]
    begins: String,
    #[serde(default)]
    never: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct House {
    apologies: Option<Apologies>,
    openers: Option<Toning>,
    #[serde(default)]
    thanks: bool,
    condolences: Option<bool>,
    person: Option<String>,
    person_from: Option<f32>,
    danger: Option<String>,
}

fn none() -> String {
    "none".to_owned()
}

const fn sure() -> f32 {
    0.95
}

fn all() -> Vec<Tone> {
    Tone::ALL.to_vec()
}

/// What was decided: a change, or why there is none.
#[derive(Debug, PartialEq)]
enum Decision {
    Change(Change),
    Silence(&'static str),
}

impl House {
    fn policy(&self, tone: Tone) -> Policy {
        let mut policy = Policy::default().with_tone(tone).with_thanks(self.thanks);
        if let Some(apologies) = self.apologies {
            policy = policy.with_apologies(apologies);
        }
        if let Some(openers) = self.openers {
            policy = policy.with_toning(openers);
        }
        if let Some(condolences) = self.condolences {
            policy = policy.with_condolences(condolences);
        }
        if let Some(say) = &self.person {
            policy = policy.with_person(say, Weight::try_from(self.person_from.unwrap_or(0.7)).unwrap());
        }
        match &self.danger {
            Some(say) => policy.with_danger(say),
            None => policy,
        }
    }
}

impl Case {
    fn plan(&self, policy: &Policy) -> Plan {
        let feeling: Emotion = self.feeling.parse().unwrap();
        let rest = (1.0 - self.sure) / 9.0;
        let emotions = Emotions::new(Emotion::ALL.map(|other| if other == feeling { self.sure } else { rest }));
        let valence = match feeling {
            Emotion::Gratitude | Emotion::Joy => 0.6,
            _ if self.weight >= 0.3 => -0.6,
            _ => 0.0,
        };
        let sentiment = Sentiment { affect: self.weight, valence, emotions, ..Sentiment::default() };
        let history = self.history.iter().flat_map(|(user, bot)| {
            [Utterance::new(Speaker::User, user.clone()), Utterance::new(Speaker::Bot, bot.clone())]
        });
        let turn = Turn {
            text: self.user.clone(),
            ordinal: self.history.len(),
            history: history.collect(),
            ..Turn::default()
        };
        let memory = Memory::default();
        policy.plan(&Facts::new(&turn, &sentiment, &memory).with_weight(Weight::try_from(self.weight).unwrap()))
    }

    /// What is decided when the reply is there whole, and when it comes letter by letter.
    fn decide(&self, policy: &Policy) -> [Decision; 2] {
        let intent = match self.plan(policy) {
            Plan::Review(intent) => intent,
            Plan::Leave(silence) => return [Decision::Silence(silence.as_str()), Decision::Silence(silence.as_str())],
            other => panic!("{other:?}"),
        };
        let decided = |review| match review {
            Review::Change(change) => Some(Decision::Change(change)),
            Review::Leave(silence) => Some(Decision::Silence(silence.as_str())),
            _ => None,
        };
        let whole = decided(policy.review(&intent, &self.reply, true)).unwrap();
        let ends = self.reply.char_indices().map(|(at, letter)| at + letter.len_utf8());
        let streamed = [0].into_iter().chain(ends).find_map(|end| {
            let is_complete = end == self.reply.len();
            decided(policy.review(&intent, self.reply.get(..end).unwrap(), is_complete))
        });
        [whole, streamed.unwrap()]
    }

    /// What is not as expected, if anything.
    fn fault(&self, decision: &Decision) -> Option<String> {
        let change = match decision {
            Decision::Silence(reason) => {
                let is_expected =
                    self.action == "none" && self.reason.as_deref().is_none_or(|wanted| wanted == *reason);
                return (!is_expected).then(|| format!("silence, reason={reason}"));
            }
            Decision::Change(change) => change,
        };
        let adjusted = change.apply(&self.reply);
        if change.adjustment.as_str() != self.action {
            return Some(adjusted);
        }
        let keeps = self.keeps.as_deref().unwrap_or(&self.reply);
        let added = adjusted.strip_prefix(&*self.begins).and_then(|rest| rest.strip_suffix(keeps));
        let Some(added) = added else { return Some(format!("not what is to be kept: {adjusted}")) };
        let lower = added.to_lowercase();
        if let Some(word) = self.never.iter().find(|word| lower.contains(&word.to_lowercase())) {
            return Some(format!("says \"{word}\": {added}"));
        }
        let kind = change.saying.as_ref().map(|saying| saying.kind.as_str());
        let fits = |kinds: &Vec<String>| match kind {
            Some(kind) => kinds.iter().any(|wanted| wanted == kind),
            None => kinds.is_empty(),
        };
        (!self.kind.as_ref().is_none_or(fits)).then(|| format!("of kind {kind:?}: {added}"))
    }
}

#[test]
fn decisions_are_as_the_table_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decisions");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut names, mut faults) = (Vec::new(), Vec::new());
    for path in files {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let table: Table =
            toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|e| panic!("{file}: {e}"));
        for case in table.case {
            for tone in &case.tones {
                let [whole, streamed] = case.decide(&case.house.policy(*tone));
                for (how, decision) in [("whole", whole), ("streamed", streamed)] {
                    let fault = case.fault(&decision);
                    faults.extend(fault.map(|fault| format!("{file}: {}: {tone}, {how}: {fault}", case.name)));
                }
            }
            names.push(case.name);
        }
    }
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n"));
    let count = names.len();
    names.sort();
    names.dedup();
    assert!(count == names.len() && count >= 120, "{count} cases, {} names", names.len());
}
