use super::*;

/// A phrasebook with enough plain lines, and these in a section.
fn book(section: &str, lines: &str) -> (Phrasebook, String) {
    let plain = "[{ weight = 0.3, say = 'Here it is.' }, { weight = 0.3, say = 'The answer follows.' }]";
    let text = format!(
        "language = 'en'\nnaming = 0.4\n[problem]\nformal = {plain}\ncollaborative = {plain}\nwarm = \
         {plain}\n[{section}]\n{lines}\n"
    );
    (Phrasebook::from_toml(&text).unwrap(), text)
}

/// The remarks on these lines, without those on how many there are.
fn remarked(section: &str, lines: &str, heard: f32) -> Vec<String> {
    let (book, text) = book(section, lines);
    let heard = vec![heard; book.all().count()];
    let remarks = book.remarks(&text, &heard).into_iter();
    remarks
        .filter(|remark| remark.line == 8 && !matches!(remark.fault, Fault::TooFew { .. }))
        .map(|remark| remark.fault.to_string())
        .collect()
}

#[test]
fn an_editor_says_what_is_wrong_with_a_sentence_and_what_to_do() {
    for (section, line, expected) in [
        ("anger", "warm = [{ weight = 0.8, say = \"I'm so upset about this.\" }]", "claims a feeling"),
        ("anger", "warm = [{ weight = 0.8, say = \"That's terrible!\" }]", "exclamation mark"),
        ("anger", "warm = [{ weight = 0.8, say = \"You're right.\" }]", "agrees with somebody who is angry"),
        ("anger", "warm = [{ weight = 0.8, say = \"That's a bit annoying.\" }]", "makes little of a grave matter"),
        ("worry", "warm = [{ weight = 0.8, say = \"Let me check that.\" }]", "announces work"),
        ("worry", "warm = [{ weight = 0.8, say = \"I'll be brief.\" }]", "announces brevity"),
        ("worry", "warm = [{ weight = 0.8, say = \"It is not good.\" }]", "register"),
        ("worry", "formal = [{ weight = 0.8, say = \"That's not good.\" }]", "register"),
        ("worry", "warm = [{ weight = 0.8, say = \"Sorry, I'm sorry.\" }]", "once is enough"),
        ("waiting", "warm = [{ weight = 0.8, say = \"That wait is frustrating.\" }]", "may not be there"),
        ("waiting", "warm = [{ weight = 0.8, say = \"That's long.\", topic = ['thing'] }]", "has no {topic}"),
    ] {
        let found = remarked(section, line, 0.3);
        assert!(found.iter().any(|remark| remark.contains(expected)), "{line}: {found:?}");
    }
}

#[test]
fn a_sentence_that_sounds_much_stronger_than_its_weight_is_remarked_on() {
    let line = "warm = [{ weight = 0.4, say = \"I can see how furious you are.\" }]";
    assert_eq!(
        remarked("anger", line, 0.92),
        ["sounds like 0.92, and is said from 0.40; say it more plainly, or raise its weight to 0.90"]
    );
    assert_eq!(remarked("anger", line, 0.6), [""; 0]);
}

#[test]
fn two_lines_that_say_the_same_are_remarked_on_where_both_can_be_said() {
    let twins = |before: &str| {
        format!(
            "warm = [{{ weight = 0.8, say = \"That must be really hard.\" }}, {{ weight = 0.8, say = \"That must be \
             really, really hard.\"{before} }}]"
        )
    };
    assert_eq!(remarked("sadness", &twins(""), 0.5), ["says the same as line 8; keep one of them, or reword it"]);
}

#[test]
fn too_few_sentences_before_a_shape_are_remarked_on() {
    let (book, text) =
        book("anger", "warm = [{ weight = 0.8, say = \"I can see why you're angry.\", before = ['done'] }]");
    let found = book.remarks(&text, &vec![0.5; book.all().count()]);
    let few: Vec<_> = found.iter().map(|remark| (remark.kind, remark.tone, remark.fault.clone())).collect();
    let weight = Weight::clamped(0.8);
    assert_eq!(few, [(Kind::Anger, Tone::Warm, Fault::TooFew { weight, shape: Some(Shape::Done) })]);
}
