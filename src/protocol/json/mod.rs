//! Lenient reading of JSON in one pass, with the place of each value.
//!
//! Real bots and clients write a member twice (the last one counts), `1.0` or `"1"` for 1, `""` or `false` for none, or
//! a list where an object was expected. All of that is read; what is no JSON at all is not. Members nobody asked for
//! are skipped without being built, however deep they are.

mod content;
mod object;
mod raw;
mod walk;

use serde::Deserialize;

pub(crate) use self::raw::Raw;
pub(super) use self::{
    content::{content, first_text, said},
    object::{Any, First, List, Merge, Name, anything_else, object},
};
use super::{HandsOff, framing};

/// What the data of a frame is.
pub(super) enum Data<T> {
    /// What was expected.
    Read(T),
    /// Nothing, or a mark such as `[DONE]`.
    Nothing,
    /// Words, where JSON was expected.
    Words,
}

/// Reads the data of a frame.
///
/// # Errors
///
/// [`HandsOff::Unreadable`] if it is meant to be JSON and is not.
pub(super) fn read<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<Data<T>, HandsOff> {
    match data.trim_ascii() {
        [] | b"[DONE]" => Ok(Data::Nothing),
        [first, ..] if framing::begins_like_json(*first) => {
            serde_json::from_slice(data).map(Data::Read).map_err(|_| HandsOff::Unreadable)
        }
        _ => Ok(Data::Words),
    }
}

/// Reads the data of a frame; nothing if there is nothing in it for a reader. Words are noted: a reply without other text is
/// unreadable.
///
/// # Errors
///
/// [`HandsOff::Unreadable`] if it is meant to be JSON and is not.
pub(super) fn event<'a, T: Deserialize<'a>>(
    data: &'a [u8],
    absence: &mut Option<HandsOff>,
) -> Result<Option<T>, HandsOff> {
    match read(data)? {
        Data::Read(event) => return Ok(Some(event)),
        Data::Words => *absence = Some(HandsOff::Unreadable),
        Data::Nothing => {}
    }
    Ok(None)
}

#[cfg(test)]
#[expect(clippy::string_slice, reason = "a test fails by panicking")]
mod tests;
