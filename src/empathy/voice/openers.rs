//! How a reply begins: plainly, with an acknowledgment of its own, or as something nothing may be put in front of.
//!
//! The patterns are data (`openers.toml`), compiled into one anchored automaton. It reads a reply's first bytes as they
//! come and says as early as it can: most replies leave every pattern at their first or second word.

use regex_automata::{
    Anchored, MatchKind,
    dfa::{Automaton, StartKind, dense},
    util::{start, syntax},
};
use serde::Deserialize;

/// How a reply begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::empathy) enum Opening {
    /// Too little of it is there to tell.
    Undecided,
    /// With its answer, in running text.
    Plain,
    /// With its answer, as a Markdown block (a list, a heading, a quotation, a table).
    Block,
    /// With an acknowledgment of the bot's own.
    Acknowledgment,
    /// With a greeting: whatever came before it would come before the bot has said hello.
    Greeting,
    /// As JSON, markup or code.
    Machine,
}

/// The patterns that tell how a reply begins.
#[derive(Debug)]
pub(in crate::empathy) struct Openers(dense::DFA<Vec<u32>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patterns {
    machine: Vec<String>,
    block: Vec<String>,
    acknowledgment: Vec<String>,
    greeting: Vec<String>,
}

/// What each pattern of the automaton stands for, by its index.
const MEANING: [Opening; 4] = [Opening::Machine, Opening::Block, Opening::Acknowledgment, Opening::Greeting];

impl Openers {
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
        let Patterns { machine, block, acknowledgment, greeting } = &patterns;
        #[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
        dense::Builder::new()
            // Bytes and ASCII are enough to tell English openers apart, and keep the automaton small.
            .syntax(syntax::Config::new().case_insensitive(true).unicode(false).utf8(false))
            .configure(dense::Config::new().start_kind(StartKind::Anchored).match_kind(MatchKind::All))
            .build_many(&[machine, block, acknowledgment, greeting].map(|alternatives| any(alternatives)))
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
        if opening != Opening::Plain || words.len() == visible.len() {
            return opening;
        }
        if words.is_empty() && !is_complete {
            return Opening::Undecided;
        }
        // Emphasis or an emoji may stand before the bot's own acknowledgment; a block or code it does not make.
        match self.run(words, is_complete) {
            Opening::Machine | Opening::Block => Opening::Plain,
            opening => opening,
        }
    }

    /// Follows the automaton until it knows.
    fn run(&self, text: &str, is_complete: bool) -> Opening {
        let Ok(mut state) = self.0.start_state(&start::Config::new().anchored(Anchored::Yes)) else {
            return Opening::Plain;
        };
        let mut utf8 = [0; 4];
        for c in text.chars() {
            let c = if c == '\u{2019}' { '\'' } else { c };
            for byte in c.encode_utf8(&mut utf8).bytes() {
                state = self.0.next_state(state, byte);
                if self.0.is_match_state(state) {
                    return self.meaning(state);
                }
                if self.0.is_dead_state(state) || self.0.is_quit_state(state) {
                    return Opening::Plain;
                }
            }
        }
        if !is_complete {
            return Opening::Undecided;
        }
        state = self.0.next_eoi_state(state);
        if self.0.is_match_state(state) { self.meaning(state) } else { Opening::Plain }
    }

    fn meaning(&self, state: regex_automata::util::primitives::StateID) -> Opening {
        MEANING.get(self.0.match_pattern(state, 0).as_usize()).copied().unwrap_or(Opening::Plain)
    }
}

/// What may stand before a reply's first word without being one: emphasis, white space, symbols such as emoji.
fn is_decoration(c: char) -> bool {
    matches!(c, '*' | '_') || c.is_whitespace() || (!c.is_ascii() && !c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::empathy::Phrasebook;

    fn read(openers: &Openers, reply: &str, is_complete: bool) -> Opening {
        let visible = reply.trim_start();
        openers.read(reply.strip_suffix(visible).unwrap(), visible, is_complete)
    }

    #[test]
    fn replies_are_told_apart_by_their_first_words() {
        let openers = Openers::english();
        for (reply, expected) in [
            ("Your order left today.", Opening::Plain),
            ("It ships tomorrow.", Opening::Plain),
            ("It must be returned within 30 days.", Opening::Plain),
            ("I have found the order.", Opening::Plain),
            ("25 MB inside, 10 MB outside.", Opening::Plain),
            ("High demand: it ships tomorrow.", Opening::Plain),
            ("Hi Lena! Your order left today.", Opening::Greeting),
            ("Good morning! Your order left today.", Opening::Greeting),
            ("Hello Tom, I completely understand how you feel.", Opening::Greeting),
            ("**I'm so sorry** about that.", Opening::Acknowledgment),
            ("_Sorry_ to hear that.", Opening::Acknowledgment),
            ("😔 I am sorry.", Opening::Acknowledgment),
            ("We regret the delay.", Opening::Acknowledgment),
            ("Sounds frustrating.", Opening::Acknowledgment),
            ("You have every right to be angry.", Opening::Acknowledgment),
            ("One moment please.", Opening::Acknowledgment),
            ("From Monday it is open.", Opening::Plain),
            ("Use the app.", Opening::Plain),
            ("Select a size from the menu.", Opening::Plain),
            ("• one\n• two", Opening::Block),
            ("**Steps:**\n1. a", Opening::Block),
            ("**Steps** are below.", Opening::Plain),
            ("(1) one", Opening::Block),
            ("*Nearly* there: it ships tomorrow.", Opening::Plain),
            ("#1 in the list is yours.", Opening::Plain),
            ("I'm so sorry to hear that!", Opening::Acknowledgment),
            ("I\u{2019}m really sorry.", Opening::Acknowledgment),
            ("i am AWFULLY sorry.", Opening::Acknowledgment),
            ("I am so, so sorry about that.", Opening::Acknowledgment),
            ("Our sincerest apologies for the delay.", Opening::Acknowledgment),
            ("We sincerely apologise.", Opening::Acknowledgment),
            ("That must be incredibly frustrating.", Opening::Acknowledgment),
            ("Unfortunately, that isn't possible.", Opening::Acknowledgment),
            ("Sorry, that fee can't be waived.", Opening::Acknowledgment),
            ("Thanks for waiting.", Opening::Acknowledgment),
            ("What a great question!", Opening::Acknowledgment),
            ("Got it. Blue in 42.", Opening::Acknowledgment),
            ("Okay", Opening::Acknowledgment),
            ("- one\n- two", Opening::Block),
            ("1. one", Opening::Block),
            ("15 of them.", Opening::Plain),
            ("# Title", Opening::Block),
            ("> quoted", Opening::Block),
            ("| a | b |", Opening::Block),
        ] {
            assert_eq!(read(&openers, reply, true), expected, "{reply}");
        }
    }

    #[test]
    fn what_undertone_says_is_an_acknowledgment_when_somebody_else_says_it() {
        let (openers, book) = (Openers::english(), Phrasebook::english());
        for said in book.sentences() {
            let reply = format!("{said} Your order left today.");
            assert_eq!(read(&openers, &reply, true), Opening::Acknowledgment, "{said}");
        }
    }

    #[test]
    fn data_and_code_are_told_from_words() {
        let openers = Openers::english();
        for (reply, expected) in [
            ("\"quoted\"", Opening::Machine),
            ("“quoted”", Opening::Machine),
            ("json\n{\"a\": 1}", Opening::Machine),
            ("[TOOL_CALLS][{}]", Opening::Machine),
            ("[get_parcel(id=\"1\")]", Opening::Machine),
            ("[Track it](https://x.example)", Opening::Machine),
            ("![label](https://x.example/a.png)", Opening::Machine),
            ("[Order 4711] has left.", Opening::Plain),
            ("◁think▷ The user", Opening::Machine),
            ("analysisThe user is angry.", Opening::Machine),
            ("Analysis of the parcel is under way.", Opening::Plain),
            ("Thought: the parcel must be tracked.", Opening::Machine),
            ("Action: track\nAction Input: {}", Opening::Machine),
            ("status: lost\nparcel: 4711", Opening::Machine),
            ("Status: it is lost.", Opening::Plain),
            ("id,status\n4711,lost", Opening::Machine),
            ("UPDATE parcels SET status='lost'", Opening::Machine),
            ("Update: it has left.", Opening::Plain),
            ("print(\"hello\")", Opening::Machine),
            ("curl -s http://x | jq .", Opening::Machine),
            ("$x^2$", Opening::Machine),
            ("$42.90 is on its way to you.", Opening::Plain),
            ("&lt;b&gt;", Opening::Machine),
            ("data:image/png;base64,iVBORw0KGgo=", Opening::Machine),
            ("Order(s) 4711 left.", Opening::Plain),
            ("    {\"a\": 1}", Opening::Machine),
            ("#!/bin/bash\necho hi", Opening::Machine),
            ("def f():", Opening::Machine),
            ("SELECT * FROM t;", Opening::Machine),
            ("diff --git a b", Opening::Machine),
            ("---\ntitle: x", Opening::Machine),
            ("\\[ x^2 \\]", Opening::Machine),
            ("{\"status\": 1}", Opening::Machine),
            ("  [1, 2]", Opening::Machine),
            ("<think>", Opening::Machine),
            ("```rust\n", Opening::Machine),
            ("\n\n    code", Opening::Machine),
        ] {
            assert_eq!(read(&openers, reply, true), expected, "{reply}");
        }
    }

    #[test]
    fn a_reply_that_begins_with_its_answer_is_recognised_within_its_first_word() {
        let openers = Openers::english();
        for reply in ["Your o", "25 M", "Ship", "The ", "Or"] {
            assert_eq!(read(&openers, reply, false), Opening::Plain, "{reply}");
        }
        for reply in ["I", "I'm", "I'm so", "Tha", "1", "#", "-"] {
            assert_eq!(read(&openers, reply, false), Opening::Undecided, "{reply}");
        }
    }

    #[test]
    fn more_of_a_reply_never_changes_a_verdict() {
        let openers = Openers::english();
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
