//! A long turn, one sentence at a time.

/// A turn of more words than this is read sentence by sentence: one felt sentence in a plain report is heard, and a
/// long plain report is not taken for a feeling. `docs/model.md` has the figures for both ways.
const LONG: usize = 40;

/// The sentences of a long turn; a short one whole.
///
/// A sentence ends at a full stop, an exclamation or question mark or an ellipsis with white space after it, or with its
/// line.
pub(super) fn sentences(turn: &str) -> Vec<&str> {
    if turn.split_whitespace().nth(LONG).is_none() {
        return vec![turn];
    }
    let mut sentences = Vec::new();
    let (mut start, mut before) = (0, ' ');
    for (at, c) in turn.char_indices() {
        if c == '\n' || (c.is_whitespace() && matches!(before, '.' | '!' | '?' | '…')) {
            sentences.extend(turn.get(start..at));
            start = at;
        }
        before = c;
    }
    sentences.extend(turn.get(start..));
    sentences.retain(|sentence| !sentence.trim().is_empty());
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_turn_is_one() {
        let turn = "I waited. All day! Why?\n";
        assert_eq!(sentences(turn), [turn]);
        assert_eq!(sentences(""), [""]);
    }

    #[test]
    fn a_long_turn_is_cut_where_sentences_and_lines_end() {
        let turn = format!("{}3.5 GB.\n\nI am done… Why?! Tell me", "plain ".repeat(40));
        let parts: Vec<_> = sentences(&turn).into_iter().map(str::trim).collect();
        assert!(parts[0].ends_with("3.5 GB."));
        assert_eq!(parts[1..], ["I am done…", "Why?!", "Tell me"]);
    }
}
