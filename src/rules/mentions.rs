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
        let read = |word: &str| match word.strip_suffix('*') {
            Some(stem) => (stem.to_lowercase(), true),
            None => (word.to_lowercase(), false),
        };
        let words = words.into_iter().filter(|word| !word.trim_matches('*').is_empty());
        let (words, is_open): (Vec<_>, Vec<_>) = words.map(read).unzip();
        Some(Self { finder: AhoCorasick::new(words).ok()?, is_open })
    }

    /// Whether a text has one of them.
    fn are_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let text = match text.contains(['\u{2018}', '\u{2019}']) {
            true => text.replace(['\u{2018}', '\u{2019}'], "'"),
            false => text,
        };
        let is_word = |found: aho_corasick::Match| {
            let begins = !text.get(..found.start()).unwrap_or_default().ends_with(char::is_alphanumeric);
            let is_open = self.is_open.get(found.pattern().as_usize()).is_some_and(|is_open| *is_open);
            begins && (is_open || !text.get(found.end()..).unwrap_or_default().starts_with(char::is_alphanumeric))
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
    let words = words.inner().iter().filter_map(|word| word.downcast_ref::<CelString<'_>>()).map(CelString::inner);
    let words = Words::new(words).ok_or_else(|| unlike(&args))?;
    Ok(CowVal::owned(CelBool::from(words.are_in(text.inner()))))
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

    #[test]
    fn a_text_mentions_words_and_not_parts_of_them() {
        let mentions = |text: &str, word: &str| Words::new([word]).is_some_and(|words| words.are_in(text));
        assert!(mentions("Where's my ORDER?", "order") && mentions("It wasn\u{2019}t delivered", "deliver*"));
        assert!(mentions("It hasn't arrived.", "hasn't arrive*") && mentions("STRAßE", "straße"));
        for (text, word) in [("Reorder it", "order"), ("orders", "order"), ("", "order"), ("a * b", "*"), ("x", "")] {
            assert!(!mentions(text, word), "{text} {word}");
        }
    }

    #[test]
    fn one_of_several_is_enough_even_inside_another() {
        let mentions = |text: &str, words: &[&str]| Words::new(words.iter().copied()).is_some_and(|w| w.are_in(text));
        assert!(mentions("my order is late", &["reorder", "order"]));
        assert!(mentions("which one should I take", &["which one of", "one should"]));
        assert!(!mentions("preorders", &["order", "preorder"]) && mentions("preorders", &["order", "preorder*"]));
    }
}
