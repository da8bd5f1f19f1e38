//! What conditions and templates may speak of.

/// A name, the members that it has, and what it is, by the example of each.
pub(super) struct Variable {
    pub(super) name: &'static str,
    /// None where it is a plain value; the members of `facts` are those of the file.
    pub(super) members: &'static [&'static str],
    /// Whether it is known only once the reply is there.
    pub(super) is_of_reply: bool,
}

impl Variable {
    /// A member, for whoever forgot to name one.
    pub(super) fn example(&self) -> &'static str {
        self.members.first().copied().unwrap_or("name")
    }
}

const fn known(name: &'static str, members: &'static [&'static str]) -> Variable {
    Variable { name, members, is_of_reply: false }
}

/// Every variable.
pub(super) const VARIABLES: [Variable; 13] = [
    known("turn", &["text", "words", "ordinal", "is_question"]),
    known("sentiment", &["weight", "valence", "affect", "emotion", "target"]),
    known("history", &["user", "bot", "last_user", "last_bot"]),
    known("conversation", &["turns", "troubles", "acknowledged"]),
    known("pace", &["pauses", "cleared", "options"]),
    known("signals", &super::signals::NAMES),
    known("facts", &[]),
    known("tone", &[]),
    known("now", &[]),
    known("day", &[]),
    known("hour", &[]),
    known("minute", &[]),
    Variable {
        name: "reply",
        members: &["text", "length", "words", "shape", "options", "ends_with_question"],
        is_of_reply: true,
    },
];

pub(super) fn variable(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}

/// The known name that is most like the one written, as a hint; nothing if none is.
pub(super) fn hint<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let alike = known.into_iter().map(|known| (strsim::jaro_winkler(name, known), known));
    let near = alike.max_by(|(a, _), (b, _)| a.total_cmp(b)).filter(|(alike, _)| *alike > 0.8);
    near.map(|(_, known)| format!(" (did you mean `{known}`?)")).unwrap_or_default()
}
