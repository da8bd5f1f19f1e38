//! From a turn's text to token ids, however long the text is.

use std::borrow::Cow;

use super::capitals;

/// Bytes of text looked at for each token there is room for. English has 4 to 5 bytes a token, the longest scripts 12;
/// at 16 a text that is cut has filled the row, and a pasted log of megabytes costs what 2 KiB cost: under a millisecond.
const BYTES_PER_TOKEN: usize = 16;

/// A WordPiece tokenizer that keeps both ends of what is too long: people say how they feel when they start or when
/// they stop, and paste the log in between.
pub(crate) struct Tokenizer {
    inner: tokenizers::Tokenizer,
    cls: u32,
    sep: u32,
    max_tokens: usize,
}

impl Tokenizer {
    /// Reads `tokenizer.json`. Rows have at most `max_tokens` tokens, `[CLS]` and `[SEP]` included.
    ///
    /// # Errors
    ///
    /// One line that says what is wrong with the file.
    pub(crate) fn parse(json: &[u8], max_tokens: usize) -> Result<Self, String> {
        let mut inner = tokenizers::Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
        // The file's own limits would cut the end off, or pad what is padded here.
        inner.with_padding(None).with_truncation(None).map_err(|error| error.to_string())?;
        // Somebody who types [SEP] means five characters.
        inner.set_encode_special_tokens(true);
        let special = |token: &str| inner.token_to_id(token).ok_or_else(|| format!("it has no token {token}"));
        let (cls, sep) = (special("[CLS]")?, special("[SEP]")?);
        Ok(Self { inner, cls, sep, max_tokens })
    }

    /// The part of `text` that is looked at at all: all of it, or the beginning and the end.
    pub(crate) fn clip<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let text = text.trim();
        let most = BYTES_PER_TOKEN * self.max_tokens;
        if text.len() <= most {
            return Cow::Borrowed(text);
        }
        let (head, _) = text.split_at(text.floor_char_boundary(most / 2));
        // The space keeps the two from becoming a word that nobody wrote, and takes the place of one byte.
        let (_, tail) = text.split_at(text.ceil_char_boundary(text.len() - (most / 2 - 1)));
        Cow::Owned([head, " ", tail].concat())
    }

    /// The row for `text`, its capitals marked: `[CLS]`, its tokens, or the first and the last of them, `[SEP]`.
    ///
    /// # Errors
    ///
    /// What the tokenizer says; none is known for a model that loaded.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let marked = capitals::mark(&self.clip(text));
        let encoding = self.inner.encode_fast(marked, false).map_err(|error| error.to_string())?;
        let ids = encoding.get_ids();
        let room = self.max_tokens.saturating_sub(2);
        let (head, tail) = if ids.len() <= room {
            (ids, [].as_slice())
        } else {
            let (head, _) = ids.split_at(room.div_ceil(2));
            let (_, tail) = ids.split_at(ids.len() - (room / 2));
            (head, tail)
        };
        Ok([&[self.cls], head, tail, &[self.sep]].concat())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Knows a few words and the letters; the ids are the places in this list.
    const VOCABULARY: [&str; 15] =
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "begin", "middle", "end", "a", "b", "c", "[", "]", "sep", "😀", "⇧"];

    pub(crate) fn json() -> String {
        let vocabulary: serde_json::Map<_, _> =
            VOCABULARY.iter().enumerate().map(|(id, token)| ((*token).to_owned(), id.into())).collect();
        serde_json::json!({
            "version": "1.0", "truncation": {"max_length": 4, "stride": 0, "strategy": "LongestFirst", "direction": "Right"},
            "padding": null,
            "added_tokens": [{"id": 3, "content": "[SEP]", "special": true, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false}],
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": vocabulary},
        })
        .to_string()
    }

    fn tiny() -> Tokenizer {
        Tokenizer::parse(json().as_bytes(), 8).unwrap()
    }

    #[test]
    fn a_turn_stands_between_the_special_tokens() {
        assert_eq!(tiny().encode(" Begin end\n").unwrap(), [2, 4, 6, 3]);
    }

    #[test]
    fn text_without_words_is_the_special_tokens_alone() {
        for text in ["", " \t\r\n", "\u{200b}\u{0}"] {
            assert_eq!(tiny().encode(text).unwrap(), [2, 3], "{text:?}");
        }
    }

    #[test]
    fn a_long_turn_keeps_its_beginning_and_its_end() {
        assert_eq!(tiny().encode("begin a b c middle middle a b end").unwrap(), [2, 4, 7, 8, 7, 8, 6, 3]);
    }

    #[test]
    fn a_turn_that_just_fits_is_not_cut() {
        assert_eq!(tiny().encode("a b c a b c").unwrap(), [2, 7, 8, 9, 7, 8, 9, 3]);
    }

    #[test]
    fn what_is_far_too_long_is_cut_before_it_is_read_and_keeps_both_ends() {
        let tokenizer = tiny();
        let text = format!("begin a b {} a b end", "middle ".repeat(1_000_000));
        assert!(tokenizer.clip(&text).len() <= 8 * BYTES_PER_TOKEN);
        assert_eq!(tokenizer.encode(&text).unwrap(), [2, 4, 7, 8, 7, 8, 6, 3]);
    }

    #[test]
    fn the_cut_never_splits_a_character() {
        for lead in 0..5 {
            let text = "a".repeat(lead) + &"😀".repeat(1000) + &"b".repeat(lead);
            let clipped = tiny().clip(&text).into_owned();
            assert!(clipped.chars().all(|c| "ab😀 ".contains(c)), "{clipped}");
        }
    }

    #[test]
    fn a_special_token_typed_by_the_user_is_text() {
        assert_eq!(tiny().encode("[SEP]").unwrap(), [2, 10, 14, 12, 11, 3]);
    }

    #[test]
    fn a_broken_file_is_one_line() {
        for bad in ["", "{}", "[1]"] {
            let error = Tokenizer::parse(bad.as_bytes(), 8).map(|_| ()).unwrap_err();
            assert!(!error.contains('\n'), "{error}");
        }
        let without = json().replace("\"[CLS]\"", "\"[cls]\"");
        assert_eq!(Tokenizer::parse(without.as_bytes(), 8).map(|_| ()).unwrap_err(), "it has no token [CLS]");
    }
}
