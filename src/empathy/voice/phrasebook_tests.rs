use super::*;

/// Every feeling that has a section, and none.
fn feelings() -> impl Iterator<Item = Option<Emotion>> {
    Emotion::ALL.into_iter().map(|emotion| (emotion != Emotion::None).then_some(emotion))
}

#[test]
fn the_built_in_phrasebook_speaks_in_every_tone_from_a_light_touch_to_full_weight() {
    let book = Phrasebook::english();
    for tone in Tone::ALL {
        for emotion in feelings() {
            for weight in [0.30, 0.45, 0.60, 0.80, 1.0] {
                let candidates = book.candidates(emotion, tone, Weight::clamped(weight));
                let best = candidates.last().unwrap();
                let equals = candidates.iter().filter(|other| other.variant.weight == best.variant.weight).count();
                assert!(equals >= 2, "{tone} {emotion:?} {weight}: only {equals}");
            }
        }
    }
}

#[test]
fn no_sentence_is_stronger_than_the_turn() {
    let book = Phrasebook::english();
    for weight in (0_u8..=100).map(|percent| Weight::clamped(f32::from(percent) / 100.0)) {
        for emotion in feelings() {
            assert!(book.candidates(emotion, Tone::Warm, weight).iter().all(|found| found.variant.weight <= weight));
        }
    }
}

#[test]
fn the_built_in_phrasebook_names_no_feeling_below_the_naming_weight_and_claims_none() {
    let book = Phrasebook::english();
    let names = ["frustrat", "angry", "anger", "disappoint", "sad", "worr", "confus", "upset", "fed up", "frighten"];
    let claims = ["i feel", "i'm sorry", "i am sorry", "i understand", "i know how", "!", "unfortunately"];
    for tone in Tone::ALL {
        for emotion in feelings() {
            for Candidate { variant, .. } in book.candidates(emotion, tone, Weight::clamped(1.0)) {
                let said = variant.say.to_lowercase();
                assert!(!claims.iter().any(|claim| said.contains(claim)), "{said}");
                assert!(variant.weight >= book.naming || !names.iter().any(|word| said.contains(word)), "{said}");
                let contractions = ["that's", "let's", "it's", "what's", "n't", "'re ", "'ll ", "'ve "];
                assert!(tone != Tone::Formal || !contractions.iter().any(|short| said.contains(short)), "{said}");
            }
        }
    }
}

#[test]
fn anger_gets_shorter_sentences_and_not_warmer_ones_as_it_rises() {
    let book = Phrasebook::english();
    for tone in Tone::ALL {
        let mean = |low: f32, high: f32| {
            let variants: Vec<_> =
                book.anger.tone(tone).iter().filter(|v| (low..high).contains(&v.weight.get())).collect();
            variants.iter().map(|variant| variant.say.len()).sum::<usize>() / variants.len()
        };
        assert!(mean(0.8, 1.1) < mean(0.65, 0.8), "{tone}");
    }
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
            format!("{head}{problem}[anger]\nwarm = [{{ weight = 0.4, say = 'C.' }}]\n"),
            "[anger] warm: \"C.\" has a weight below `naming`",
        ),
        (
            format!("{head}{problem}[anger]\nwarm = [{{ weight = 0.6, say = ' ' }}]\n"),
            "[anger] warm: a sentence must be one line",
        ),
    ] {
        let error = Phrasebook::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}\nexpected {expected}");
    }
}
