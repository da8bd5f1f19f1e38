//! How a reply begins: with its answer, with a courtesy of the bot's own, or as something nothing may be put in front of.
//!
//! The patterns are data (`en/openers.toml`), compiled into one anchored automaton. It reads a reply's first bytes as they
//! come and says as early as it can: most replies leave every pattern at their first or second word. What kind of answer
//! follows ([`Shape`]) it tells only where those words show it.

use regex_automata::{
    Anchored, MatchKind,
    dfa::{Automaton, StartKind, dense},
    util::{primitives::StateID, start, syntax},
};
use serde::Deserialize;

use crate::empathy::Shape;

/// How a reply, or a sentence of it, begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::empathy) enum Opening {
    /// Too little of it is there to tell.
    Undecided,
    /// With its answer, in running text; of which shape, where that shows.
    Answer(Option<Shape>),
    /// With its answer, as a Markdown block (a list, a heading, a quotation, a table).
    Block(Option<Shape>),
    /// With regret, sympathy or claimed understanding.
    Sympathy,
    /// With another acknowledgment of the bot's own: thanks, praise, a plain confirmation.
    Acknowledgment,
    /// With what may become praise, enthusiasm or a claimed feeling: the whole sentence tells.
    Flourish,
    /// With a greeting: whatever came before it would come before the bot has said hello.
    Greeting,
    /// As JSON, markup or code.
    Machine,
}

impl Opening {
    /// Whether the answer begins here, or data: no courtesy in any case.
    pub(in crate::empathy) const fn is_answer(self) -> bool {
        matches!(self, Self::Answer(_) | Self::Block(_) | Self::Machine)
    }
}

/// The patterns that tell how a reply begins.
#[derive(Debug)]
pub(in crate::empathy) struct Openings(dense::DFA<Vec<u32>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patterns {
    machine: Vec<String>,
    list: Vec<String>,
    block: Vec<String>,
    sympathy: Vec<String>,
    acknowledgment: Vec<String>,
    flourish: Vec<String>,
    greeting: Vec<String>,
    question: Vec<String>,
    steps: Vec<String>,
    no: Vec<String>,
    done: Vec<String>,
    info: Vec<String>,
}

impl Patterns {
    /// In the order of [`MEANING`].
    fn in_order(&self) -> [&[String]; 12] {
        let Self { machine, list, block, sympathy, acknowledgment, flourish, greeting, .. } = self;
        let Self { question, steps, no, done, info, .. } = self;
        [machine, list, block, sympathy, acknowledgment, flourish, greeting, question, steps, no, done, info]
    }
}

/// What each pattern of the automaton stands for, by its index. Where two match at the same byte, the earlier counts.
const MEANING: [Opening; 12] = [
    Opening::Machine,
    Opening::Block(Some(Shape::Steps)),
    Opening::Block(None),
    Opening::Sympathy,
    Opening::Acknowledgment,
    Opening::Flourish,
    Opening::Greeting,
    Opening::Answer(Some(Shape::Question)),
    Opening::Answer(Some(Shape::Steps)),
    Opening::Answer(Some(Shape::No)),
    Opening::Answer(Some(Shape::Done)),
    Opening::Answer(Some(Shape::Info)),
];

impl Openings {
    /// The patterns that come with undertone, for English.
    ///
    /// # Panics
    ///
    /// Never: a test compiles the same patterns.
    pub(in crate::empathy) fn english() -> Self {
        #[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
        let patterns: Patterns =
            toml::from_str(include_str!("en/openers.toml")).expect("the built-in openers are valid");
        let any = |alternatives: &[String]| format!("(?:{})", alternatives.join("|"));
        #[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
        dense::Builder::new()
            // Bytes and ASCII are enough to tell English openers apart, and keep the automaton small.
            .syntax(syntax::Config::new().case_insensitive(true).unicode(false).utf8(false))
            .configure(dense::Config::new().start_kind(StartKind::Anchored).match_kind(MatchKind::All))
            .build_many(&patterns.in_order().map(any))
            .map(Self)
            .expect("the built-in openers compile")
    }

    /// Reads how a reply begins: its `visible` text, from its first character on, and the `blank` before that.
    /// `is_complete` says that no more of it will come.
    pub(in crate::empathy) fn read(&self, blank: &str, visible: &str, is_complete: bool) -> Opening {
        let indentation = blank.rsplit('\n').next().unwrap_or_default();
        if indentation.contains('\t') || indentation.len() >= 4 {
            return Opening::Machine;
        }
        let opening = self.run(visible, is_complete);
        let words = visible.trim_start_matches(is_decoration);
        if opening != Opening::Answer(None) || words.len() == visible.len() {
            return opening;
        }
        if words.is_empty() && !is_complete {
            return Opening::Undecided;
        }
        // Emphasis or an emoji may stand before the bot's own acknowledgment; a block or code it does not make.
        match self.run(words, is_complete) {
            Opening::Machine | Opening::Block(_) => Opening::Answer(None),
            opening => opening,
        }
    }

    /// Follows the automaton until it knows. An answer counts only once nothing stronger can match any more.
    fn run(&self, text: &str, is_complete: bool) -> Opening {
        let mut answer = Opening::Answer(None);
        let Ok(mut state) = self.0.start_state(&start::Config::new().anchored(Anchored::Yes)) else { return answer };
        let mut utf8 = [0; 4];
        for c in text.chars() {
            let c = if c == '\u{2019}' { '\'' } else { c };
            for byte in c.encode_utf8(&mut utf8).bytes() {
                state = self.0.next_state(state, byte);
                if self.0.is_match_state(state) {
                    match self.meaning(state) {
                        found @ Opening::Answer(_) => answer = found,
                        found => return found,
                    }
                } else if self.0.is_dead_state(state) || self.0.is_quit_state(state) {
                    return answer;
                }
            }
        }
        if !is_complete {
            return Opening::Undecided;
        }
        state = self.0.next_eoi_state(state);
        if self.0.is_match_state(state) { self.meaning(state) } else { answer }
    }

    fn meaning(&self, state: StateID) -> Opening {
        MEANING.get(self.0.match_pattern(state, 0).as_usize()).copied().unwrap_or(Opening::Answer(None))
    }
}

/// What may stand before a reply's first word without being one: emphasis, white space, symbols such as emoji.
pub(in crate::empathy) fn is_decoration(c: char) -> bool {
    matches!(c, '*' | '_') || c.is_whitespace() || (!c.is_ascii() && !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(openings: &Openings, reply: &str, is_complete: bool) -> Opening {
        let visible = reply.trim_start();
        openings.read(reply.strip_suffix(visible).unwrap(), visible, is_complete)
    }

    /// The kind of opening alone.
    fn kind(openings: &Openings, reply: &str, is_complete: bool) -> &'static str {
        match read(openings, reply, is_complete) {
            Opening::Undecided => "undecided",
            Opening::Answer(_) => "answer",
            Opening::Block(_) => "block",
            Opening::Sympathy | Opening::Acknowledgment => "acknowledgment",
            Opening::Flourish => "flourish",
            Opening::Greeting => "greeting",
            Opening::Machine => "machine",
        }
    }

    #[test]
    fn replies_are_told_apart_by_their_first_words() {
        let openers = Openings::english();
        for (reply, expected) in [
            ("Your order left today.", "answer"),
            ("It ships tomorrow.", "answer"),
            ("It must be returned within 30 days.", "answer"),
            ("I have found the order.", "answer"),
            ("25 MB inside, 10 MB outside.", "answer"),
            ("High demand: it ships tomorrow.", "answer"),
            ("Hi Lena! Your order left today.", "greeting"),
            ("Good morning! Your order left today.", "greeting"),
            ("Hello Tom, I completely understand how you feel.", "greeting"),
            ("**I'm so sorry** about that.", "acknowledgment"),
            ("_Sorry_ to hear that.", "acknowledgment"),
            ("😔 I am sorry.", "acknowledgment"),
            ("We regret the delay.", "acknowledgment"),
            ("Sounds frustrating.", "acknowledgment"),
            ("You have every right to be angry.", "acknowledgment"),
            ("One moment please.", "acknowledgment"),
            ("From Monday it is open.", "answer"),
            ("Use the app.", "answer"),
            ("Select a size from the menu.", "answer"),
            ("• one\n• two", "block"),
            ("**Steps:**\n1. a", "block"),
            ("**Steps** are below.", "answer"),
            ("(1) one", "block"),
            ("*Nearly* there: it ships tomorrow.", "answer"),
            ("#1 in the list is yours.", "answer"),
            ("I'm so sorry to hear that!", "acknowledgment"),
            ("I\u{2019}m really sorry.", "acknowledgment"),
            ("i am AWFULLY sorry.", "acknowledgment"),
            ("I am so, so sorry about that.", "acknowledgment"),
            ("Our sincerest apologies for the delay.", "acknowledgment"),
            ("We sincerely apologise.", "acknowledgment"),
            ("That must be incredibly frustrating.", "acknowledgment"),
            ("Unfortunately, that isn't possible.", "acknowledgment"),
            ("Sorry, that fee can't be waived.", "acknowledgment"),
            ("Thanks for waiting.", "acknowledgment"),
            ("What a great question!", "acknowledgment"),
            ("Got it. Blue in 42.", "acknowledgment"),
            ("Okay", "acknowledgment"),
            ("- one\n- two", "block"),
            ("1. one", "block"),
            ("15 of them.", "answer"),
            ("# Title", "block"),
            ("> quoted", "block"),
            ("| a | b |", "block"),
        ] {
            assert_eq!(kind(&openers, reply, true), expected, "{reply}");
        }
    }

    #[test]
    fn the_first_words_show_the_shape_of_an_answer_or_nothing_does() {
        let openings = Openings::english();
        for (reply, expected) in [
            ("Which order is it?", Some(Shape::Question)),
            ("Could you tell me the number?", Some(Shape::Question)),
            ("Please share your order number.", Some(Shape::Question)),
            ("Open Settings and tap Reset.", Some(Shape::Steps)),
            ("To reset it, open Settings.", Some(Shape::Steps)),
            ("We can't refund shipping.", Some(Shape::No)),
            ("No, that room is taken.", Some(Shape::No)),
            ("That isn't possible on this plan.", Some(Shape::No)),
            ("I've moved your appointment.", Some(Shape::Done)),
            ("It left the depot at 8.", Some(Shape::Info)),
            ("Your order left at 8.", None),
            ("What you need is a passport.", None),
            ("Pets are not allowed.", None),
        ] {
            assert_eq!(read(&openings, reply, true), Opening::Answer(expected), "{reply}");
        }
    }

    #[test]
    fn data_and_code_are_told_from_words() {
        let openers = Openings::english();
        for (reply, expected) in [
            ("\"quoted\"", "machine"),
            ("“quoted”", "machine"),
            ("json\n{\"a\": 1}", "machine"),
            ("[TOOL_CALLS][{}]", "machine"),
            ("[get_parcel(id=\"1\")]", "machine"),
            ("[Track it](https://x.example)", "machine"),
            ("![label](https://x.example/a.png)", "machine"),
            ("[Order 4711] has left.", "answer"),
            ("◁think▷ The user", "machine"),
            ("analysisThe user is angry.", "machine"),
            ("Analysis of the parcel is under way.", "answer"),
            ("Thought: the parcel must be tracked.", "machine"),
            ("Action: track\nAction Input: {}", "machine"),
            ("status: lost\nparcel: 4711", "machine"),
            ("Status: it is lost.", "answer"),
            ("id,status\n4711,lost", "machine"),
            ("UPDATE parcels SET status='lost'", "machine"),
            ("Update: it has left.", "answer"),
            ("print(\"hello\")", "machine"),
            ("curl -s http://x | jq .", "machine"),
            ("$x^2$", "machine"),
            ("$42.90 is on its way to you.", "answer"),
            ("&lt;b&gt;", "machine"),
            ("data:image/png;base64,iVBORw0KGgo=", "machine"),
            ("Order(s) 4711 left.", "answer"),
            ("    {\"a\": 1}", "machine"),
            ("#!/bin/bash\necho hi", "machine"),
            ("def f():", "machine"),
            ("SELECT * FROM t;", "machine"),
            ("diff --git a b", "machine"),
            ("---\ntitle: x", "machine"),
            ("\\[ x^2 \\]", "machine"),
            ("{\"status\": 1}", "machine"),
            ("  [1, 2]", "machine"),
            ("<think>", "machine"),
            ("```rust\n", "machine"),
            ("\n\n    code", "machine"),
        ] {
            assert_eq!(kind(&openers, reply, true), expected, "{reply}");
        }
    }

    #[test]
    fn a_reply_that_begins_with_its_answer_is_recognised_within_its_first_word() {
        let openers = Openings::english();
        for reply in ["Your o", "25 M", "Ship", "The ", "Or"] {
            assert_eq!(kind(&openers, reply, false), "answer", "{reply}");
        }
        for reply in ["I", "I'm", "I'm so", "Tha", "1", "#", "-"] {
            assert_eq!(kind(&openers, reply, false), "undecided", "{reply}");
        }
    }

    #[test]
    fn more_of_a_reply_never_changes_a_verdict() {
        let openers = Openings::english();
        for reply in ["Hi Ann, I'm so sorry about that.", "I haven't found it.", "1. one", "That is in the car park."] {
            let mut verdict = Opening::Undecided;
            for end in (0..=reply.len()).filter(|end| reply.is_char_boundary(*end)) {
                let (beginning, rest) = reply.split_at(end);
                let now = read(&openers, beginning, rest.is_empty());
                assert!(verdict == Opening::Undecided || now == verdict, "{beginning:?}: {verdict:?}, then {now:?}");
                verdict = now;
            }
        }
    }
}
