//! The bundled model on both engines.
//!
//! Tests that need libonnxruntime read its place from `ORT_DYLIB_PATH` and say so when they are skipped.
#![cfg(all(feature = "ort", feature = "rten", feature = "bundled-model"))]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "clippy does not see that helpers here are tests too")]

use std::{collections::BTreeMap, env, error::Error, fs, path::Path, path::PathBuf, slice, sync::OnceLock};

use serde::Deserialize;
use undertone::sentiment::{
    BuildError, Classifier, EnginePreference, Model, Sentiment,
    engine::{Batch, Engine, Heads, Row},
};

/// Turns of many kinds and lengths.
const TURNS: [&str; 10] = [
    "ok",
    "What are your opening hours on Sunday?",
    "My parcel 4711 has not arrived.",
    "This is the THIRD time I have to ask. I'm done with you people!!!",
    "thank you so much, you saved my day 😀",
    "😡😡😡",
    "I don't understand what this invoice is for, can someone explain it to me please?",
    "Ich bin wirklich enttäuscht.",
    "我很生气",
    "I was charged twice and I'm scared I can't pay my rent now, what am I supposed to do?",
];

/// What two runs may differ by.
#[derive(Clone, Copy)]
struct Tolerance {
    /// In a logit; a tenth of the distance between likely and unlikely.
    logit: f32,
    /// In valence, affect and the embedding.
    bounded: f32,
}

/// Every engine, and the training framework, give the same f32 graph the same numbers.
const F32: Tolerance = Tolerance { logit: 1e-4, bounded: 1e-4 };
/// Of the int8 graph two engines round some activations the other way, and three layers carry that on.
const ENGINES: Tolerance = Tolerance { logit: 0.4, bounded: 0.03 };
/// What int8 costs a number. What it costs the figures stands in the model card, in the columns fp32 and int8.
const INT8: Tolerance = Tolerance { logit: 0.8, bounded: 0.1 };
/// A row alone and the same row in a batch: int8 activations have one scale a tensor, so neighbours and padding move
/// every number. This is why undertone itself never batches.
const NEIGHBOURS: Tolerance = Tolerance { logit: 0.8, bounded: 0.1 };

fn onnxruntime() -> Option<PathBuf> {
    let file = env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    if file.is_none() {
        println!("skipped: ORT_DYLIB_PATH names no libonnxruntime");
    }
    file
}

fn bundled() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/minilm-l3")
}

fn model() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| Model::bundled().unwrap())
}

fn engine(preference: EnginePreference) -> Option<Box<dyn Engine>> {
    if preference == EnginePreference::Ort {
        onnxruntime()?;
    }
    Some(model().engine(preference, None).unwrap().0)
}

fn engines() -> impl Iterator<Item = (EnginePreference, Box<dyn Engine>)> {
    [EnginePreference::Ort, EnginePreference::Rten].into_iter().filter_map(|name| Some((name, engine(name)?)))
}

fn rows(turns: &[&str]) -> Vec<Vec<u32>> {
    turns.iter().map(|turn| model().encode(turn).unwrap()).collect()
}

/// Every number of a row, by head.
type Numbers = BTreeMap<String, Vec<f32>>;

fn numbers(heads: &Heads) -> Vec<Numbers> {
    let of = |row: Row<'_>| {
        let heads: [(&str, &[f32]); 8] = [
            ("polarity", row.polarity),
            ("valence", &[row.valence]),
            ("affect", &[row.affect]),
            ("emotion", row.emotion),
            ("goemotions", row.goemotions),
            ("target", row.target),
            ("danger", &[row.danger]),
            ("embedding", row.embedding),
        ];
        heads.map(|(head, numbers)| (head.to_owned(), numbers.to_vec())).into()
    };
    heads.rows().map(of).collect()
}

/// Prints the largest difference; panics, and tells where, if it is above `tolerance`.
fn compare(what: &str, a: &[Numbers], b: &[Numbers], tolerance: Tolerance) {
    let mut largest = 0.0_f32;
    assert_eq!(a.len(), b.len(), "{what}: rows");
    for (turn, (a, b)) in a.iter().zip(b).enumerate() {
        assert!(a.keys().eq(b.keys()), "{what}, turn {turn}: {:?} and {:?}", a.keys(), b.keys());
        for ((head, a), b) in a.iter().zip(b.values()) {
            let is_bounded = ["valence", "affect", "embedding"].contains(&head.as_str());
            let tolerance = if is_bounded { tolerance.bounded } else { tolerance.logit };
            assert_eq!(a.len(), b.len(), "{what}, turn {turn}, {head}");
            for (a, b) in a.iter().zip(b) {
                let apart = (a - b).abs();
                assert!(apart <= tolerance, "{what}, turn {turn}, {head}: {a} and {b} are {apart} apart");
                largest = largest.max(apart);
            }
        }
    }
    println!("{what}: at most {largest:.4} apart");
}

#[test]
fn both_engines_give_the_same_logits() {
    let Some(mut ort) = engine(EnginePreference::Ort) else { return };
    let mut rten = engine(EnginePreference::Rten).unwrap();
    for (turn, row) in TURNS.iter().zip(rows(&TURNS)) {
        let batch = Batch::new(&[row]);
        let [a, b] = [&mut ort, &mut rten].map(|engine| numbers(&engine.run(&batch).unwrap()));
        compare(turn, &a, &b, ENGINES);
    }
}

#[test]
fn a_padded_row_says_what_it_says_alone() {
    for (name, mut engine) in engines() {
        for (turn, row) in TURNS.iter().zip(rows(&TURNS)) {
            let longer = vec![101; row.len() + 20];
            let alone = numbers(&engine.run(&Batch::new(&[&row])).unwrap());
            let padded = numbers(&engine.run(&Batch::new(&[&row, &longer])).unwrap());
            compare(&format!("{name}: {turn}"), &alone, &padded[..1], NEIGHBOURS);
        }
    }
}

/// What training's own code said of some texts: the ids, the f32 model in its framework, and the int8 file.
#[derive(Deserialize)]
struct Parity {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    #[serde(rename = "f32")]
    framework: Numbers,
    int8: Numbers,
}

fn parity() -> Option<Vec<Case>> {
    let file = bundled().join("parity.json");
    let Ok(json) = fs::read(&file) else {
        println!("skipped: no {}", file.display());
        return None;
    };
    let parity: Parity = serde_json::from_slice(&json).unwrap();
    Some(parity.cases)
}

#[test]
fn reads_the_ids_that_training_read() {
    for case in parity().into_iter().flatten() {
        assert_eq!(model().encode(&case.text).unwrap(), case.ids, "the ids of {:?}", case.text);
    }
}

#[test]
fn says_what_was_recorded_in_training() {
    let Some(cases) = parity() else { return };
    for (name, mut engine) in engines() {
        // The recording is ONNX Runtime's own: another CPU rounds otherwise, another engine too.
        for Case { text, ids, framework, int8 } in &cases {
            let said = numbers(&engine.run(&Batch::new(&[ids])).unwrap());
            compare(&format!("{name}, int8: {text:?}"), &said, slice::from_ref(int8), ENGINES);
            compare(&format!("{name}, f32: {text:?}"), &said, slice::from_ref(framework), INT8);
        }
    }
}

/// The f32 graph is four times as large and does not ship: `training/run` leaves it in target/training/out, and holds it
/// to the framework itself before it ships anything.
#[test]
fn the_full_graph_says_what_the_training_framework_says() {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/training/out");
    let graph = made.join("model.fp32.onnx");
    // Made from other weights than those that ship, it would say other things.
    let is_same = || Some(fs::read(made.join("parity.json")).ok()? == fs::read(bundled().join("parity.json")).ok()?);
    if !graph.is_file() || is_same() != Some(true) {
        println!("skipped: {} is not there, or was not made with the bundled model", graph.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::copy(&graph, folder.path().join("model.onnx")).unwrap();
    for file in ["tokenizer.json", "calibration.json"] {
        fs::copy(bundled().join(file), folder.path().join(file)).unwrap();
    }
    let model = Model::from_folder(folder.path()).unwrap();
    for name in [EnginePreference::Ort, EnginePreference::Rten] {
        if name == EnginePreference::Ort && onnxruntime().is_none() {
            continue;
        }
        let (mut engine, _) = model.engine(name, None).unwrap();
        let longer = vec![101; 100];
        for Case { text, ids, framework, .. } in &parity().unwrap() {
            let alone = numbers(&engine.run(&Batch::new(&[ids])).unwrap());
            compare(&format!("{name}: {text:?}"), &alone, slice::from_ref(framework), F32);
            let padded = numbers(&engine.run(&Batch::new(&[ids, &longer])).unwrap());
            compare(&format!("{name}, padded: {text:?}"), &padded[..1], slice::from_ref(framework), F32);
        }
    }
}

#[test]
fn a_batch_says_what_single_turns_say() {
    for (name, _) in engines() {
        let classifier = Classifier::builder().engine(name).workers(2).build().unwrap();
        let many: Vec<_> = TURNS.iter().cycle().take(100).collect();
        let batch = classifier.classify_batch(&many).unwrap();
        for (turn, sentiment) in many.iter().zip(&batch) {
            assert_eq!(&classifier.classify(turn).unwrap(), sentiment, "{turn}");
        }
    }
}

#[test]
fn a_felt_sentence_in_a_long_report_is_as_strong_as_alone() {
    let report = "The engineer came at nine. He checked the router, then the socket in the hall, then the line outside. \
                  The light went from amber to green at ten. He wrote the serial number on a card and left at eleven. \
                  The card is on the shelf by the door.";
    let felt = "I am furious about this, it is an absolute disgrace!";
    for (name, _) in engines() {
        let classifier = Classifier::builder().engine(name).workers(1).build().unwrap();
        let [alone, plain, long] =
            [felt, report, &format!("{report} {felt}")].map(|turn| classifier.classify(turn).unwrap());
        assert!(plain.affect < 0.3 && alone.affect > 0.6, "{name}: {} {}", plain.affect, alone.affect);
        assert!((long.affect - alone.affect).abs() < 1e-6, "{name}: {} instead of {}", long.affect, alone.affect);
        assert_eq!(long.emotion(), alone.emotion(), "{name}");
    }
}

#[test]
fn odd_turns_are_answered() {
    let long = "everything is fine ".repeat(1 << 16);
    for (name, _) in engines() {
        let classifier = Classifier::builder().engine(name).workers(1).build().unwrap();
        let nothing = Sentiment { danger: Some(0.0), ..Sentiment::default() };
        assert_eq!(classifier.classify("").unwrap(), nothing);
        for turn in [long.as_str(), "😡", "\u{feff}\u{202e}abc", "a", "[CLS] [SEP] [PAD]", &"x".repeat(1 << 20)] {
            let sentiment = classifier.classify(turn).unwrap();
            let sum: f32 = sentiment.emotions.iter().map(|(_, p)| p).sum();
            assert!((sum - 1.0).abs() < 1e-4, "{name}: {sum}");
            assert!((0.0..=1.0).contains(&sentiment.affect), "{name}: {sentiment:?}");
            assert!((-1.0..=1.0).contains(&sentiment.valence), "{name}: {sentiment:?}");
        }
    }
}

#[test]
fn a_wrong_library_is_a_clear_line_and_the_embedded_engine_runs() {
    let builder = || Classifier::builder().onnxruntime("/nowhere/libonnxruntime.so").workers(1);
    // Where another test of this process has loaded the library, it stays loaded: one a process.
    if let Ok(classifier) = builder().engine(EnginePreference::Ort).build() {
        assert_eq!(classifier.engine().name, "ort");
        return;
    }
    let error = builder().engine(EnginePreference::Ort).build().unwrap_err();
    assert!(matches!(error, BuildError::Engine(_)), "{error:?}");
    let line = error.to_string();
    assert!(line.starts_with("cannot use `/nowhere/libonnxruntime.so` (named by --onnxruntime): "), "{line}");
    assert!(!line.contains('\n'), "{line}");

    let classifier = builder().build().unwrap();
    if classifier.engine().name == "rten" {
        assert_eq!(classifier.engine().reason, line);
        assert!(classifier.classify("thank you").is_ok());
    }
}

#[test]
fn a_graph_that_is_none_is_a_clear_line_on_either_engine() {
    let bundled = bundled();
    let folder = tempfile::tempdir().unwrap();
    for file in ["tokenizer.json", "calibration.json"] {
        fs::copy(bundled.join(file), folder.path().join(file)).unwrap();
    }
    let mut cut = fs::read(bundled.join("model.onnx")).unwrap();
    cut.truncate(cut.len() / 2);
    for bytes in [b"".as_slice(), b"<html>not found</html>", &cut] {
        fs::write(folder.path().join("model.onnx"), bytes).unwrap();
        for (name, _) in engines() {
            let model = Model::from_folder(folder.path()).unwrap();
            let error = Classifier::builder().model(model).engine(name).workers(1).build().unwrap_err();
            let lines = format!("{error}: {}", error.source().unwrap());
            assert!(lines.contains("model.onnx` is not a model that undertone can run: "), "{lines}");
            assert!(!lines.contains('\n'), "{name}, {} bytes: {lines}", bytes.len());
        }
    }
}

#[test]
fn the_shared_classifier_is_one() {
    let first = Classifier::shared().unwrap();
    assert!(std::ptr::eq(first, Classifier::shared().unwrap()));
    assert!(first.workers() >= 1);
}
