//! The style guide: the lines that may be said, each with its weight and where it fits. Data, not code.

use std::collections::HashMap;

use serde::Deserialize;

use super::{
    Tone,
    line::{Line, SLOT},
    topics::{TopicSpec, Topics},
    wording::WORDING,
};
use crate::empathy::{Kind, Weight};

/// A sentence of the book at the beginning of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::empathy) struct Own {
    pub(in crate::empathy) kind: Kind,
    pub(in crate::empathy) weight: Weight,
    /// In bytes.
    pub(in crate::empathy) length: usize,
}

/// What may be said, by kind and tone.
#[derive(Debug, Clone, PartialEq)]
pub struct Phrasebook {
    language: String,
    naming: Weight,
    sections: Sections,
    topics: Topics,
    index: Index,
}

/// Every line by its first bytes, so that a text is not compared with a thousand of them; and those that begin with the
/// slot.
type Index = HashMap<Vec<u8>, Vec<(Kind, Tone, usize)>>;

/// How many first bytes.
const INDEXED: usize = 6;

/// A phrasebook as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
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
    #[serde(default)]
    waiting: Section,
    #[serde(default)]
    repeat: Section,
    #[serde(default)]
    mistake: Section,
    #[serde(default)]
    asked: Section,
    #[serde(default)]
    surprise: Section,
    #[serde(default)]
    loss: Section,
    #[serde(default)]
    thanks: Section,
    #[serde(default)]
    topic: Vec<TopicSpec>,
}

/// In the order of [`Kind::ALL`].
type Sections = [Section; Kind::ALL.len()];

/// What may be said for one kind.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    #[serde(default)]
    formal: Vec<Line>,
    #[serde(default)]
    collaborative: Vec<Line>,
    #[serde(default)]
    warm: Vec<Line>,
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
    #[error(
        "line {line}: [{kind}] {tone}: \"{say}\" has a weight below `naming`: a feeling is named only from there upward"
    )]
    NamedTooEarly {
        /// The line, from 1.
        line: usize,
        /// The section.
        kind: Kind,
        /// The tone.
        tone: Tone,
        /// The sentence.
        say: String,
    },
    /// A sentence that is empty, more than one line, or has a slot that is never filled.
    #[error(
        "line {line}: [{kind}] {tone}: a sentence must be one line of text, with {{topic}} as its only slot: {say:?}"
    )]
    NotALine {
        /// The line, from 1.
        line: usize,
        /// The section.
        kind: Kind,
        /// The tone.
        tone: Tone,
        /// The sentence.
        say: String,
    },
    /// A tone that would always be silent.
    #[error(
        "[problem] {0}: needs at least two different sentences that fit any reply (no `before`, no slot), so that none \
         is said twice in a row"
    )]
    TooFew(Tone),
    /// A topic that cannot be.
    #[error("[[topic]] {0}")]
    Topic(String),
}

impl Phrasebook {
    /// The text of the phrasebook that comes with undertone: a start for one of your own.
    pub const ENGLISH: &'static str = include_str!("en/phrases.toml");

    /// The phrasebook that comes with undertone.
    ///
    /// # Panics
    ///
    /// Never: a test reads the same text.
    #[must_use]
    pub fn english() -> Self {
        #[expect(clippy::expect_used, reason = "the text is compiled in, and a test reads it")]
        Self::from_toml(Self::ENGLISH).expect("the built-in phrasebook is valid")
    }

    /// Reads a phrasebook. Its topics are looked for before the built-in ones.
    ///
    /// # Errors
    ///
    /// [`PhrasebookError`] says which line or sentence is wrong, and why.
    pub fn from_toml(text: &str) -> Result<Self, PhrasebookError> {
        let written: Written = toml::from_str(text).map_err(|error| PhrasebookError::Toml {
            line: error.span().map_or(1, |span| line_at(text, span.start)),
            message: error.message().replace('\n', " "),
        })?;
        let Written { language, naming, topic, problem, frustration, anger, disappointment, sadness, .. } = written;
        let Written { worry, confusion, waiting, repeat, mistake, asked, surprise, loss, thanks, .. } = written;
        let sections = [
            problem,
            frustration,
            anger,
            disappointment,
            sadness,
            worry,
            confusion,
            waiting,
            repeat,
            mistake,
            asked,
            surprise,
            loss,
            thanks,
        ];
        let topics = Topics::english().with(topic).map_err(PhrasebookError::Topic)?;
        let mut book = Self { language, naming, sections, topics, index: Index::new() };
        book.check(text)?;
        book.index = book.indexed();
        Ok(book)
    }

    /// The language of the sentences, as a BCP 47 tag.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }

    /// Every sentence as it is written, section by section, tone by tone; `{topic}` stands for the matter.
    pub fn sentences(&self) -> impl Iterator<Item = &str> {
        self.all().map(|(_, _, line)| line.words())
    }

    /// The weights that the sentences of a section have in one tone, the lightest first.
    #[must_use]
    pub fn weights(&self, kind: Kind, tone: Tone) -> Vec<Weight> {
        let mut weights: Vec<_> = self.lines(kind, tone).iter().map(|line| line.weight).collect();
        weights.sort_by(|one, other| one.get().total_cmp(&other.get()));
        weights.dedup();
        weights
    }

    /// From which weight a feeling may be named.
    pub(crate) const fn naming(&self) -> Weight {
        self.naming
    }

    /// The lines of one kind in one tone.
    pub(crate) fn lines(&self, kind: Kind, tone: Tone) -> &[Line] {
        self.sections.get(kind as usize).map_or(&[], |section| section.tone(tone))
    }

    /// Every line, with its kind and tone.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Kind, Tone, &Line)> {
        Kind::ALL.into_iter().flat_map(move |kind| {
            Tone::ALL
                .into_iter()
                .flat_map(move |tone| self.lines(kind, tone).iter().map(move |line| (kind, tone, line)))
        })
    }

    /// What finds the matter.
    pub(in crate::empathy) const fn topics(&self) -> &Topics {
        &self.topics
    }

    /// The sentence of this book, in whatever tone, that a text begins with; the longest counts.
    pub(in crate::empathy) fn own(&self, text: &str) -> Option<Own> {
        let bytes = text.as_bytes();
        let alike = (0..=INDEXED.min(bytes.len())).filter_map(|end| self.index.get(bytes.get(..end)?)).flatten();
        let found = alike.filter_map(|(kind, tone, number)| {
            let line = self.lines(*kind, *tone).get(*number)?;
            let length = line.begins(text, &self.topics)?;
            Some(Own { kind: *kind, weight: line.weight, length })
        });
        found.max_by_key(|own| own.length)
    }

    fn indexed(&self) -> Index {
        let mut index = Index::new();
        for kind in Kind::ALL {
            for tone in Tone::ALL {
                for (number, line) in self.lines(kind, tone).iter().enumerate() {
                    let before = line.start().as_bytes();
                    let first = before.get(..INDEXED).unwrap_or(before);
                    index.entry(first.to_vec()).or_default().push((kind, tone, number));
                }
            }
        }
        index
    }

    fn check(&self, text: &str) -> Result<(), PhrasebookError> {
        if self.language != "en" && !self.language.starts_with("en-") {
            return Err(PhrasebookError::Language(self.language.clone()));
        }
        for (kind, tone, line) in self.all() {
            let say = line.words().to_owned();
            let number = line_at(text, line.place());
            let rest = say.replacen(SLOT, "", 1);
            if rest.trim().is_empty() || rest.contains(|c: char| c.is_control() || matches!(c, '{' | '}')) {
                return Err(PhrasebookError::NotALine { line: number, kind, tone, say });
            }
            if kind.emotion().is_some() && line.weight < self.naming && WORDING.names_feeling(&say) {
                return Err(PhrasebookError::NamedTooEarly { line: number, kind, tone, say });
            }
        }
        for tone in Tone::ALL {
            let mut anywhere =
                self.lines(Kind::Problem, tone).iter().filter(|line| line.fits(None) && !line.has_slot());
            let first = anywhere.next().ok_or(PhrasebookError::TooFew(tone))?;
            if anywhere.all(|other| other.words() == first.words()) {
                return Err(PhrasebookError::TooFew(tone));
            }
        }
        Ok(())
    }
}

/// The number of the line, from 1, at which this byte stands.
pub(crate) fn line_at(text: &str, place: usize) -> usize {
    1 + text.get(..place).map_or(0, |before| before.matches('\n').count())
}

impl Section {
    fn tone(&self, tone: Tone) -> &[Line] {
        match tone {
            Tone::Formal => &self.formal,
            Tone::Collaborative => &self.collaborative,
            Tone::Warm => &self.warm,
        }
    }
}

#[cfg(test)]
#[path = "phrasebook_tests.rs"]
mod tests;
