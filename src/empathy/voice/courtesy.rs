//! The bot's own opener, sentence by sentence: where it ends, how much feeling it shows, and of which mood.
//!
//! A sentence belongs to the opener if it begins like a courtesy and says nothing of substance, or if it follows on a
//! courtesy with more of the same. The patterns are data (`en/courtesy.toml`). When in doubt a sentence is substance:
//! that only leaves a reply as it is.

use regex::bytes::Regex;
use serde::Deserialize;

use super::{
    opening::{Opening, Openings, is_decoration},
    patterns::{Pattern, built_in},
};

/// A sentence longer than this many bytes is no courtesy.
const LONG_SENTENCE: usize = 400;

/// An opener longer than this many bytes is taken for a text of its own.
const LONG_OPENER: usize = 1_200;

/// A greeting is over within this many bytes, or it is none.
const LONG_GREETING: usize = 60;

/// The bot's own opener: a greeting, a few sentences of courtesy, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::empathy) struct Opener {
    /// Where the greeting ends, with the white space after it; 0 if there is none.
    pub(in crate::empathy) greeting: usize,
    /// Where the sentences end, with the white space after them. As `greeting` if there are none.
    pub(in crate::empathy) end: usize,
    /// Regret: how many words of it.
    apology: usize,
    /// Words of enthusiasm.
    cheer: usize,
    /// Words of praise.
    praise: usize,
    /// Feelings given to the user or claimed for the bot.
    feeling: usize,
    /// What makes it louder.
    intensifiers: usize,
    /// Exclamation marks. One alone is only lively.
    exclamations: usize,
}

/// What there is to be known of an opener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::empathy) enum Reading {
    /// More of it may come; so far it is this.
    Undecided(Opener),
    /// This is all of it.
    Read(Opener),
}

impl Opener {
    /// From 0 (none) over 1 (light, no more than a word) and 2 (a feeling is named, or stressed) to 3 (these pile up).
    pub(in crate::empathy) fn level(&self) -> u8 {
        match self.strength() {
            _ if !self.is_there() => 0,
            0 => 1,
            1 => 2,
            _ => 3,
        }
    }

    /// Whether there is anything but a greeting.
    pub(in crate::empathy) const fn is_there(&self) -> bool {
        self.end > self.greeting
    }

    /// Whether it praises the question, the work or the user.
    pub(in crate::empathy) const fn praises(&self) -> bool {
        self.praise > 0
    }

    /// Whether it is glad about something, and shows no feeling for a trouble.
    pub(in crate::empathy) const fn is_cheerful(&self) -> bool {
        self.cheer + self.praise > 0 && self.feeling == 0
    }

    /// Whether it is sorry about something, and not glad.
    pub(in crate::empathy) const fn is_sorry(&self) -> bool {
        self.apology + self.feeling > 0 && self.cheer == 0
    }

    fn strength(&self) -> usize {
        let words = self.cheer + self.praise + self.feeling + self.intensifiers + self.apology.saturating_sub(1);
        words + usize::from(self.exclamations > usize::from(words == 0))
    }

    /// Whether anything in it is more than the form.
    const fn says_something(&self) -> bool {
        self.cheer + self.praise + self.feeling + self.apology > 0
    }

    const fn add(&mut self, other: &Self) {
        self.apology += other.apology;
        self.cheer += other.cheer;
        self.praise += other.praise;
        self.feeling += other.feeling;
        self.intensifiers += other.intensifiers;
        self.exclamations += other.exclamations;
    }
}

/// The patterns that tell courtesy from substance.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::empathy) struct Courtesy {
    excused: Pattern,
    content: Pattern,
    apology: Pattern,
    cheer: Pattern,
    praise: Pattern,
    feeling: Pattern,
    intensifier: Pattern,
    greeting: Pattern,
    abbreviation: Pattern,
    /// How a clause begins that says something of its own.
    statement: Pattern,
    /// How a sentence begins that states a fact unless it shows a feeling.
    fact: Pattern,
}

impl Courtesy {
    /// The patterns that come with undertone, for English.
    ///
    /// # Panics
    ///
    /// Never: a test compiles the same patterns.
    pub(in crate::empathy) fn english() -> Self {
        built_in(include_str!("en/courtesy.toml"))
    }

    /// Reads the opener of a reply: its `visible` text, from its first character on. `is_complete` says that no more of
    /// it will come.
    ///
    /// More of a reply never changes what was read.
    pub(in crate::empathy) fn read(&self, openings: &Openings, visible: &str, is_complete: bool) -> Reading {
        let mut opener = Opener::default();
        if openings.read("", visible, is_complete) == Opening::Greeting {
            match self.greeting_end(visible, is_complete) {
                Some(end) => (opener.greeting, opener.end) = (end, end),
                None if is_complete || visible.len() > LONG_GREETING => return Reading::Read(opener),
                None => return Reading::Undecided(opener),
            }
        }
        while opener.end < visible.len() && opener.end < LONG_OPENER {
            let rest = visible.get(opener.end..).unwrap_or_default();
            let opening = openings.read("", rest, is_complete);
            if opening == Opening::Undecided {
                return Reading::Undecided(opener);
            }
            let follows = opener.is_there();
            // After a mere word of courtesy an answer is an answer; after more than that it may be more of the same.
            let is_open = if follows { !opening.is_answer() || opener.strength() > 0 } else { !opening.is_answer() };
            if !is_open || matches!(opening, Opening::Machine | Opening::Block(_) | Opening::Answer(Some(_))) {
                return Reading::Read(opener);
            }
            let Some(sentence) = self.sentence(rest, is_complete) else {
                // Numbers, code and questions are substance, whatever else the sentence will say.
                let is_content = rest.len() > LONG_SENTENCE || rest.contains(|c: char| c.is_ascii_digit() || c == '`');
                return if is_content || is_complete {
                    Reading::Read(opener)
                } else {
                    Reading::Undecided(self.so_far(opener, rest))
                };
            };
            let words = rest.get(..sentence.words).unwrap_or_default();
            let Some(part) = self.courtesy(words, opening.is_answer(), follows) else { return Reading::Read(opener) };
            opener.add(&part);
            opener.end += sentence.end;
        }
        if is_complete || opener.end >= LONG_OPENER { Reading::Read(opener) } else { Reading::Undecided(opener) }
    }

    /// What an opener amounts to with a sentence that has not ended, for whoever decides how long to wait.
    fn so_far(&self, mut opener: Opener, rest: &str) -> Opener {
        let part = self.measure(&straight(rest));
        opener.add(&part);
        opener.end += rest.len();
        opener
    }

    /// What a sentence adds to an opener; nothing if it is no courtesy.
    fn courtesy(&self, sentence: &str, begins_plainly: bool, follows: bool) -> Option<Opener> {
        let words = straight(sentence);
        if words.len() > LONG_SENTENCE || self.has_content(&words) {
            return None;
        }
        let part = self.measure(&words);
        let is_mere_form = !part.says_something();
        let states_fact = self.fact.is_match(words.as_bytes()) || begins_plainly;
        let adds_nothing = follows && part.strength() + part.apology == 0;
        (!(is_mere_form && states_fact || adds_nothing)).then_some(part)
    }

    fn has_content(&self, words: &str) -> bool {
        let rest = self.excused.replace_all(words.as_bytes(), &b""[..]);
        if self.content.is_match(&rest) {
            return true;
        }
        // A clause that says something of its own and shows no feeling with it; two words say something after "it's".
        words.split([',', ';']).skip(1).filter_map(|clause| clause.strip_prefix(' ')).any(|clause| {
            (clause.split_whitespace().nth(2).is_some()
                || ["it's ", "they're ", "there's "].iter().any(|is| clause.starts_with(is)))
                && self.statement.is_match(clause.as_bytes())
                && self.measure(clause).strength() == 0
                && !self.measure(clause).says_something()
        })
    }

    fn measure(&self, words: &str) -> Opener {
        Opener {
            apology: distinct(&self.apology, words),
            cheer: distinct(&self.cheer, words),
            praise: distinct(&self.praise, words),
            feeling: distinct(&self.feeling, words),
            intensifiers: distinct(&self.intensifier, words),
            exclamations: words.matches('!').count(),
            ..Opener::default()
        }
    }

    /// Where a greeting ends, once that is sure.
    pub(in crate::empathy) fn greeting_end(&self, visible: &str, is_complete: bool) -> Option<usize> {
        let found = self.greeting.find(visible.as_bytes())?;
        let end = found.end() + blank(visible.get(found.end()..).unwrap_or_default());
        let is_title = self.abbreviation.is_match(found.as_bytes());
        (!is_title && (end < visible.len() || is_complete)).then_some(end)
    }

    /// Where the first sentence of a text ends, with the white space after it, once that is sure.
    pub(super) fn sentence_end(&self, text: &str, is_complete: bool) -> Option<usize> {
        if text.is_empty() { None } else { self.sentence(text, is_complete).map(|sentence| sentence.end) }
    }

    /// The first sentence of a text, once its end is sure.
    fn sentence(&self, text: &str, is_complete: bool) -> Option<Sentence> {
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let rest = text.get(at..).unwrap_or_default();
            let words = match c {
                '.' | '!' | '?' | '…' => {
                    let marks = rest.len() - rest.trim_start_matches(['.', '!', '?', '…']).len();
                    let closed = rest.trim_start_matches(['.', '!', '?', '…']);
                    let closing = closed.len() - closed.trim_start_matches(['*', '_', '"', ')', '\'', '’', '”']).len();
                    let next = rest.get(marks + closing..).and_then(|after| after.chars().next());
                    let ends = next.map_or(is_complete, |next| next.is_whitespace() || is_symbol(next));
                    if next.is_none() && !is_complete {
                        return None;
                    }
                    let is_short = c == '.'
                        && marks == 1
                        && self.abbreviation.is_match(text.get(..=at).unwrap_or_default().as_bytes());
                    if !ends || is_short {
                        while chars.next_if(|(next, _)| *next < at + marks + closing).is_some() {}
                        continue;
                    }
                    at + marks + closing
                }
                '\n' => at,
                _ if is_symbol(c) && at > 0 => at,
                ' ' if rest.starts_with(" — ") || rest.starts_with(" – ") => {
                    let end = at + rest.chars().take(3).map(char::len_utf8).sum::<usize>();
                    return (end < text.len() || is_complete).then_some(Sentence { words: at, end });
                }
                _ => continue,
            };
            let end = words + blank(text.get(words..).unwrap_or_default());
            return (end < text.len() || is_complete).then_some(Sentence { words, end });
        }
        is_complete.then_some(Sentence { words: text.len(), end: text.len() })
    }
}

/// Where the words of a sentence end, and where the next one begins.
#[derive(Debug, Clone, Copy)]
struct Sentence {
    words: usize,
    end: usize,
}

/// How many bytes of white space and symbols a text begins with.
fn blank(text: &str) -> usize {
    text.len() - text.trim_start_matches(|c: char| c.is_whitespace() || is_symbol(c)).len()
}

/// Emoji and the like: what closes a sentence as a mark does.
fn is_symbol(c: char) -> bool {
    c == '\u{200d}' || (c > '\u{2190}' && is_decoration(c))
}

pub(super) fn straight(words: &str) -> String {
    words.replace(['\u{2018}', '\u{2019}'], "'")
}

/// How many different things a pattern finds.
fn distinct(pattern: &Regex, words: &str) -> usize {
    let mut found: Vec<&[u8]> = Vec::new();
    for word in pattern.find_iter(words.as_bytes()).map(|found| found.as_bytes()) {
        if !found.iter().any(|other| other.eq_ignore_ascii_case(word)) {
            found.push(word);
        }
    }
    found.len()
}
