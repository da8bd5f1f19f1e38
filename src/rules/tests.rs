use super::*;
use crate::{
    conversation::{Memory, Pace, Past, TextHash},
    empathy::{Policy, Weight},
    protocol::{Speaker, Turn, Utterance},
    sentiment::Sentiment,
};

/// A rule with these lines of its own.
fn rule(name: &str, lines: &str) -> String {
    format!("[[rule]]\nname = '{name}'\nlayer = 'cognitive'\n{lines}\n")
}

fn mistake(text: &str) -> String {
    Rules::from_toml(text).unwrap_err().to_string()
}

fn said(text: &str) -> Turn {
    Turn { text: text.to_owned(), ..Turn::default() }
}

/// What the rules in a text make of a turn and a reply: what is said, and what failed.
fn decided(text: &str, turn: &Turn, memory: &Memory, facts: &str, stage: Stage<'_>) -> Decided {
    let rules = Rules::from_toml(text).unwrap();
    let (policy, sentiment) = (Policy::default(), Sentiment::default());
    let known = Known {
        policy: &policy,
        turn,
        sentiment: &sentiment,
        weight: Weight::of(&sentiment),
        memory,
        pace: Pace::default(),
        now: 1_000_000,
    };
    let facts = FactValues(rules.0.facts.in_request(&http::HeaderMap::new(), facts.as_bytes()));
    let opened = rules.open(&known, facts);
    let (explained, decided) = (opened.explain(stage), opened.decide(stage));
    // To explain is to ask on; it changes nothing.
    assert_eq!((&explained.emotional, &explained.other), (&decided.emotional, &decided.other));
    explained
}

fn other(text: &str, turn: &str, reply: &str) -> Option<String> {
    let decided = decided(text, &said(turn), &Memory::default(), "{}", Stage::Whole(reply));
    decided.other.map(|other| format!("{}: {}", other.rule, other.text))
}

#[test]
fn a_rule_that_cannot_work_is_refused_with_the_line_that_is_wrong() {
    for (text, expected) in [
        (rule("a", "when = 'true'"), "line 1: missing key `say`"),
        (rule("a", "wen = 'true'\nsay = 'x'"), "line 4: unknown key `wen` (did you mean `when`?)"),
        (
            rule("A b", "when = 'true'\nsay = 'x'"),
            "line 2: `A b` cannot be told in a header; name a rule with small letters, digits and `-`, 40 at most",
        ),
        (
            rule("a", "when = 'signls.affirms'\nsay = 'x'"),
            "line 4: `when`: `signls` is not known (did you mean `signals`?)",
        ),
        (
            rule("a", "when = 'signals.affirm'\nsay = 'x'"),
            "line 4: `when`: `signals` has no `affirm` (did you mean `affirms`?)",
        ),
        (
            rule("a", "when = 'facts.due > now'\nsay = 'x'"),
            "line 4: `when`: the fact `due` is not declared; add it to [facts]",
        ),
        (
            rule("a", "when = 'turn.words'\nsay = 'x'"),
            "line 4: `when`: a condition is true or false, and this is a int; compare it with something",
        ),
        (rule("a", "when = 'true'\nsay = 'Hello {{ name }}.'"), "line 5: `say`: `name` is not known"),
        (
            rule("a", "when = 'true'\nsay = '{{ turn.word }}.'"),
            "line 5: `say`: `turn` has no `word` (did you mean `words`?)",
        ),
        (
            rule("a", "when = 'true'\nsay = '{{ facts.x }}.'"),
            "line 5: `say`: the fact `x` is not declared; add it to [facts]",
        ),
        (
            rule("a", "when = 'true'\nonce = true\ncool_down = 3\nsay = 'x'"),
            "line 1: `once` is for good; leave out `cool_down`",
        ),
        (
            "[facts]\nx = { type = 'text' }".to_owned(),
            "line 2: a fact stands somewhere: say `request` or `reply` with a JSON Pointer, or `request_header` or \
             `reply_header` with a name",
        ),
        (
            "[facts]\nx = { request = '/a', reply = '/b', type = 'text' }".to_owned(),
            "line 2: a fact stands in one place; leave out all but one of them",
        ),
        (
            rule("a", "when = 'true'\nsay = 'x'") + &rule("a", "when = 'true'\nsay = 'x'"),
            "line 7: another rule is called `a`",
        ),
    ] {
        assert_eq!(mistake(&text), expected, "{text}");
    }
}

#[test]
fn what_does_not_parse_or_fit_is_refused_where_it_stands() {
    let parse = mistake(&rule("a", "when = '''\ntrue &&\n  (turn.words >'''\nsay = 'x'"));
    assert!(parse.starts_with("line 6: `when`: "), "{parse}");
    let tone =
        mistake(&(rule("a", "when = 'true'") + "[rule.say]\nformal = 'x'\ncollaborative = 'y'\nwarm = '{{ z }}'\n"));
    assert_eq!(tone, "line 8: `say`: `z` is not known");
    Rules::from_toml(&rule("a", "when = 'turn.text.lowerAscii().startsWith(\"order\")'\nsay = 'x'")).unwrap();
    let types = mistake(&rule("a", "when = 'true || turn.text > 3'\nsay = 'x'"));
    assert!(types.starts_with("line 4: `when`: ") && types.contains("no matching overload"), "{types}");
    let mixed = mistake(&rule("a", "when = 'true || turn.words * 0.5 > 3.0'\nsay = 'x'"));
    assert_eq!(
        mixed,
        "line 4: `when`: `*` does not take a whole number and a fraction; write 2.0 for 2, or `double(…)`"
    );
    let sum = mistake(&rule("a", "when = 'turn.text + 1 == \"a1\"'\nsay = 'x'"));
    assert_eq!(sum, "line 4: `when`: `+` does not take a text and a whole number");
    Rules::from_toml(&rule("a", "when = 'double(turn.words) * 0.5 > 3.0'\nsay = 'x'")).unwrap();
    let function = mistake(&rule("a", "when = 'shout(turn.text)'\nsay = 'x'"));
    assert!(function.contains("shout"), "{function}");
    let template = mistake(&rule("a", "when = 'true'\nsay = '{{ turn.text'"));
    assert!(template.starts_with("line 5: `say`: syntax error"), "{template}");
    let filter = mistake(&rule("a", "when = 'true'\nsay = '{{ turn.text | shout }}'"));
    assert!(filter.starts_with("line 5: `say`: unknown filter"), "{filter}");
}

#[test]
fn conditions_are_bounded_in_length_parts_and_loops() {
    let when = |when: &str| mistake(&rule("a", &format!("when = '{when}'\nsay = 'x'")));
    assert!(when(&format!("true{}", " && true".repeat(300))).contains("2,000 bytes"));
    assert!(when(&format!("1{} > 0", "+1".repeat(600))).contains("500 parts"));
    let loops = "reply.options.all(a, reply.options.all(b, reply.options.all(c, true)))";
    assert!(when(loops).contains("loops in loops in loops"));
    assert!(
        when("turn.text.split(\"\").all(letter, letter != \"x\")").contains("a loop runs over a list that is there")
    );
    // Whatever the depth, the parser says no and does not overflow.
    when(&format!("{}true{}", "(".repeat(900), ")".repeat(900)));
}

#[test]
fn the_highest_priority_speaks_and_of_the_same_the_first() {
    let text = rule("a", "when = 'true'\nsay = 'A.'")
        + &rule("b", "when = 'turn.words == 1'\npriority = 5\nsay = 'B.'")
        + &rule("c", "when = 'true'\npriority = 5\nsay = 'C.'");
    assert_eq!(other(&text, "hello", "Hi."), Some("b: B.".to_owned()));
    assert_eq!(other(&text, "hello you", "Hi."), Some("c: C.".to_owned()));
    let decided = decided(&text, &said("hello"), &Memory::default(), "{}", Stage::Whole("Hi."));
    let why: Vec<_> = decided.why.iter().map(|(name, why)| (&**name, why.clone())).collect();
    let outranked = || Why::Outranked("b".into());
    assert_eq!(why, [("b", Why::Speaks), ("c", outranked()), ("a", outranked())]);
}

#[test]
fn one_rule_acknowledges_and_one_other_speaks() {
    let text = rule("a", "when = 'true'\nsay = 'A.'").replace("cognitive", "emotional")
        + &rule("b", "when = 'true'\nsay = 'B.'")
        + &rule("c", "when = 'true'\nsay = 'C.'").replace("cognitive", "procedural");
    let decided = decided(&text, &said("hello"), &Memory::default(), "{}", Stage::Whole("Hi."));
    assert_eq!(decided.emotional.unwrap().text, "A.");
    assert_eq!(decided.other.unwrap().text, "B.");
}

#[test]
fn a_fact_that_is_not_there_is_no_failure_and_what_cannot_be_said_is_one() {
    let text = "[facts]\ndue = { request = '/due', type = 'date' }\n".to_owned()
        + &rule("late", "when = 'facts.due + 1 * day < now'\nsay = 'Due {{ facts.due | date }}.'")
        + &rule("broken", "when = 'turn.words / (turn.words - 1) > 0'\nsay = 'x'")
        + &rule("long", "when = 'true'\nsay = '{{ turn.text * 700 }}'");
    let turn = said("hello");
    let seen = |facts: &str| decided(&text, &turn, &Memory::default(), facts, Stage::Whole("Hi."));
    assert_eq!(seen(r#"{"due":"1970-01-02"}"#).other.unwrap().text, "Due 2 January.");
    assert_eq!(seen(r#"{"due":"1970-01-12"}"#).other, None, "the day is not over");
    let without = seen("{}");
    assert_eq!(without.why.first().unwrap().1, Why::Missing("due".to_owned()));
    assert_eq!(without.failed, ["broken".into(), "long".into()]);
}

#[test]
fn a_template_has_what_it_names_wherever_it_names_it() {
    let facts = "[facts]\ntags = { request = '/tags', type = 'list' }\n";
    let reply = "- one\n- two\n- three";
    for (says, expected) in [
        ("{{ facts.tags[:2] | join(', ') }}", "a, b"),
        ("{{ turn.text[:3] }}, {{ reply.options[1:] | join(' or ') }}", "I d, two or three"),
        ("{% set tone = tone | upper %}{{ tone }}", "COLLABORATIVE"),
        ("{% with facts = facts.tags %}{{ facts | length }}{% endwith %}", "3"),
        ("{% filter replace('X', facts.tags[0]) %}Not X{% endfilter %}", "Not a"),
        ("{{ turn['words'] }} {{ signals['options'] }}", "4 True"),
    ] {
        let text = format!("{facts}{}", rule("a", &format!("when = 'true'\nplace = 'end'\nsay = \"{says}\"")));
        let turn = said("I do not know");
        let decided = decided(&text, &turn, &Memory::default(), r#"{"tags":["a","b","c"]}"#, Stage::Whole(reply));
        assert_eq!(decided.other.map(|other| other.text.clone()).as_deref(), Some(expected), "{says}");
    }
}

#[test]
fn who_stands_behind_the_one_that_speaks_is_not_asked() {
    let text =
        [rule("first", "when = 'true'\nsay = 'x'\npriority = 1"), rule("fails", "when = 'now / 0 > 1'\nsay = 'x'")];
    let rules = Rules::from_toml(&text.concat()).unwrap();
    let (policy, sentiment, memory, turn) = (Policy::default(), Sentiment::default(), Memory::default(), said("Hi"));
    let known = Known {
        policy: &policy,
        turn: &turn,
        sentiment: &sentiment,
        weight: Weight::of(&sentiment),
        memory: &memory,
        pace: Pace::default(),
        now: 1,
    };
    let opened = rules.open(&known, FactValues::default());
    assert_eq!(opened.decide(Stage::Begins).failed, []);
    assert_eq!(opened.explain(Stage::Begins).failed.len(), 1);
}

#[test]
fn what_names_the_signals_or_the_reply_whole_waits_for_the_reply() {
    let facts = "[facts]\nsteps = { reply = '/steps', type = 'list' }\n";
    for says in ["{{ signals['options'] }}", "{{ facts['steps'] }}", "{{ reply.text[:9] }}", "{{ reply['words'] }}"] {
        let text = facts.to_owned() + &rule("a", &format!("when = 'true'\nplace = 'end'\nsay = \"{says}\""));
        let begins = decided(&text, &said("Hello"), &Memory::default(), "{}", Stage::Begins);
        assert_eq!(begins.why.first().map(|(_, why)| why.clone()), Some(Why::NeedsReply), "{says}");
    }
}

#[test]
fn a_rule_that_has_spoken_rests_by_memory_and_by_history() {
    let text = rule("a", "when = 'true'\ncool_down = 2\nsay = 'Anything else, {{ turn.words }}?'")
        + &rule("b", "when = 'true'\nonce = true\nsay = 'By the way: {{ turn.words }}.'");
    let asked = |turn: &Turn, memory: &Memory| {
        decided(&text, turn, memory, "{}", Stage::Whole("Hi.")).other.map(|other| other.rule.to_string())
    };
    let mut memory = Memory::default();
    let mut heard = Vec::new();
    for _ in 0..7 {
        let rule = asked(&said("hello"), &memory);
        memory.add(Past { rules: rule.iter().map(|rule| TextHash::new(rule)).collect(), ..Past::default() });
        heard.push(rule.unwrap_or_default());
    }
    assert_eq!(heard, ["a", "b", "", "a", "", "", "a"]);

    let history = |bot: &str, turns: usize| {
        let mut turn = said("hello");
        for number in 0..turns {
            turn.history.push(Utterance::new(Speaker::User, format!("turn {number}")));
            let text = if number == 0 { bot } else { "It left." };
            turn.history.push(Utterance::new(Speaker::Bot, text.to_owned()));
        }
        turn
    };
    let memory = Memory::default();
    assert_eq!(asked(&history("It left. Anything else, 3?", 1), &memory).as_deref(), Some("b"));
    assert_eq!(asked(&history("It left. Anything else, 3?", 3), &memory).as_deref(), Some("a"));
    assert_eq!(asked(&history("It left. Something else, 3?", 1), &memory).as_deref(), Some("a"));
}

#[test]
fn a_stream_is_asked_before_it_begins_and_when_it_ends() {
    let text = rule("front", "when = 'reply.words > 1'\nsay = 'A.'")
        + &rule("instead", "when = 'true'\nplace = 'instead'\nsay = 'B.'")
        + &rule("end", "when = 'reply.ends_with_question'\nplace = 'end'\nsay = 'C.'")
        + &rule("said", "when = 'true'\nplace = 'end'\nsay = '{{ reply.words }} words.'");
    let at = |stage| decided(&text, &said("hello"), &Memory::default(), "{}", stage);
    let begins = at(Stage::Begins);
    assert_eq!(begins.other, None);
    let why: Vec<_> = begins.why.into_iter().map(|(_, why)| why).collect();
    assert_eq!(why, [Why::NeedsWhole, Why::NeedsWhole, Why::NeedsReply, Why::NeedsReply]);
    assert_eq!(at(Stage::Ends("Is it?")).other.unwrap().text, "C.");
    assert_eq!(at(Stage::Ends("It is so.")).other.unwrap().text, "3 words.");
    assert_eq!(at(Stage::Whole("It is so.")).other.unwrap().text, "A.");
}

mod signals {
    use super::*;

    /// The signals of a turn after this conversation, user and bot in turn.
    fn of(turn: &str, before: &[&str]) -> String {
        let mut turn = said(turn);
        for (number, text) in before.iter().enumerate() {
            let speaker = if number % 2 == 0 { Speaker::User } else { Speaker::Bot };
            turn.history.push(Utterance::new(speaker, (*text).to_owned()));
        }
        let names = ["repeats", "doubts", "misunderstood", "negative", "stuck", "affirms", "asks_person"];
        let rules: String = names
            .iter()
            .map(|name| rule(&name.replace('_', "-"), &format!("when = 'signals.{name}'\nsay = 'x'")))
            .collect();
        let decided = decided(&rules, &turn, &Memory::default(), "{}", Stage::Whole("Hi."));
        let holds = decided.why.iter().filter(|(_, why)| matches!(why, Why::Speaks | Why::Outranked(_)));
        holds.map(|(name, _)| &**name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_turn_is_what_its_words_make_it() {
        for (turn, expected) in [
            ("Where is my order?", ""),
            ("yes", "affirms"),
            ("Yes, please.", "affirms"),
            ("ok thanks", "affirms"),
            ("Thank you so much for your help!", "affirms"),
            ("That's right.", "affirms"),
            ("Thanks for nothing", ""),
            ("Yes, but where is it?", ""),
            ("Can I talk to a real person?", "asks-person"),
            ("agent", "asks-person"),
            ("I want to speak with your manager now", "asks-person"),
            ("How many people work there?", ""),
            ("Which agent handles returns in Leeds?", ""),
            ("This is useless", "negative"),
            ("That's not what I meant", "misunderstood"),
            ("?", ""),
        ] {
            assert_eq!(of(turn, &[]), expected, "{turn}");
        }
    }

    #[test]
    fn a_doubt_follows_an_answer() {
        let before = ["Where is it?", "It left on Monday."];
        for doubt in ["?", "??", "Huh?", "what do you mean?", "are you sure?", "I don't understand"] {
            assert_eq!(of(doubt, &before), "doubts", "{doubt}");
            assert_eq!(of(doubt, &[]), "", "{doubt}");
        }
        assert_eq!(of("What do you mean by tracked?", &before), "");
    }

    #[test]
    fn the_same_question_in_nearly_the_same_words_is_a_repeat() {
        let before = ["Where is my order 1042?", "We are looking into it."];
        assert_eq!(of("where is my order 1042", &before), "repeats");
        assert_eq!(of("So where is my order 1042 now?", &before), "repeats");
        assert_eq!(of("Where is your shop?", &before), "");
        assert_eq!(of("Can I change order 1042?", &before), "");
    }

    #[test]
    fn three_messages_in_a_row_that_lead_nowhere_are_stuck() {
        let before =
            ["How do I cancel my plan?", "Plans are monthly.", "how do i cancel my plan", "Plans are monthly."];
        assert_eq!(of("That's not what I asked, how do I cancel my plan", &before), "repeats misunderstood stuck");
        assert_eq!(of("Which plan is the cheapest?", &before), "");
        let moved = ["How do I cancel my plan?", "Plans are monthly.", "And what is it?", "It is the basic one."];
        assert_eq!(of("And what is it?", &moved), "repeats");
    }
}
