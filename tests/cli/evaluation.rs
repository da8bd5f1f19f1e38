//! `undertone eval` and `undertone calibrate`: the classifier against labelled turns, and fitted to one's own.

use std::{fs, path::Path};

use serde_json::Value;

use super::{failure, undertone};

/// A table in a file of its own.
fn table(directory: &Path, name: &str, lines: &[String]) -> String {
    let path = directory.join(name);
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    path.to_str().unwrap().to_owned()
}

/// Forty orders that are late, told in five ways, graded on a scale of one's own: what is mild here weighs 2.
fn graded(directory: &Path) -> String {
    let mut lines = vec!["text\taffect".to_owned()];
    for order in 4401..4441 {
        lines.extend([
            format!("My order {order} has not arrived yet.\t0"),
            format!("Any news of order {order}? It is a little slow.\t1"),
            format!("Order {order} is late, which is a bit annoying.\t2"),
            format!("I am really frustrated, order {order} is late again.\t3"),
            format!("Order {order} NEVER came, I am FURIOUS, this is an absolute outrage!!!\t3"),
        ]);
    }
    table(directory, "graded.tsv", &lines)
}

#[test]
fn eval_scores_a_table_for_people_and_for_programs() {
    let directory = tempfile::tempdir().unwrap();
    let file = graded(directory.path());
    let run = |args: &[&str]| {
        let output = undertone(&[&["eval", "--engine", "rten"], args].concat()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let page = run(&[&file]);
    assert!(page.starts_with(&format!("{file}: 200 turns, minilm-l3 on rten ")), "{page}");
    assert!(page.contains("over-empathy: affect 0 at 0.30 or more"), "{page}");

    let report: Value = serde_json::from_str(&run(&["--json", &file])).unwrap();
    let figures = report["figures"].as_array().unwrap();
    let spearman = figures.iter().find(|figure| figure["name"] == "weight and affect, Spearman r").unwrap();
    assert!(spearman["value"].as_f64().unwrap() > 0.8, "{spearman}");
    let [low, high] = [0, 1].map(|end| spearman["interval"][end].as_f64().unwrap());
    assert!(low < high && spearman["of"] == 200, "{spearman}");
}

#[test]
fn eval_names_the_file_and_line_that_it_cannot_score() {
    let directory = tempfile::tempdir().unwrap();
    let lines = ["text\taffect", "hello\t0", "hm\tmuch"].map(str::to_owned);
    let file = table(directory.path(), "bad.tsv", &lines);
    let expected = format!("undertone: `{file}`: line 3: affect: expected 0, 1, 2 or 3, found `much`\n");
    assert_eq!(failure(&["eval", &file]), (Some(2), expected));
    let file = table(directory.path(), "labels.tsv", &["text\tlabels", "hello\tjoy", "hm\tglee"].map(str::to_owned));
    let (_, said) = failure(&["eval", "--engine", "rten", &file]);
    assert!(said.ends_with("line 3: labels: `glee` is none of GoEmotions' 28\n"), "{said}");
    let (code, said) = failure(&["eval", "/nowhere.tsv"]);
    assert_eq!(code, Some(2));
    assert!(said.starts_with("undertone: cannot read `/nowhere.tsv`: "), "{said}");
}

#[test]
fn calibrate_fits_the_weight_to_ones_own_turns() {
    let directory = tempfile::tempdir().unwrap();
    let file = graded(directory.path());
    let own = directory.path().join("own.json");
    let own = own.to_str().unwrap();
    let output = undertone(&["calibrate", "--engine", "rten", &file, "--out", own]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && said.ends_with(&format!("Use it with --calibration {own}\n")), "{said}");

    let mild = "Order 5120 is late, which is a bit annoying.";
    let weight = |args: &[&str]| {
        let args = [&["classify", "--engine", "rten", "--json", mild], args].concat();
        let line = undertone(&args).output().unwrap().stdout;
        serde_json::from_slice::<Value>(&line).unwrap()["weight"].as_f64().unwrap()
    };
    let (as_it_is, calibrated) = (weight(&[]), weight(&["--calibration", own]));
    assert!(as_it_is < 0.5 && 0.55 < calibrated, "{as_it_is} {calibrated}");
}

#[test]
fn calibrate_says_when_there_are_too_few_turns() {
    let directory = tempfile::tempdir().unwrap();
    let lines = ["text\taffect", "hello\t0"].map(str::to_owned);
    let file = table(directory.path(), "few.tsv", &lines);
    let expected = format!("undertone: `{file}`: it takes 120 graded turns or more; there are 1\n");
    assert_eq!(failure(&["calibrate", &file]), (Some(2), expected));
}

#[test]
fn calibrate_finds_the_floor_for_a_share() {
    let directory = tempfile::tempdir().unwrap();
    let calm = (0..280).map(|n| format!("What is the price of item {n}?"));
    let cross = (0..20).map(|n| format!("Item {n} broke and I am really annoyed about it."));
    let lines: Vec<_> = ["text".to_owned()].into_iter().chain(calm).chain(cross).collect();
    let file = table(directory.path(), "traffic.tsv", &lines);
    let floor = |share: &str| {
        let output = undertone(&["calibrate", "--engine", "rten", &file, "--at-most", share]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, line) = floor("12%");
    assert!(code == Some(0) && line.starts_with("floor = 0.30   # 20 of 300 turns are acknowledged: 6.67 %"), "{line}");
    // 20 of 300 may come of a share above 7 %.
    let (code, line) = floor("7%");
    assert!(code == Some(0) && !line.starts_with("floor = 0.30 "), "{line}");
    let (code, line) = floor("3%");
    let floor: f64 = line.strip_prefix("floor = ").unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(code == Some(0) && floor > 0.4, "{line}");
}
