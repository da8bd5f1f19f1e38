//! A long turn, one sentence at a time.

/// A turn of more words than this is read sentence by sentence: one felt sentence in a plain report is heard, and a
/// long plain report is not taken for a feeling. `docs/model.md` has the figures for both ways.
const LONG: usize = 40;
/// A turn is read in at most so many parts, for each costs a run of the engine: of more sentences, neighbours go
/// together.
const MOST: usize = 12;

/// The sentences of a long turn; a short one whole. A turn of more than 2 KiB comes here cut to its beginning and end.
///
/// A sentence ends at a full stop, an exclamation or question mark or an ellipsis with white space after it, or with its
/// line.
pub(super) fn sentences(turn: &str) -> Vec<&str> {
    if turn.split_whitespace().nth(LONG).is_none() {
        return vec![turn];
    }
    let ends = ends(turn);
    let mut sentences = Vec::new();
    let mut start = 0;
    for some in ends.chunks(ends.len().div_ceil(MOST)) {
        let end = some.last().copied().unwrap_or(start);
        sentences.extend(turn.get(start..end));
        start = end;
    }
    sentences
}

/// Where sentences with anything in them end; the last is the end of the turn.
fn ends(turn: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut is_blank, mut before) = (true, ' ');
    for (at, c) in turn.char_indices() {
        let is_end = c == '\n' || (c.is_whitespace() && matches!(before, '.' | '!' | '?' | '…'));
        if is_end && !is_blank {
            ends.push(at);
            is_blank = true;
        }
        is_blank &= c.is_whitespace();
        before = c;
    }
    if is_blank {
        ends.pop();
    }
    ends.push(turn.len());
    ends
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

    #[test]
    fn of_very_many_sentences_neighbours_go_together_and_nothing_is_lost() {
        for turn in
            ["a\n".repeat(1024), "It is so. ".repeat(50), "word ".repeat(50), format!("{}\n\n", "a ".repeat(60))]
        {
            let parts = sentences(&turn);
            assert!((1..=MOST).contains(&parts.len()), "{} parts", parts.len());
            assert_eq!(parts.concat(), turn);
        }
        assert_eq!(sentences(&"a\n".repeat(100)).len(), MOST);
    }
}
