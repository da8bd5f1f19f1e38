//! Rules as their author meets them: checked, explained and tried.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Output, Stdio},
};

use super::{failure, undertone};

/// The gallery, in the order of its names.
fn gallery() -> Vec<String> {
    let mut files: Vec<PathBuf> = fs::read_dir("examples/rules").unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "toml"));
    files.sort();
    assert!(files.len() >= 10, "{files:?}");
    files.into_iter().map(|file| file.to_str().unwrap().to_owned()).collect()
}

fn said(args: &[&str], files: &[String], input: &str) -> (bool, String) {
    let mut command = undertone(args);
    command.args(files).env("RUST_LOG", "off").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.success(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[test]
fn every_example_of_the_gallery_is_as_it_says() {
    let files = gallery();
    let (is_fine, checked) = said(&["rules", "check"], &files, "");
    assert!(is_fine && checked.lines().filter(|line| line.ends_with("no mistake")).count() == files.len(), "{checked}");
    let (is_fine, tried) = said(&["rules", "test"], &files, "");
    assert!(is_fine && tried.ends_with("each as it says\n"), "{tried}");
}

#[test]
fn a_rule_that_cannot_be_seen_to_have_spoken_is_remarked_on() {
    let rule = |say: &str| {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("unseen.toml");
        let text = "[[rule]]\nname = 'again'\nlayer = 'cognitive'\nwhen = 'signals.affirms'\nplace = 'end'\n";
        fs::write(&file, format!("{text}say = '{say}\n")).unwrap();
        said(&["rules", "check"], &[file.to_str().unwrap().to_owned()], "")
    };
    let (is_fine, checked) = rule("Anything? {{ turn.text }}'");
    assert!(
        is_fine && checked.contains("`again` has no 12 letters in a row, on one line, that it always says"),
        "{checked}"
    );
    // One that is seen, and one that need not rest.
    for say in ["Anything else? {{ turn.text }}'", "Anything? {{ turn.text }}'\ncool_down = 0"] {
        let (is_fine, checked) = rule(say);
        assert!(is_fine && checked.lines().count() == 1, "{checked}");
    }
}

#[test]
fn every_story_is_told_before_and_after_in_all_three_tones() {
    for file in gallery() {
        let text = fs::read_to_string(&file).unwrap();
        let is_whole =
            |example: &&str| ["formal = ", "collaborative = ", "warm = "].iter().all(|tone| example.contains(tone));
        assert!(text.split("[[example]]").skip(1).any(|example| is_whole(&example)), "{file}");
    }
}

#[test]
fn no_rule_of_the_gallery_speaks_in_ten_friendly_turns() {
    let turns = [
        ("Hi there", "Hello. What can I do for you?"),
        ("Do you sell tea?", "We do, green and black."),
        ("Nice. Which one do you like?", "Many customers take the green one."),
        ("I'll take the green one then.", "It is in your basket."),
        ("Great, thanks!", "You're welcome."),
        ("Is the shop open on Sunday?", "From 10 to 16."),
        ("Perfect.", "See you there."),
        ("It's for my sister, she loves tea.", "A card can be added at the till."),
        ("Oh that's lovely", "It costs one euro."),
        ("See you on Sunday", "See you on Sunday."),
    ];
    let mut history = Vec::new();
    let mut input = String::new();
    for (user, reply) in turns {
        input += &serde_json::json!({"user": user, "reply": reply, "history": history}).to_string();
        input.push('\n');
        history.push(serde_json::json!({"user": user, "reply": reply}));
    }
    let (is_fine, explained) = said(&["rules", "explain"], &gallery(), &input);
    assert!(is_fine, "{explained}");
    let replies: Vec<_> = explained.lines().filter(|line| !line.starts_with("  ")).collect();
    assert_eq!(replies, turns.map(|(_, reply)| reply));
    assert!(!explained.contains("  speaks"), "{explained}");
}

#[test]
fn explain_says_which_rules_hold_and_which_speaks() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.toml");
    let rule = |name: &str, rest: &str| {
        format!("[[rule]]\nname = \"{name}\"\nlayer = \"cognitive\"\nplace = \"end\"\n{rest}\n")
    };
    let text = "[facts]\ndue = { reply = \"/due\", type = \"date\" }\n".to_owned()
        + &rule("first", "when = \"turn.is_question\"\npriority = 2\nsay = \"First?\"")
        + &rule("second", "when = \"true\"\nsay = \"Second.\"")
        + &rule("due", "when = \"facts.due < now\"\nsay = \"Due.\"")
        + &rule("broken", "when = \"turn.words / 0 > 1\"\nsay = \"Broken.\"");
    fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap().to_owned();
    let (_, explained) = said(&["rules", "explain"], &[file], "{\"user\": \"Where is it?\", \"reply\": \"Here.\"}\n");
    let expected = "Here. First?\n  \
        first   speaks\n  \
        second  holds, but `first` goes before it\n  \
        due     does not hold: `due` is not there\n  \
        broken  fails: Division by zero of Int(3)\n";
    assert_eq!(explained, expected);
}

#[test]
fn a_mistake_in_a_rule_is_one_line_with_its_place_wherever_the_rule_stands() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let bad = "[[rule]]\nname = \"late\"\nlayer = \"procedural\"\nwhen = \"facts.due < now\"\nsay = \"Late.\"\n";
    fs::write(path("bad.toml"), bad).unwrap();
    fs::write(path("names.toml"), "upstream = \"http://127.0.0.1:1\"\nrules = [\"bad.toml\"]\n").unwrap();
    fs::write(path("inline.toml"), format!("upstream = \"http://127.0.0.1:1\"\n\n{bad}")).unwrap();
    let why = "`when`: the fact `due` is not declared; add it to [facts]\n";
    for (config, place) in [("names.toml", "bad.toml:4"), ("inline.toml", "inline.toml:6")] {
        let (code, said) = failure(&["serve", "--config", &path(config)]);
        assert_eq!((code, said), (Some(2), format!("undertone: {}: {why}", path(place))));
    }
    let (is_fine, checked) = said(&["rules", "check"], &[path("bad.toml")], "");
    assert!(!is_fine);
    assert_eq!(checked, format!("{}: {why}undertone: 1 file cannot be used\n", path("bad.toml:4")));
}

#[test]
fn an_example_that_comes_out_otherwise_is_shown_and_fails() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("rules.toml");
    let rule = "[[rule]]\nname = \"more\"\nlayer = \"cognitive\"\nwhen = \"true\"\nplace = \"end\"\nsay = \"More?\"\n";
    fs::write(&file, format!("{rule}[[example]]\nuser = \"Hi\"\nbot = \"It is here.\"\nwarm = \"It is here.\"\n"))
        .unwrap();
    let file = file.to_str().unwrap().to_owned();
    let (is_fine, tried) = said(&["rules", "test"], std::slice::from_ref(&file), "");
    let expected = format!(
        "{file}:7: warm\n  expected: It is here.\n  got:      It is here. More?\nundertone: 1 of 1 reading came out otherwise\n"
    );
    assert_eq!((is_fine, tried), (false, expected));
}
