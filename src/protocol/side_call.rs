//! Which requests a program makes through the same endpoint, for its own ends: titles, tags, summaries, rewritten
//! questions, labels, verdicts. Nobody reads the answer as the reply to a turn, and a sentence in front of it would be
//! in a window's title, or in the way of a parser.
//!
//! They are told by the shape of their prompt (`side_calls.toml`); a client that makes them can say `undertone: off`
//! instead of being guessed at.

use std::sync::LazyLock;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

/// Beyond this many bytes at either end of a prompt nothing is looked for.
const LOOKED_AT: usize = 4 << 10;

struct Patterns {
    sure: Regex,
    hints: RegexSet,
    instructions: Regex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    sure: Vec<String>,
    hints: Vec<String>,
    instructions: Vec<String>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
    let source: Source = toml::from_str(include_str!("side_calls.toml")).expect("the built-in patterns are valid");
    let any = |patterns: &[String]| {
        let alternatives: Vec<_> = patterns.iter().map(|pattern| format!("(?:{pattern})")).collect();
        RegexBuilder::new(&alternatives.join("|")).case_insensitive(true).unicode(false).build()
    };
    let set = RegexSetBuilder::new(&source.hints).case_insensitive(true).unicode(false).build();
    let compiled = "the built-in patterns compile";
    #[expect(clippy::expect_used, reason = "the patterns are compiled in, and a test compiles them")]
    Patterns {
        sure: any(&source.sure).expect(compiled),
        hints: set.expect(compiled),
        instructions: any(&source.instructions).expect(compiled),
    }
});

/// Whether the newest message is a program's prompt, or the system's message says that a program reads every answer.
pub(super) fn is_side_call(turn: &str, instructions: Option<&str>) -> bool {
    let looked_at = ends(turn);
    PATTERNS.sure.is_match(&looked_at)
        || PATTERNS.hints.matches(&looked_at).iter().count() >= 2
        || instructions.is_some_and(|text| PATTERNS.instructions.is_match(&ends(text)))
}

/// Both ends of a long text; a short one whole.
fn ends(text: &str) -> std::borrow::Cow<'_, [u8]> {
    let bytes = text.as_bytes();
    let (head, tail) = (bytes.get(..LOOKED_AT), bytes.get(bytes.len().saturating_sub(LOOKED_AT)..));
    match (head, tail) {
        (Some(head), Some(tail)) if bytes.len() > 2 * LOOKED_AT => [head, b"\n", tail].concat().into(),
        _ => bytes.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_prompt_is_told_from_a_persons_turn() {
        for turn in [
            "Give the conversation a title of at most five words. Return the title only.\n\nConversation:\nUser: Hi\nAI: Hello",
            "Rewrite the last message as a question that can be read alone.\nHuman: Where is it?\nLast message: Still?\nQuestion:",
            "Sort the message into one of: delivery, billing, other.\nMessage: It is late!\nCategory:",
            "Rate from 1 to 5 how polite the customer is. Answer with the number.\nCustomer: You people!!",
            "### Task:\nMake a short title for this chat.",
            "Summarise this:\n<chat_history>\nUser: It is late\n</chat_history>",
            "Translate to French, no explanations: I am furious.",
        ] {
            assert!(is_side_call(turn, None), "{turn}");
        }
        let instructions = "Create a short title for the conversation. Respond with the title only.";
        assert!(is_side_call("This is so annoying.", Some(instructions)));
        for turn in [
            "My order is late.",
            "Can you rate the two plans for me? I only want the cheaper one.",
            "Please check whether my parcel has left. I'm furious.",
            "Give me the title of the book I bought, the invoice says nothing.",
            "Here are my details: order 4711, name Lena. It is STILL not here!!",
            "Question: why does nobody answer?",
            "Here is what your bot said:\n\"Have you tried turning it off?\"\nI am so fed up.",
            "Summarise my contract please, I'm worried I missed something.",
            "You are unbelievable. Answer me!",
        ] {
            assert!(!is_side_call(turn, Some("You are the assistant of a small shop. Be brief.")), "{turn}");
        }
    }

    #[test]
    fn a_long_prompt_is_looked_at_at_both_ends() {
        let long = format!("Sort it into one of: a, b.\n{}\nCategory:", "words ".repeat(10_000));
        assert!(is_side_call(&long, None));
        assert!(!is_side_call(&"words ".repeat(10_000), None));
    }
}
