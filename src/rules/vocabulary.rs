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
    /// Whether it has no members.
    pub(super) const fn is_plain(&self) -> bool {
        self.members.is_empty() && !is(self.name, FACTS)
    }

    /// A member, for whoever forgot to name one.
    pub(super) fn example(&self) -> &'static str {
        self.members.first().copied().unwrap_or("name")
    }
}

/// The variable whose members are those of the file.
pub(super) const FACTS: &str = "facts";

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
    known(FACTS, &[]),
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

/// Where the value of a variable or of its member is kept: its number among all of them. Facts are kept by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(usize);

impl Name {
    /// How many there are.
    pub(super) const COUNT: usize = first_of(VARIABLES.len());

    /// A plain variable (of which the member is empty), or a member of another.
    pub(super) fn find(variable: &str, member: &str) -> Option<Self> {
        let number = VARIABLES.iter().position(|known| known.name == variable)?;
        let at = match member {
            "" if VARIABLES.get(number)?.is_plain() => 0,
            _ => VARIABLES.get(number)?.members.iter().position(|known| *known == member)?,
        };
        Some(Self(FIRST.get(number)? + at))
    }

    /// The same, of one that is known when this is compiled.
    pub(super) const fn of(variable: &str, member: &str) -> Self {
        let mut number = 0;
        while !is(VARIABLES[number].name, variable) {
            number += 1;
        }
        let mut at = 0;
        while !member.is_empty() && !is(VARIABLES[number].members[at], member) {
            at += 1;
        }
        Self(first_of(number) + at)
    }

    pub(super) fn numbered(number: usize) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    pub(super) const fn number(self) -> usize {
        self.0
    }
}

/// The number of each variable's first name.
const FIRST: [usize; VARIABLES.len()] = {
    let mut first = [0; VARIABLES.len()];
    let mut number = 0;
    while number < VARIABLES.len() {
        first[number] = first_of(number);
        number += 1;
    }
    first
};

const fn first_of(number: usize) -> usize {
    let (mut before, mut at) = (0, 0);
    while at < number {
        before += if VARIABLES[at].is_plain() { 1 } else { VARIABLES[at].members.len() };
        at += 1;
    }
    before
}

const fn is(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

pub(super) fn variable(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name)
}

/// The known name that is most like the one written, as a hint; nothing if none is.
pub(super) fn hint<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let alike = known.into_iter().map(|known| (strsim::jaro_winkler(name, known), known));
    let near = alike.max_by(|(a, _), (b, _)| a.total_cmp(b)).filter(|(alike, _)| *alike > 0.8);
    near.map(|(_, known)| format!(" (did you mean `{known}`?)")).unwrap_or_default()
}
