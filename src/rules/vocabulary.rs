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

    /// How many names it has: its members', or its own.
    const fn names(&self) -> usize {
        if self.is_plain() { 1 } else { self.members.len() }
    }

    /// The place of a member among its names.
    const fn find(&self, member: &str) -> Option<usize> {
        if member.is_empty() && self.is_plain() {
            return Some(0);
        }
        let (mut at, mut left) = (0, self.members);
        while let [known, rest @ ..] = left {
            if is(known, member) {
                return Some(at);
            }
            at += 1;
            left = rest;
        }
        None
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
    pub(super) const COUNT: usize = {
        let (mut count, mut left) = (0, VARIABLES.as_slice());
        while let [variable, rest @ ..] = left {
            count += variable.names();
            left = rest;
        }
        count
    };

    /// A plain variable (of which the member is empty), or a member of another.
    pub(super) const fn find(variable: &str, member: &str) -> Option<Self> {
        let (mut before, mut left) = (0, VARIABLES.as_slice());
        while let [known, rest @ ..] = left {
            if is(known.name, variable) {
                return match known.find(member) {
                    Some(at) => Some(Self(before + at)),
                    None => None,
                };
            }
            before += known.names();
            left = rest;
        }
        None
    }

    /// The same, of one that is there, which is known when this is compiled.
    #[expect(clippy::expect_used, reason = "it is called in constants, and fails when they are compiled")]
    pub(super) const fn of(variable: &str, member: &str) -> Self {
        Self::find(variable, member).expect("a name that is known")
    }

    pub(super) fn numbered(number: usize) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    pub(super) const fn number(self) -> usize {
        self.0
    }
}

const fn is(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.as_bytes(), other.as_bytes());
    while let ([a, one_left @ ..], [b, other_left @ ..]) = (one, other)
        && *a == *b
    {
        (one, other) = (one_left, other_left);
    }
    one.is_empty() && other.is_empty()
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
