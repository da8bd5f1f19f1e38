//! What a reasoning model thinks aloud at the beginning of its text, between `<think>` and `</think>`: not the reply.

const OPENS: &str = "<think>";
const CLOSES: &str = "</think>";

/// Follows the beginning of a text from piece to piece, to know where the visible part begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Reasoning {
    /// Too little has come to tell.
    #[default]
    Start,
    /// It is thinking.
    Inside,
    /// From here on the user reads.
    Over,
}

impl Reasoning {
    /// Takes a text's beginning so far, of which nothing before has been visible. How many bytes of it are certain not
    /// to be; call again with the rest and what comes after it until [`is_over`](Self::is_over).
    pub(crate) fn skip(&mut self, text: &str) -> usize {
        let mut skipped = 0;
        if matches!(self, Self::Start) {
            let visible = text.trim_start();
            if visible.starts_with(OPENS) {
                skipped = text.len() - visible.len() + OPENS.len();
                *self = Self::Inside;
            } else if visible.is_empty() || OPENS.starts_with(visible) {
                return 0;
            } else {
                *self = Self::Over;
            }
        }
        if let Self::Inside = self {
            let rest = text.get(skipped..).unwrap_or_default();
            match rest.find(CLOSES) {
                Some(at) => {
                    *self = Self::Over;
                    skipped += at + CLOSES.len();
                }
                // The tag may be cut: keep as much as could be its beginning.
                None => {
                    let kept = (1..CLOSES.len())
                        .rev()
                        .find(|length| CLOSES.get(..*length).is_some_and(|beginning| rest.ends_with(beginning)));
                    skipped += rest.len() - kept.unwrap_or(0);
                }
            }
        }
        skipped
    }

    /// Whether what follows is what the user reads.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// Whether it is certain that nothing has been visible so far.
    pub(crate) const fn is_inside(&self) -> bool {
        matches!(self, Self::Inside)
    }
}

/// Whether a text that begins with this piece ends a thought that it has not begun: some chat templates swallow the
/// opening tag. `raw` is the piece as it is written, in JSON or not. In a stream it mostly comes too late.
pub(crate) fn leaks(raw: &[u8]) -> bool {
    // Mostly there is nothing like it, in however long a text.
    if memchr::memmem::find(raw, b"/think").is_none() {
        return false;
    }
    let Ok(raw) = std::str::from_utf8(raw) else { return false };
    let opens = ["<think", "\\u003cthink", "\\u003Cthink"];
    let blank = raw.trim_start_matches([' ', '\n', '\r', '\t']);
    let blank = blank.trim_start_matches("\\n").trim_start();
    let closes = |before: &str| {
        let before = before.strip_suffix('\\').unwrap_or(before);
        before.ends_with('<') || before.ends_with("\\u003c") || before.ends_with("\\u003C")
    };
    let mut tags = raw.match_indices("/think").filter_map(|(at, _)| raw.get(..at));
    !opens.iter().any(|tag| blank.starts_with(tag)) && tags.any(closes)
}

/// The part of a whole text that the user reads.
pub(crate) fn visible(text: &str) -> &str {
    let mut reasoning = Reasoning::default();
    let skipped = reasoning.skip(text);
    if reasoning.is_inside() { "" } else { text.get(skipped..).unwrap_or_default() }
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_thought_is_not_what_is_said() {
        for (text, expected) in [
            ("Hello", "Hello"),
            ("<think>hm</think>\n\nHello", "\n\nHello"),
            (" <think></think>Hello", "Hello"),
            ("<think>hm", ""),
            ("<thin", "<thin"),
            ("<b>Hello", "<b>Hello"),
            ("Hello <think>no</think>", "Hello <think>no</think>"),
            ("", ""),
        ] {
            assert_eq!(visible(text), expected, "{text}");
        }
    }

    #[test]
    fn a_thought_that_ends_without_having_begun_is_seen_however_it_is_written() {
        for raw in [
            "The user is angry.</think>It left.",
            r"The user.\u003c/think\u003eIt left.",
            r"The user.<\/think>It left.",
            r"Hm.\u003C\/think\u003EIt left.",
        ] {
            assert!(leaks(raw.as_bytes()), "{raw}");
        }
        for raw in
            ["<think>Hm</think>It left.", r"\n<think>Hm</think>", r"\u003cthink\u003eHm\u003c/think", "and/think", ""]
        {
            assert!(!leaks(raw.as_bytes()), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(
            text in "(<think>|<thi)?(a|<|</th|</think>| |é){0,8}",
            cuts in proptest::collection::vec(0_usize..60, 0..6),
        ) {
            let mut borders: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            borders.retain(|border| text.is_char_boundary(*border));
            borders.sort_unstable();
            let (mut reasoning, mut kept) = (Reasoning::default(), String::new());
            for pair in borders.windows(2) {
                kept.push_str(&text[pair[0]..pair[1]]);
                if !reasoning.is_over() {
                    let skipped = reasoning.skip(&kept);
                    kept.drain(..skipped);
                }
            }
            let seen = if reasoning.is_inside() { "" } else { kept.as_str() };
            prop_assert_eq!(seen, visible(&text));
        }
    }
}
