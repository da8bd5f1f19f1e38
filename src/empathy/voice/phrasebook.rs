//! The style guide: the sentences that may be said, each with its weight. Data, not code.

use std::{fmt, str::FromStr};

use serde::Deserialize;

use crate::empathy::Weight;
use crate::sentiment::Emotion;

/// In whose voice undertone speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Tone {
    /// Full forms, no contractions: "I will look at this first."
    Formal,
    /// Matter-of-fact and on the user's side: "Let's take a look."
    #[default]
    Collaborative,
    /// A little closer: "Let me look into that for you."
    Warm,
}

impl Tone {
    /// Every tone.
    pub const ALL: [Self; 3] = [Self::Formal, Self::Collaborative, Self::Warm];

    /// The name, as in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Formal => "formal",
            Self::Collaborative => "collaborative",
            Self::Warm => "warm",
        }
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not the name of a [`Tone`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such tone: `{0}` (formal, collaborative or warm)")]
pub struct UnknownTone(String);

impl FromStr for Tone {
    type Err = UnknownTone;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|tone| tone.as_str() == name).ok_or_else(|| UnknownTone(name.to_owned()))
    }
}

/// One sentence, and how strong it is.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::empathy) struct Variant {
    /// Said only to turns of at least this weight.
    pub(in crate::empathy) weight: Weight,
    /// The sentence.
    pub(in crate::empathy) say: String,
}

/// A sentence that may be said to a turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::empathy) struct Candidate<'a> {
    /// The sentence.
    pub(in crate::empathy) variant: &'a Variant,
    /// Whether it is from the section of the feeling that the turn shows.
    pub(in crate::empathy) is_named: bool,
}

/// What may be said, for each feeling and tone.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phrasebook {
    language: String,
    naming: Weight,
    problem: Section,
    #[serde(default)]
    frustration: Section,
    #[serde(default)]
    anger: Section,
    #[serde(default)]
    disappointment: Section,
    #[serde(default)]
    sadness: Section,
    #[serde(default)]
    worry: Section,
    #[serde(default)]
    confusion: Section,
}

/// What may be said for one feeling.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    #[serde(default)]
    formal: Vec<Variant>,
    #[serde(default)]
    collaborative: Vec<Variant>,
    #[serde(default)]
    warm: Vec<Variant>,
}

/// Why a phrasebook was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhrasebookError {
    /// Not TOML, or not the TOML of a phrasebook.
    #[error("line {line}: {message}")]
    Toml {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A language other than English.
    #[error("language = \"{0}\": only \"en\" so far; how bots open their replies is known in no other language")]
    Language(String),
    /// A sentence that names a feeling too early.
    #[error("[{section}] {tone}: \"{say}\" has a weight below `naming`: a feeling is named only from there upward")]
    NamedTooEarly {
        /// The feeling.
        section: Emotion,
        /// The tone.
        tone: Tone,
        /// The sentence.
        say: String,
    },
    /// A sentence that is empty or more than one line.
    #[error("[{section}] {tone}: a sentence must be one line of text, not {say:?}")]
    NotALine {
        /// The section's name.
        section: &'static str,
        /// The tone.
        tone: Tone,
        /// The sentence.
        say: String,
    },
    /// A tone that would always be silent.
    #[error("[problem] {0}: needs at least two different sentences, so that none is said twice in a row")]
    TooFew(Tone),
}

impl Phrasebook {
    /// The phrasebook that comes with undertone.
    ///
    /// # Panics
    ///
    /// Never: a test reads the same text.
    #[must_use]
    pub fn english() -> Self {
        #[expect(clippy::expect_used, reason = "the text is compiled in, and a test reads it")]
        Self::from_toml(include_str!("en/phrases.toml")).expect("the built-in phrasebook is valid")
    }

    /// Reads a phrasebook.
    ///
    /// # Errors
    ///
    /// [`PhrasebookError`] says which line or sentence is wrong, and why.
    pub fn from_toml(text: &str) -> Result<Self, PhrasebookError> {
        let book: Self = toml::from_str(text).map_err(|error| PhrasebookError::Toml {
            line: 1 + error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(0, |before| before.matches('\n').count()),
            message: error.message().replace('\n', " "),
        })?;
        book.check()?;
        Ok(book)
    }

    /// The language of the sentences, as a BCP 47 tag.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }

    /// Everything that may be said to an unpleasant turn of this weight, whose words show `emotion`: the strongest
    /// last, and of equals the one that fits the feeling.
    pub(in crate::empathy) fn candidates(
        &self,
        emotion: Option<Emotion>,
        tone: Tone,
        weight: Weight,
    ) -> Vec<Candidate<'_>> {
        let named = emotion.and_then(|emotion| self.section(emotion)).map_or(&[][..], |section| section.tone(tone));
        let any = self.problem.tone(tone).iter().map(|variant| Candidate { variant, is_named: false });
        let named = named.iter().map(|variant| Candidate { variant, is_named: true });
        let mut fitting: Vec<_> = any.chain(named).filter(|candidate| candidate.variant.weight <= weight).collect();
        // Stable: sentences of equal weight keep their order, those that fit the feeling last.
        fitting.sort_by(|a, b| a.variant.weight.get().total_cmp(&b.variant.weight.get()));
        fitting
    }

    /// Every sentence in it.
    #[cfg(test)]
    pub(in crate::empathy) fn sentences(&self) -> impl Iterator<Item = &str> {
        let sections = Emotion::ALL.into_iter().filter_map(|emotion| self.section(emotion)).chain([&self.problem]);
        sections
            .flat_map(|section| Tone::ALL.into_iter().flat_map(|tone| section.tone(tone)))
            .map(|variant| &*variant.say)
    }

    const fn section(&self, emotion: Emotion) -> Option<&Section> {
        match emotion {
            Emotion::Frustration => Some(&self.frustration),
            Emotion::Anger => Some(&self.anger),
            Emotion::Disappointment => Some(&self.disappointment),
            Emotion::Sadness => Some(&self.sadness),
            Emotion::Worry => Some(&self.worry),
            Emotion::Confusion => Some(&self.confusion),
            Emotion::Gratitude | Emotion::Joy | Emotion::Surprise | Emotion::None => None,
        }
    }

    fn check(&self) -> Result<(), PhrasebookError> {
        if self.language != "en" && !self.language.starts_with("en-") {
            return Err(PhrasebookError::Language(self.language.clone()));
        }
        for tone in Tone::ALL {
            let [first, others @ ..] = self.problem.tone(tone) else { return Err(PhrasebookError::TooFew(tone)) };
            if others.iter().all(|other| other.say == first.say) {
                return Err(PhrasebookError::TooFew(tone));
            }
            check_lines("problem", tone, self.problem.tone(tone))?;
            for section in Emotion::ALL {
                let Some(variants) = self.section(section).map(|found| found.tone(tone)) else { continue };
                check_lines(section.as_str(), tone, variants)?;
                if let Some(early) = variants.iter().find(|variant| variant.weight < self.naming) {
                    return Err(PhrasebookError::NamedTooEarly { section, tone, say: early.say.clone() });
                }
            }
        }
        Ok(())
    }
}

impl Section {
    fn tone(&self, tone: Tone) -> &[Variant] {
        match tone {
            Tone::Formal => &self.formal,
            Tone::Collaborative => &self.collaborative,
            Tone::Warm => &self.warm,
        }
    }
}

fn check_lines(section: &'static str, tone: Tone, variants: &[Variant]) -> Result<(), PhrasebookError> {
    match variants.iter().find(|variant| variant.say.trim().is_empty() || variant.say.contains(char::is_control)) {
        Some(variant) => Err(PhrasebookError::NotALine { section, tone, say: variant.say.clone() }),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "phrasebook_tests.rs"]
mod tests;
