//! The second step of a decision: the beginning of the reply in, a change out.

use std::{ops::Range, sync::Arc};

use super::{
    Intent, Interjection, Place, Policy, Saying, Shape, Silence, Toning, Weight,
    voice::{Opener, Opening, Reading},
};

/// White space at the head of a reply up to this many bytes is repeated after the sentence that goes before its first
/// word, so that the reply still stands apart as its author meant it to.
const REPEATED: usize = 16;

/// An opener whose level exceeds the turn's affect (three times its weight) by this much is out of proportion. Levels
/// and affects are graded alike, 0 to 3, and two grades are too many; half a grade is left for what weights are worth.
const EXCESS: f32 = 1.5;

/// Up to which weight a turn is matter-of-fact, and no praise is called for.
const PLAIN: f32 = 0.3;

/// What the beginning of a reply makes of an [`Intent`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Review {
    /// Too little of the reply is there to tell.
    Wait,
    /// The reply gushes: where its opener ends is worth waiting for.
    WaitForEnd,
    /// Nothing.
    Leave(Silence),
    /// This change.
    Change(Change),
    /// This change if the reply goes on, and nothing if it is over: some single words are answers to a program.
    ChangeIfMore(Change),
}

/// One change of a reply's text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Which bytes of the text go; none where something is only put in.
    pub cut: Range<usize>,
    /// What comes in their place.
    pub put: String,
    /// What this is, for whoever tells of it.
    pub adjustment: Adjustment,
    /// What is said with it, if anything.
    pub saying: Option<Arc<Saying>>,
    /// What a rule says with it, if one does.
    pub interjection: Option<Arc<Interjection>>,
}

impl Change {
    /// The text with the change made. `text` begins with what was reviewed.
    #[must_use]
    pub fn apply(&self, text: &str) -> String {
        let (before, after) = (text.get(..self.cut.start), text.get(self.cut.end..));
        match (before, after) {
            (Some(before), Some(after)) => [before, &self.put, after].concat(),
            _ => text.to_owned(),
        }
    }
}

/// What can be done to a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Adjustment {
    /// A sentence is put before it.
    Prepend,
    /// An opener of its own that is out of proportion is taken out, or replaced by a sentence in proportion.
    Soften,
    /// A rule's words are put behind it.
    Append,
    /// A rule's words stand in its place.
    Replace,
}

impl Adjustment {
    /// The name, as in the `undertone` response header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepend => "prepend",
            Self::Soften => "soften",
            Self::Append => "append",
            Self::Replace => "replace",
        }
    }
}

impl Policy {
    /// Decides from the beginning of the reply's visible text. `is_complete` says that no more of it will come.
    ///
    /// More of a reply never changes what was decided from less of it, and a complete one is always decided.
    #[must_use]
    pub fn review(&self, intent: &Intent, beginning: &str, is_complete: bool) -> Review {
        let visible = beginning.trim_start_matches(is_invisible);
        if visible.is_empty() {
            return if is_complete { Review::Leave(Silence::Empty) } else { Review::Wait };
        }
        let blank = beginning.strip_suffix(visible).unwrap_or_default();
        let reply = Reply { intent, blank, visible, is_complete };
        if let Some(instead) = intent.interjection.as_ref().filter(|rule| rule.place == Place::Instead) {
            return match () {
                () if !is_complete => Review::Wait,
                () if self.may_follow(visible) => Review::Change(reply.replace(instead)),
                () => Review::Leave(Silence::Structured),
            };
        }
        let interjects = intent.before_answer().is_some();
        match self.voice.openings.read(blank, visible, is_complete) {
            Opening::Undecided => Review::Wait,
            Opening::Machine => Review::Leave(intent.silence().unwrap_or(Silence::Structured)),
            Opening::Block(_) if intent.is_danger() => reply.speak(0, None, true),
            _ if intent.is_danger() => reply.speak(0, None, false),
            Opening::Answer(shape) => reply.speak(0, self.shape(&reply, 0, shape), false),
            Opening::Block(shape) => reply.speak(0, self.block_shape(&reply, 0, shape), true),
            Opening::Sympathy if self.tolerates_sympathy(intent) && !interjects => reply.acknowledged(),
            Opening::Sympathy | Opening::Acknowledgment if self.toning == Toning::Off && !interjects => {
                reply.acknowledged()
            }
            opening => match self.voice.courtesy.read(&self.voice.openings, visible, is_complete) {
                Reading::Undecided(opener) if self.is_excessive(intent, &opener) => Review::WaitForEnd,
                Reading::Undecided(_) => Review::Wait,
                Reading::Read(opener) => self.judge(&reply, opening, &opener),
            },
        }
    }

    /// What kind of answer a whole reply gives, where that shows.
    pub(crate) fn shape_of(&self, reply: &str) -> Option<Shape> {
        let intent = &Intent::new(Weight::clamped(0.0), false, Silence::Pleasant, |_| None);
        let visible = reply.trim_start_matches(is_invisible);
        let reply = Reply { intent, blank: "", visible, is_complete: true };
        match self.voice.openings.read("", visible, true) {
            Opening::Answer(shape) => self.shape(&reply, 0, shape),
            Opening::Block(shape) => self.block_shape(&reply, 0, shape),
            Opening::Undecided | Opening::Machine => None,
            _ => match self.voice.courtesy.read(&self.voice.openings, visible, true) {
                Reading::Read(opener) => self.shape(&reply, opener.end, None),
                Reading::Undecided(_) => None,
            },
        }
    }

    /// Whether a whole reply is for people, so that words may stand behind it.
    pub(crate) fn may_follow(&self, reply: &str) -> bool {
        let visible = reply.trim_start_matches(is_invisible);
        let is_machine = matches!(self.voice.openings.read("", visible, true), Opening::Machine);
        !visible.is_empty() && !is_machine && !is_verdict(visible)
    }

    /// What becomes of a reply with this opener.
    fn judge(&self, reply: &Reply<'_>, opening: Opening, opener: &Opener) -> Review {
        let rest = reply.visible.get(opener.end..).unwrap_or_default();
        let answer = self.voice.openings.read("", rest, reply.is_complete);
        if opener.is_there() {
            // What would be left must be something, and an opener in proportion is all the acknowledgment there need be.
            if rest.is_empty() || !self.is_excessive(reply.intent, opener) {
                return match (reply.intent.before_answer(), answer) {
                    (None, _) => reply.acknowledged(),
                    _ if rest.is_empty() => reply.acknowledged(),
                    (Some(_), Opening::Undecided) => Review::Wait,
                    (Some(rule), answer) => {
                        let at = if rule.place == Place::Front { opener.greeting } else { opener.end };
                        reply.put_in(at, None, matches!(answer, Opening::Block(_)) && at > 0)
                    }
                };
            }
            return match answer {
                Opening::Undecided => Review::WaitForEnd,
                Opening::Answer(shape) => {
                    let shape = self.shape(reply, opener.end, shape);
                    reply.soften(opener, Opening::Answer(shape), self.toning)
                }
                Opening::Block(shape) => {
                    let shape = self.block_shape(reply, opener.end, shape);
                    reply.soften(opener, Opening::Block(shape), self.toning)
                }
                _ => reply.soften(opener, answer, self.toning),
            };
        }
        match (opener.greeting, opening, answer) {
            (0, Opening::Greeting, _) => Review::Leave(reply.intent.silence().unwrap_or(Silence::Greeting)),
            (0, Opening::Flourish, _) => reply.speak(0, self.shape(reply, 0, None), false),
            (0, ..) if reply.intent.before_answer().is_some() => reply.put_in(0, None, false),
            (0, ..) => reply.acknowledged(),
            (_, _, Opening::Undecided) => Review::Wait,
            _ if rest.is_empty() => Review::Leave(reply.intent.silence().unwrap_or(Silence::Greeting)),
            (end, _, Opening::Answer(shape)) if reply.stands_apart(end) => {
                reply.speak(end, self.shape(reply, end, shape), false)
            }
            (end, _, Opening::Block(shape)) => reply.speak(end, self.block_shape(reply, end, shape), true),
            (_, _, Opening::Machine) => Review::Leave(reply.intent.silence().unwrap_or(Silence::Structured)),
            (_, _, Opening::Answer(_)) => Review::Leave(reply.intent.silence().unwrap_or(Silence::Greeting)),
            _ => reply.acknowledged(),
        }
    }

    /// The shape of an answer that begins at this byte of the visible text: by its first words, where they show it, else
    /// by as much of its first two sentences as is there.
    fn shape(&self, reply: &Reply<'_>, at: usize, shown: Option<Shape>) -> Option<Shape> {
        match shown {
            Some(Shape::Question | Shape::Steps | Shape::No) => shown,
            Some(Shape::Done | Shape::Info) | None => {
                let answer = reply.visible.get(at..).unwrap_or_default();
                self.voice.answers.read(&self.voice.courtesy, answer, reply.is_complete).or(shown)
            }
        }
    }

    /// The shape of a block that begins at this byte of the visible text: a list is one of steps only where its first item
    /// is one.
    fn block_shape(&self, reply: &Reply<'_>, at: usize, shown: Option<Shape>) -> Option<Shape> {
        shown.filter(|_| self.voice.answers.is_steps(reply.visible.get(at..).unwrap_or_default()))
    }

    /// Whether no sympathy can be out of proportion, so that none need be read to its end.
    fn tolerates_sympathy(&self, intent: &Intent) -> bool {
        !intent.is_pleasant && 3.0 - 3.0 * intent.weight.get() < EXCESS
    }

    /// Whether an opener shows more feeling than the turn calls for, or another mood.
    fn is_excessive(&self, intent: &Intent, opener: &Opener) -> bool {
        if self.toning == Toning::Off || intent.is_wordless {
            return false;
        }
        let level = f32::from(opener.level());
        let weight = intent.weight.get();
        let is_felt = opener.level() >= 2;
        let is_loud = level - 3.0 * weight >= EXCESS;
        let is_flattery = opener.praises() && weight < PLAIN;
        let is_cheer_to_trouble = is_felt && opener.is_cheerful() && weight >= PLAIN && !intent.is_pleasant;
        let is_pity_to_joy = is_felt && opener.is_sorry() && intent.is_pleasant;
        is_loud || is_flattery || is_cheer_to_trouble || is_pity_to_joy
    }
}

/// The beginning of a reply under review.
struct Reply<'a> {
    intent: &'a Intent,
    blank: &'a str,
    visible: &'a str,
    is_complete: bool,
}

impl Reply<'_> {
    fn acknowledged(&self) -> Review {
        Review::Leave(self.intent.silence().unwrap_or(Silence::Acknowledged))
    }

    /// Puts a sentence before what begins at this byte of the visible text.
    fn speak(&self, at: usize, shape: Option<Shape>, is_block: bool) -> Review {
        let saying = self.intent.before(shape);
        if saying.is_none() && self.intent.before_answer().is_none() {
            return Review::Leave(self.intent.silence().unwrap_or(Silence::NoLine));
        }
        self.put_in(at, saying, is_block)
    }

    /// Puts this sentence, and what a rule says before the answer, before what begins at this byte of the visible text.
    fn put_in(&self, at: usize, saying: Option<&Arc<Saying>>, is_block: bool) -> Review {
        let separator = match self.apart(at) {
            blank if blank.contains('\n') && blank.len() <= REPEATED => blank,
            _ if is_block => "\n\n",
            blank if at == 0 && !blank.is_empty() && blank.len() <= REPEATED => blank,
            _ => " ",
        };
        let place = self.blank.len() + at;
        let change = Change {
            cut: place..place,
            put: self.said(saying, separator),
            adjustment: Adjustment::Prepend,
            saying: saying.cloned(),
            interjection: self.intent.before_answer().cloned(),
        };
        match (at == 0 && is_verdict(self.visible), self.is_complete) {
            (true, true) => Review::Leave(Silence::OneWord),
            (true, false) => Review::ChangeIfMore(change),
            (false, _) => Review::Change(change),
        }
    }

    /// Takes the opener out, and puts the sentence in its place that is in proportion, if there is one.
    fn soften(&self, opener: &Opener, answer: Opening, toning: Toning) -> Review {
        let saying = match answer {
            Opening::Answer(shape) | Opening::Block(shape) if toning == Toning::Full => self.intent.before(shape),
            _ => None,
        };
        let separator = match self.apart(opener.end) {
            blank if blank.contains('\n') && blank.len() <= REPEATED => blank,
            _ if matches!(answer, Opening::Block(_)) => "\n\n",
            _ => " ",
        };
        Review::Change(Change {
            cut: self.blank.len() + opener.greeting..self.blank.len() + opener.end,
            put: self.said(saying, separator),
            adjustment: Adjustment::Soften,
            saying: saying.cloned(),
            interjection: self.intent.before_answer().cloned(),
        })
    }

    /// A rule's words in the place of all that is visible.
    fn replace(&self, rule: &Arc<Interjection>) -> Change {
        Change {
            cut: self.blank.len()..self.blank.len() + self.visible.len(),
            put: rule.text.clone(),
            adjustment: Adjustment::Replace,
            saying: None,
            interjection: Some(Arc::clone(rule)),
        }
    }

    /// A sentence, what is said right after it, what a rule says before or after both, and what keeps it apart from what
    /// follows; nothing where there are no words.
    fn said(&self, saying: Option<&Arc<Saying>>, separator: &str) -> String {
        let rule = self.intent.before_answer();
        let at = |place| rule.filter(|rule| rule.place == place).map(|rule| rule.text.as_str());
        let sentence = saying.map(|saying| saying.sentence.as_str());
        let then = saying.and_then(|saying| saying.then.as_deref());
        // What a colon announces is the answer.
        let announces = sentence.is_some_and(|sentence| sentence.ends_with(':'));
        let (between, after) = if announces { (at(Place::After), None) } else { (None, at(Place::After)) };
        let words = [at(Place::Front), between, sentence, then, after];
        let words: Vec<_> = words.into_iter().flatten().collect();
        if words.is_empty() { String::new() } else { words.join(" ") + separator }
    }

    /// The white space before this byte of the visible text.
    fn apart(&self, at: usize) -> &str {
        let before = self.visible.get(..at).filter(|before| !before.is_empty()).unwrap_or(self.blank);
        before.get(before.trim_end().len()..).unwrap_or_default()
    }

    /// Whether a sentence can stand between a greeting that ends here and what follows it.
    fn stands_apart(&self, greeting: usize) -> bool {
        let (hello, rest) = self.visible.split_at_checked(greeting).unwrap_or((self.visible, ""));
        let goes_on = hello.trim_end().ends_with(',') && !self.apart(greeting).contains('\n');
        !goes_on || rest.starts_with(|c: char| !c.is_lowercase())
    }
}

/// White space, and what some models put before their first word without anybody seeing it.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}')
}

/// Words with which programs are answered, and which people are not left alone with.
const VERDICTS: [&str; 26] = [
    "allow",
    "allowed",
    "block",
    "blocked",
    "correct",
    "deny",
    "denied",
    "fail",
    "false",
    "incorrect",
    "irrelevant",
    "mixed",
    "negative",
    "neutral",
    "no",
    "none",
    "null",
    "ok",
    "okay",
    "pass",
    "positive",
    "relevant",
    "safe",
    "true",
    "unsafe",
    "yes",
];

/// Whether there is nothing so far but one word such as programs read: a label in small letters or in capitals, a
/// number, an address, or a verdict. A word that begins like a sentence is none.
fn is_verdict(visible: &str) -> bool {
    let word = visible.split(is_invisible).next().unwrap_or_default();
    let has_more = visible.get(word.len()..).is_some_and(|rest| !rest.trim_start_matches(is_invisible).is_empty());
    if has_more || !word.is_ascii() {
        return false;
    }
    let mut letters = word.chars();
    let begins_sentence = letters.next().is_some_and(|c| c.is_ascii_uppercase())
        && letters.next().is_some_and(|c| c.is_ascii_lowercase() || c == '\'');
    !begins_sentence || VERDICTS.iter().any(|verdict| begins_with(verdict, word))
}

/// Whether `text` begins with this, whatever the case of its letters.
fn begins_with(text: &str, beginning: &str) -> bool {
    text.get(..beginning.len()).is_some_and(|head| head.eq_ignore_ascii_case(beginning))
}

#[cfg(test)]
#[path = "review_tests.rs"]
mod tests;
