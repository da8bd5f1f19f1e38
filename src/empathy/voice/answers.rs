//! What kind of answer a reply gives, by its first two sentences, where they are there without any waiting.
//!
//! The patterns are data (`en/answers.toml`).

use serde::Deserialize;

use super::{
    courtesy::{Courtesy, straight},
    patterns::{Pattern, built_in},
};
use crate::empathy::Shape;

/// The patterns, compiled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::empathy) struct Answers {
    no: Pattern,
    reassuring: Pattern,
    done: Pattern,
    conditional: Pattern,
    steps: Pattern,
}

/// How much of an answer is read, in bytes: nothing may grow with a reply.
const READ: usize = 500;

impl Answers {
    /// The patterns that come with undertone, for English.
    ///
    /// # Panics
    ///
    /// Never: a test compiles the same patterns.
    pub(in crate::empathy) fn english() -> Self {
        built_in(include_str!("en/answers.toml"))
    }

    /// Whether a list tells what to do: by its first item, where that is there.
    pub(in crate::empathy) fn is_steps(&self, list: &str) -> bool {
        let end = list.char_indices().map(|(at, _)| at).take_while(|at| *at <= READ).last().unwrap_or_default();
        self.steps.is_match(format!("\n{}", list.get(..end).unwrap_or_default()).as_bytes())
    }

    /// The shape of an answer, if what is there of it shows that.
    pub(in crate::empathy) fn read(&self, courtesy: &Courtesy, answer: &str, is_complete: bool) -> Option<Shape> {
        let (answer, is_complete) = match answer.char_indices().find(|(at, _)| *at >= READ) {
            Some((end, _)) => (answer.get(..end).unwrap_or_default(), true),
            None => (answer, is_complete),
        };
        let first = courtesy.sentence_end(answer, is_complete)?;
        let second = answer.get(first..).and_then(|rest| courtesy.sentence_end(rest, is_complete));
        let words = answer.get(..first + second.unwrap_or_default()).unwrap_or_default();
        let is_question = answer.get(..first).is_some_and(|first| first.trim_end().ends_with('?'));
        let words = straight(words);
        if is_question {
            return Some(Shape::Question);
        }
        if self.no.is_match(&self.reassuring.replace_all(words.as_bytes(), &b" "[..])) {
            return Some(Shape::No);
        }
        if second.is_none() && !is_complete {
            return None;
        }
        Some(match () {
            () if self.steps.is_match(answer.as_bytes()) => Shape::Steps,
            () if self.done.is_match(&self.conditional.replace_all(words.as_bytes(), &b" "[..])) => Shape::Done,
            () => Shape::Info,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_sentences_show_what_an_answer_is() {
        let (answers, courtesy) = (Answers::english(), Courtesy::english());
        for (answer, expected) in [
            ("Pets are not allowed in the rooms.", Shape::No),
            ("A refund can only be issued after the 10-day search period.", Shape::No),
            ("Flight LX318 was cancelled because of a technical fault. The next one leaves at 21:40.", Shape::No),
            ("Application L-88410 was declined. You can apply again from 1 September.", Shape::No),
            ("The knee clinic has nothing earlier than 6 August.", Shape::No),
            ("Order 4711 is two days behind schedule. The new date is Thursday.", Shape::No),
            ("Her card ending in 6610 is cancelled, and nothing more will be taken from it.", Shape::Done),
            ("Workspace \"prod-eu\" is being restored from the backup of 14:00.", Shape::Done),
            ("The first column is the booking date, the second the value date.", Shape::Info),
            ("Your order left at 8:10 and should be with you before noon.", Shape::Info),
            ("You haven't missed it. The deadline is Friday.", Shape::Info),
            ("Your data was not affected.", Shape::Info),
            ("You don't need to do anything, the refund is already on its way.", Shape::Done),
            ("Your room is ready? Then ask at the desk.", Shape::Question),
            ("The way is this:\n- open the app\n- tap Cards", Shape::Steps),
        ] {
            assert_eq!(answers.read(&courtesy, answer, true), Some(expected), "{answer}");
        }
        assert_eq!(answers.read(&courtesy, "Your order left at 8:10 and", false), None);
        assert_eq!(answers.read(&courtesy, "Your order left at 8:10. It", false), None, "bad news may follow");
        assert_eq!(answers.read(&courtesy, "Pets are not allowed. The", false), Some(Shape::No));
    }
}
