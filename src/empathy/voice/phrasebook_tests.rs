use super::*;
use crate::empathy::Shape;

const BAND: [f32; 5] = [0.30, 0.40, 0.55, 0.70, 0.85];

/// The kinds that often occur, and how many lines each tone has at each weight of its own, at least.
const OFTEN: [(Kind, usize); 5] =
    [(Kind::Problem, 6), (Kind::Frustration, 6), (Kind::Anger, 6), (Kind::Disappointment, 6), (Kind::Worry, 6)];

#[test]
fn the_built_in_phrasebook_has_six_lines_for_what_often_occurs_and_some_before_every_shape() {
    let book = Phrasebook::english();
    for (kind, enough) in OFTEN {
        for tone in Tone::ALL {
            for weight in BAND.into_iter().filter(|weight| kind == Kind::Problem || *weight >= 0.40) {
                let at = || book.lines(kind, tone).iter().filter(|line| (line.weight.get() - weight).abs() < 0.01);
                assert!(at().count() >= enough, "[{kind}] {tone} {weight}: {}", at().count());
                for shape in Shape::ALL {
                    let fitting = at().filter(|line| line.fits(Some(shape)) && !line.has_slot() && !line.apologises());
                    assert!(fitting.count() >= 2, "[{kind}] {tone} {weight} before {}", shape.as_str());
                }
            }
        }
    }
}

#[test]
fn every_tone_has_a_line_that_fits_any_reply_at_every_weight() {
    let book = Phrasebook::english();
    for tone in Tone::ALL {
        for weight in BAND {
            let anywhere = book
                .lines(Kind::Problem, tone)
                .iter()
                .filter(|line| line.fits(None) && !line.has_slot() && !line.apologises())
                .filter(|line| (line.weight.get() - weight).abs() < 0.01);
            assert!(anywhere.count() >= 2, "{tone} {weight}");
        }
    }
}

#[test]
fn the_built_in_phrasebook_names_no_feeling_below_the_naming_weight_and_claims_none() {
    let book = Phrasebook::english();
    let names =
        ["frustrat", "angry", "anger", "disappoint", "worried", "worry", "confus", "upset", "fed up", "frighten"];
    let claims = ["i feel", "i understand", "!", "unfortunately", "to the point", "fair enough", "noted"];
    for (kind, tone, line) in book.all() {
        let said = line.words().to_lowercase();
        assert!(!claims.iter().any(|claim| said.contains(claim)), "{said}");
        assert!(kind.emotion().is_some() || !names.iter().any(|word| said.contains(word)), "[{kind}] {said}");
        let contractions = ["that's", "let's", "it's", "what's", "n't", "'re ", "'ll ", "'ve "];
        assert!(tone != Tone::Formal || !contractions.iter().any(|short| said.contains(short)), "{said}");
    }
}

#[test]
fn what_a_line_says_of_its_matter_agrees_with_it() {
    let book = Phrasebook::english();
    let topics = book.topics().clone();
    let order = topics.find("my order is late").unwrap();
    let refund = topics.find("where is the refund").unwrap();
    let line = |text: &str| {
        let two = "[{ weight = 0.3, say = 'A.' }, { weight = 0.3, say = 'B.' }]";
        let toml = format!(
            "language = 'en'\nnaming = 0.4\n[problem]\nformal = {two}\nwarm = {two}\ncollaborative = [{text}, \
             {{ weight = 0.3, say = 'A.' }}, {{ weight = 0.3, say = 'B.' }}]"
        );
        Phrasebook::from_toml(&toml).unwrap().lines(Kind::Problem, Tone::Collaborative)[0].clone()
    };
    let about = line("{ weight = 0.3, say = 'So, about {topic}:' }");
    assert_eq!(about.sentence(Some(&order)).as_deref(), Some("So, about your order:"));
    assert_eq!(about.sentence(None), None);
    let picky = line("{ weight = 0.3, say = '{topic} is on its way.', topic = ['thing'] }");
    assert_eq!(picky.sentence(Some(&order)).as_deref(), Some("Your order is on its way."));
    assert_eq!(picky.sentence(Some(&refund)), None);
}

#[test]
fn undertone_knows_its_own_words_again() {
    let book = Phrasebook::english();
    for (kind, _, line) in book.all() {
        let said = line.words().replace(SLOT, "your order");
        let length = book.own(&format!("{said} It left on Tuesday.")).unwrap().length;
        assert!(length >= said.len(), "[{kind}] {said}");
    }
    assert_eq!(book.own("It left on Tuesday."), None);
    assert_eq!(book.own("I got that wrong.txt"), None, "not in the middle of a word");
}

#[test]
fn a_mistake_in_a_phrasebook_is_named_with_its_line() {
    let two = "[{ weight = 0.3, say = 'A.' }, { weight = 0.3, say = 'B.' }]";
    let problem = format!("[problem]\nformal = {two}\ncollaborative = {two}\nwarm = {two}\n");
    let head = "language = 'en'\nnaming = 0.5\n";
    Phrasebook::from_toml(&format!("{head}{problem}")).unwrap();
    for (text, expected) in [
        (format!("{head}{problem}wrm = []\n"), "line 7: unknown field `wrm`"),
        (format!("language = 'en'\nnaming = 1.5\n{problem}"), "line 2: a weight is a number from 0 to 1: 1.5 is not"),
        (format!("language = 'de'\nnaming = 0.5\n{problem}"), "language = \"de\": only \"en\" so far"),
        (format!("{head}[problem]\nformal = {two}\n"), "[problem] collaborative: needs at least two"),
        (
            format!("{head}{problem}[anger]\nwarm = [{{ weight = 0.4, say = 'You are angry.' }}]\n"),
            "line 8: [anger] warm: \"You are angry.\" has a weight below `naming`",
        ),
        (
            format!("{head}{problem}[anger]\nwarm = [{{ weight = 0.6, say = ' ' }}]\n"),
            "line 8: [anger] warm: a sentence must be one line",
        ),
        (
            format!("{head}{problem}[anger]\nwarm = [{{ weight = 0.6, say = 'About {{name}}.' }}]\n"),
            "line 8: [anger] warm: a sentence must be one line",
        ),
        (
            format!("{head}{problem}[anger]\nwarm = [{{ weight = 0.6, say = 'C.', before = ['list'] }}]\n"),
            "line 8: unknown variant `list`, expected one of `question`",
        ),
        (format!("{head}{problem}[[topic]]\nclass = 'thing'\nnoun = ' '\n"), "[[topic]] noun = \" \": a name is empty"),
    ] {
        let error = Phrasebook::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}\nexpected {expected}");
    }
}
