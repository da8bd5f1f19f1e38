//! Reads a phrasebook as an editor would: what is said well by the rules of the file, and badly to a customer.

use std::{collections::HashSet, fmt};

use super::{
    Kind, Phrasebook, Policy, Shape, Tone, Weight,
    voice::{Line, WORDING, line_at},
};

/// By how much a sentence may sound stronger to the classifier than its weight says. The built-in lines that name a
/// feeling plainly sound up to 0.21 stronger ("I get why this makes you angry."), "I can see how furious and desperate
/// you are." at 0.30 by 0.58.
const LOUDER: f32 = 0.30;

/// From which weight on nothing may be made small.
const GRAVE: f32 = 0.55;

/// From which share of words in common two sentences are one: of all their words those that both have.
const ALIKE: f32 = 0.82;

/// How many sentences must be there to choose from, so that the next turn of the kind is not told the same.
const VARIANTS: usize = 2;

/// One remark on a phrasebook.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Remark {
    /// The line of the file, from 1.
    pub line: usize,
    /// The section.
    pub kind: Kind,
    /// The tone.
    pub tone: Tone,
    /// The sentence; none where one is missing.
    pub say: Option<String>,
    /// What is wrong.
    pub fault: Fault,
}

/// What an editor would change. As text it says what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The classifier hears far more in it than its weight says.
    Louder {
        /// Its weight.
        weight: Weight,
        /// What the classifier hears, from 0 to 1.
        heard: f32,
    },
    /// It makes little of what weighs much.
    Belittles {
        /// The words that do.
        found: String,
    },
    /// It says that the speaker feels something.
    Claims {
        /// The words that do.
        found: String,
    },
    /// It names a feeling where none was shown, or before it may be named.
    Names {
        /// The word that does.
        found: String,
        /// From which weight on a feeling may be named.
        naming: Weight,
    },
    /// It has an exclamation mark.
    Exclaims,
    /// It says sorry more than once.
    Grovels,
    /// It announces that it is brief.
    AnnouncesBrevity {
        /// The words that do.
        found: String,
    },
    /// It agrees with somebody who is angry.
    Agrees {
        /// The words that do.
        found: String,
    },
    /// It announces work.
    Pretends {
        /// The words that do.
        found: String,
    },
    /// It is not in the register of its tone.
    Register {
        /// The words that do.
        found: String,
    },
    /// It says what another line says.
    Twice {
        /// The line of the other in the file, from 1.
        other: usize,
    },
    /// It takes topics and has no place for one.
    NoSlot,
    /// Too few sentences to choose from.
    TooFew {
        /// The lightest weight at which that is so.
        weight: Weight,
        /// Before which shape of reply; none is a reply whose shape does not show.
        shape: Option<Shape>,
    },
}

impl Phrasebook {
    /// What an editor remarks on this phrasebook, by lines. `text` is the file that it was read from; `heard` is what a
    /// classifier makes of each of its [`sentences`](Self::sentences), from 0 to 1, in their order. Sentences that
    /// nothing is heard of are not checked.
    ///
    /// ```
    /// use undertone::empathy::Phrasebook;
    ///
    /// let plain = "[{ weight = 0.3, say = 'Here it is.' }, { weight = 0.3, say = 'The answer follows.' }]";
    /// let text = format!(
    ///     "language = 'en'\nnaming = 0.4\n[problem]\nformal = {plain}\ncollaborative = {plain}\nwarm = {plain}\n\
    ///      [anger]\nwarm = [{{ weight = 0.5, say = \"Oh no!\" }}, {{ weight = 0.5, say = \"That is a lot.\" }}]"
    /// );
    /// let book = Phrasebook::from_toml(&text)?;
    /// let heard = vec![0.4; book.sentences().count()];
    /// let remarks = book.remarks(&text, &heard);
    /// assert_eq!(remarks[0].fault.to_string(), "an exclamation mark shouts; end with a full stop");
    /// # Ok::<(), undertone::empathy::PhrasebookError>(())
    /// ```
    #[must_use]
    pub fn remarks(&self, text: &str, heard: &[f32]) -> Vec<Remark> {
        let mut remarks = Vec::new();
        for ((kind, tone, line), heard) in self.all().zip(heard) {
            let number = line_at(text, line.place());
            let faults = faults(kind, tone, line, self.naming(), *heard);
            let remark = |fault| Remark { line: number, kind, tone, say: Some(line.words().to_owned()), fault };
            remarks.extend(faults.into_iter().map(remark));
            let twin = self
                .lines(kind, tone)
                .iter()
                .take_while(|other| other.place() != line.place())
                .find(|other| (other.weight.get() - line.weight.get()).abs() < 0.01 && are_alike(other, line));
            if let Some(twin) = twin {
                remarks.push(remark(Fault::Twice { other: line_at(text, twin.place()) }));
            }
        }
        remarks.extend(missing(self, text));
        remarks.sort_by_key(|remark| remark.line);
        remarks
    }
}

/// What is wrong with one line.
fn faults(kind: Kind, tone: Tone, line: &Line, naming: Weight, heard: f32) -> Vec<Fault> {
    let words = line.words();
    let lower = words.to_lowercase();
    let owned = |found: &str| found.to_owned();
    let is_heated = matches!(kind, Kind::Anger | Kind::Frustration);
    let is_named_elsewhere = kind.emotion().is_none() && !matches!(kind, Kind::Loss | Kind::Thanks);
    let register = if tone == Tone::Formal { WORDING.informal(words) } else { WORDING.formal(words) };
    let sorries = lower.matches("sorry").count() + lower.matches("apolog").count();
    [
        // Condolence weighs what the loss does, whatever the turn.
        (kind != Kind::Loss && heard - line.weight.get() > LOUDER)
            .then_some(Fault::Louder { weight: line.weight, heard }),
        WORDING
            .belittling(words)
            .filter(|_| line.weight.get() >= GRAVE)
            .map(|found| Fault::Belittles { found: owned(found) }),
        WORDING.claim(words).map(|found| Fault::Claims { found: owned(found) }),
        WORDING.feeling(words).filter(|_| is_named_elsewhere).map(|found| Fault::Names { found: owned(found), naming }),
        words.contains('!').then_some(Fault::Exclaims),
        (sorries > 1).then_some(Fault::Grovels),
        WORDING.brevity(words).map(|found| Fault::AnnouncesBrevity { found: owned(found) }),
        WORDING.agreement(words).filter(|_| is_heated).map(|found| Fault::Agrees { found: owned(found) }),
        WORDING.pretence(words).map(|found| Fault::Pretends { found: owned(found) }),
        register.map(|found| Fault::Register { found: owned(found) }),
        line.misses_slot().then_some(Fault::NoSlot),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Where a section has too little to choose from, at the lightest weight where that is so.
fn missing(book: &Phrasebook, text: &str) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for tone in Tone::ALL {
        let policy = Policy::default().with_phrasebook(book.clone()).with_tone(tone);
        for kind in Kind::ALL {
            let lines = book.lines(kind, tone);
            let Some(first) = lines.first() else { continue };
            for shape in [None].into_iter().chain(Shape::ALL.map(Some)) {
                let mut weights: Vec<_> = lines.iter().map(|line| line.weight).collect();
                weights.sort_by(|a, b| a.get().total_cmp(&b.get()));
                let few = |weight: &Weight| {
                    let sentences = policy.variants(kind, *weight, shape, "");
                    sentences.iter().collect::<HashSet<_>>().len() < VARIANTS
                };
                if let Some(weight) = weights.into_iter().find(few) {
                    let line = line_at(text, first.place());
                    remarks.push(Remark { line, kind, tone, say: None, fault: Fault::TooFew { weight, shape } });
                }
            }
        }
    }
    remarks
}

/// Whether two lines say the same to the same replies.
fn are_alike(one: &Line, other: &Line) -> bool {
    let words = |line: &Line| -> HashSet<String> {
        let lower = line.words().to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric() && c != '\'');
        words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let (one_words, other_words) = (words(one), words(other));
    let all = one_words.union(&other_words).count();
    let both = one_words.intersection(&other_words).count();
    #[expect(clippy::cast_precision_loss, reason = "a sentence has few words")]
    let share = both as f32 / all.max(1) as f32;
    share >= ALIKE && one.shares_shape(other)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Louder { weight, heard } => write!(
                f,
                "sounds like {heard:.2}, and is said from {weight}; say it more plainly, or raise its weight to {:.2}",
                (heard * 20.0).round() / 20.0
            ),
            Self::Belittles { found } => {
                write!(f, "\"{found}\" makes little of a grave matter; leave it out, or lower the weight")
            }
            Self::Claims { found } => {
                write!(f, "\"{found}\" claims a feeling; say what you can see: \"I can see why that's frustrating.\"")
            }
            Self::Names { found, naming } => write!(
                f,
                "\"{found}\" names a feeling that may not be there; move it to the feeling's own section, at {naming} or \
                 more, or say what happened"
            ),
            Self::Exclaims => f.write_str("an exclamation mark shouts; end with a full stop"),
            Self::Grovels => f.write_str("says sorry more than once; once is enough"),
            Self::AnnouncesBrevity { found } => {
                write!(f, "\"{found}\" announces brevity, which costs the time it promises to save; leave it out")
            }
            Self::Agrees { found } => write!(
                f,
                "\"{found}\" agrees with somebody who is angry, and the answer may be a no; say what you can see"
            ),
            Self::Pretends { found } => {
                write!(f, "\"{found}\" announces work, and the finished answer follows; say where things stand instead")
            }
            Self::Register { found } => {
                write!(f, "\"{found}\" is not in the register of this tone; write it the other way")
            }
            Self::Twice { other } => write!(f, "says the same as line {other}; keep one of them, or reword it"),
            Self::NoSlot => f.write_str(
                "takes a topic and has no {topic}; put {topic} where the matter stands, or leave `topic` out",
            ),
            Self::TooFew { weight, shape } => write!(
                f,
                "fewer than {VARIANTS} sentences to choose from at {weight} before {}; add lines that fit, or leave \
                 `before` out of some (one that says sorry counts only in [mistake], [asked] and [loss])",
                shape.map_or("a reply of any shape".to_owned(), |shape| format!(
                    "a reply of shape \"{}\"",
                    shape.as_str()
                ))
            ),
        }
    }
}

#[cfg(test)]
#[path = "editor_tests.rs"]
mod tests;
