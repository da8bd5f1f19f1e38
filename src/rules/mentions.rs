//! `mentions(turn.text, ["order", "deliver*"])`: whether a text has one of these words or phrases, whatever the case of its
//! letters; a star at the end stands for the rest of a word.

use std::any::Any;

use aho_corasick::AhoCorasick;
use cel::{
    ExecutionError,
    common::{
        ast::{Expr, IdedExpr, LiteralValue},
        types::{CelBool, CelList, CelString, Type},
        value::{CowVal, StaticVal, Val},
    },
};

/// The function's name.
pub(super) const NAME: &str = "mentions";

/// The type of a list of words that was made ready.
pub(super) static WORDS: Type = Type::new_unspecified_type("undertone.words");

/// Words and phrases, ready to be looked for.
#[derive(Debug, Clone)]
pub(super) struct Words {
    finder: AhoCorasick,
    /// Of each of them, whether it stands for words that begin so.
    is_open: Vec<bool>,
}

impl Words {
    /// These; nothing if they are more than can be looked for at once.
    pub(super) fn new<'w>(words: impl IntoIterator<Item = &'w str>) -> Option<Self> {
        let (words, is_open): (Vec<_>, Vec<_>) = words.into_iter().filter_map(read).unzip();
        Some(Self { finder: AhoCorasick::new(words).ok()?, is_open })
    }

    /// Whether a text has one of them.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let text = plain(text);
        let is_word = |found: aho_corasick::Match| {
            let is_open = self.is_open.get(found.pattern().as_usize()).is_some_and(|is_open| *is_open);
            stands_alone(&text, found.start(), found.end(), is_open)
        };
        self.finder.find_overlapping_iter(&text).any(is_word)
    }

    /// The list of words that is written out here.
    pub(super) fn written(list: &Expr) -> Option<Self> {
        let Expr::List(list) = list else { return None };
        let word = |part: &IdedExpr| match &part.expr {
            Expr::Literal(LiteralValue::String(word)) => Some(word.inner().to_owned()),
            _ => None,
        };
        let words: Vec<_> = list.elements.iter().map(word).collect::<Option<_>>()?;
        Self::new(words.iter().map(String::as_str))
    }
}

/// A word as it is looked for, and whether it stands for words that begin so; nothing if it is empty.
fn read(word: &str) -> Option<(String, bool)> {
    let (stem, is_open) = word.strip_suffix('*').map_or((word, false), |stem| (stem, true));
    (!word.trim_matches('*').is_empty()).then(|| (stem.to_lowercase(), is_open))
}

/// A text as words are looked for in it.
fn plain(text: &str) -> String {
    let text = text.to_lowercase();
    if text.contains(['\u{2018}', '\u{2019}']) { text.replace(['\u{2018}', '\u{2019}'], "'") } else { text }
}

/// Whether what was found is no part of another word.
fn stands_alone(text: &str, start: usize, end: usize, is_open: bool) -> bool {
    let begins = !text.get(..start).unwrap_or_default().ends_with(char::is_alphanumeric);
    begins && (is_open || !text.get(end..).unwrap_or_default().starts_with(char::is_alphanumeric))
}

/// Whether a text, as words are looked for in it, has a word. To make words ready costs more than to look for them once.
fn has(text: &str, word: &str) -> bool {
    let Some((word, is_open)) = read(word) else { return false };
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find(&word)) {
        let start = from + found;
        if stands_alone(text, start, start + word.len(), is_open) {
            return true;
        }
        from = text.ceil_char_boundary(start + 1);
    }
    false
}

/// The function, over words that are ready.
pub(super) fn mentions_ready<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [text, words] = &*args else { return Err(unlike(&args)) };
    match (text.downcast_ref::<CelString<'_>>(), words.downcast_ref::<Words>()) {
        (Some(text), Some(words)) => Ok(CowVal::owned(CelBool::from(words.are_in(text.inner())))),
        _ => Err(unlike(&args)),
    }
}

/// The function, over a list that is known only now.
pub(super) fn mentions_list<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [text, words] = &*args else { return Err(unlike(&args)) };
    let (Some(text), Some(words)) = (text.downcast_ref::<CelString<'_>>(), words.downcast_ref::<CelList<'_>>()) else {
        return Err(unlike(&args));
    };
    let text = plain(text.inner());
    let mut words = words.inner().iter().filter_map(|word| word.downcast_ref::<CelString<'_>>()).map(CelString::inner);
    Ok(CowVal::owned(CelBool::from(words.any(|word| has(&text, word)))))
}

fn unlike(args: &[CowVal<'_, '_>]) -> ExecutionError {
    ExecutionError::function_error(NAME, format!("a text and a list of words, not {} values", args.len()))
}

impl Val for Words {
    fn get_type(&self) -> &Type {
        Self::cel_type()
    }

    fn cel_type() -> &'static Type {
        &WORDS
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a text mentions one of these words, which is the same whether they are ready or not.
    fn mentions(text: &str, words: &[&str]) -> bool {
        let ready = Words::new(words.iter().copied()).unwrap().are_in(text);
        assert_eq!(ready, words.iter().any(|word| has(&plain(text), word)), "{text} {words:?}");
        ready
    }

    #[test]
    fn a_text_mentions_words_and_not_parts_of_them() {
        assert!(mentions("Where's my ORDER?", &["order"]) && mentions("It wasn\u{2019}t delivered", &["deliver*"]));
        assert!(mentions("It hasn't arrived.", &["hasn't arrive*"]) && mentions("STRAßE", &["straße"]));
        assert!(mentions("byebye bye bye", &["bye bye"]) && mentions("éé é é", &["é é"]));
        for (text, word) in [("Reorder it", "order"), ("orders", "order"), ("", "order"), ("a * b", "*"), ("x", "")] {
            assert!(!mentions(text, &[word]), "{text} {word}");
        }
    }

    #[test]
    fn one_of_several_is_enough_even_inside_another() {
        assert!(mentions("my order is late", &["reorder", "order"]));
        assert!(mentions("which one should I take", &["which one of", "one should"]));
        assert!(!mentions("preorders", &["order", "preorder"]) && mentions("preorders", &["order", "preorder*"]));
    }

    proptest::proptest! {
        #[test]
        fn words_that_are_ready_are_found_where_others_are(text in "[aAé' *]{0,12}", one in "[aé'*]{0,3}", two in "[aé *]{0,3}") {
            mentions(&text, &[&one, &two]);
        }
    }
}
