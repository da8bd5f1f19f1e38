//! Labelled turns: tab-separated files with one header line, as in data sets, told apart by their columns.

use std::{
    io::Read,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, anyhow, bail};
use csv::StringRecord;

use crate::sentiment::{Emotion, Target};

/// The strongest grade of affect.
pub(super) const STRONGEST: u8 = 3;

/// The turns of a file, and what is known of them.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) file: PathBuf,
    pub(super) turns: Vec<String>,
    pub(super) labels: Labels,
}

/// What is known of each turn of a table, in its order.
#[derive(Debug)]
pub(super) enum Labels {
    /// How much affect the words express, and more.
    Graded(Vec<Grade>),
    /// From -1 to 1, and where the turn is from.
    Valence(Vec<(f64, String)>),
    /// In the order negative, neutral, positive.
    Polarity(Vec<usize>),
    /// Labels of GoEmotions.
    GoEmotions(Vec<Vec<String>>),
    /// How strong a feeling is, 0 to 1, and which.
    Intensity(Vec<(f64, String)>),
    /// Whether the turn is ironic.
    Irony(Vec<bool>),
    /// Nothing: turns as they came.
    None,
}

/// What is known of a graded turn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grade {
    /// 0 to [`STRONGEST`].
    pub(super) affect: u8,
    /// What kind of turn it is.
    pub(super) kind: Option<String>,
    /// Turns of one ladder tell one situation at rising affect.
    pub(super) ladder: Option<String>,
    /// In the order negative, neutral, positive.
    pub(super) polarity: Option<usize>,
    pub(super) emotion: Option<Emotion>,
    pub(super) target: Option<Target>,
    pub(super) is_danger: Option<bool>,
}

impl Grade {
    /// The weight that the grade calls for, 0 to 1.
    pub(super) fn weight(&self) -> f64 {
        f64::from(self.affect) / f64::from(STRONGEST)
    }

    /// Whether silence towards it is cold, if it is felt: what is pleasant, and what speaks of danger, gets no
    /// acknowledgment by design. What is not labelled counts.
    pub(super) fn is_unpleasant(&self) -> bool {
        self.polarity.is_none_or(|polarity| polarity == 0) && self.is_danger != Some(true)
    }
}

const EXPECTED: &str = "expected a header line with the tab-separated columns text and affect (graded turns), text and \
                        label, labels or valence, or text alone";

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    ///
    /// The file cannot be read, its header is that of no table, or a line does not fit the header; with the line.
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        let input = std::fs::File::open(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let (turns, labels) = read(input).with_context(|| format!("`{}`", file.display()))?;
        Ok(Self { file: file.to_owned(), turns, labels })
    }
}

impl Table {
    /// # Errors
    ///
    /// A label that is not one of GoEmotions', as the model knows them.
    pub(super) fn check(&self, goemotions: &[String]) -> anyhow::Result<()> {
        let Labels::GoEmotions(labels) = &self.labels else { return Ok(()) };
        let unknown = labels
            .iter()
            .enumerate()
            .find_map(|(n, labels)| Some((n, labels.iter().find(|label| !goemotions.contains(label))?)));
        // The header is line 1.
        unknown.map_or(Ok(()), |(n, label)| bail!("line {}: labels: `{label}` is none of GoEmotions' 28", n + 2))
    }
}

/// The columns of a line, by name.
struct Line<'a> {
    header: &'a StringRecord,
    record: StringRecord,
}

impl Line<'_> {
    /// What stands in a column; `None` without such a column.
    fn get(&self, column: &str) -> Option<&str> {
        self.record.get(self.header.iter().position(|name| name == column)?)
    }

    /// What stands in a column, where that is neither nothing nor `-`.
    fn word(&self, column: &str) -> Option<String> {
        self.get(column).filter(|word| !word.is_empty() && *word != "-").map(str::to_owned)
    }

    /// What stands in a column, read.
    /// Without such a column, or with nothing or `-` in it, `None`.
    fn read<T>(&self, column: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> anyhow::Result<Option<T>> {
        if self.word(column).is_none() { Ok(None) } else { self.need(column, expected, read).map(Some) }
    }

    fn need<T>(&self, column: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> anyhow::Result<T> {
        let found = self.get(column).unwrap_or_default();
        let line = self.record.position().map_or(0, csv::Position::line);
        read(found).ok_or_else(|| anyhow!("line {line}: {column}: expected {expected}, found `{found}`"))
    }

    fn number(&self, column: &str, least: f64) -> anyhow::Result<f64> {
        let range = |text: &str| text.parse().ok().filter(|number| (least..=1.0).contains(number));
        self.need(column, &format!("a number from {least} to 1"), range)
    }

    fn grade(&self) -> anyhow::Result<Grade> {
        let place = |text: &str| ["neg", "neu", "pos"].iter().position(|name| *name == text);
        let target = |text: &str| Target::ALL.into_iter().find(|target| target.as_str() == text);
        let flag = |text: &str| ["0", "1"].contains(&text).then(|| text == "1");
        Ok(Grade {
            affect: self
                .need("affect", "0, 1, 2 or 3", |text| text.parse().ok().filter(|grade| *grade <= STRONGEST))?,
            kind: self.word("set"),
            ladder: self.word("ladder"),
            polarity: self.read("valence", "neg, neu or pos", place)?,
            emotion: self.read("emotion", "an emotion that undertone knows", |text| Emotion::from_str(text).ok())?,
            target: self.read("target", "none, situation or bot", target)?,
            is_danger: self.read("danger", "0 or 1", flag)?,
        })
    }
}

fn read(input: impl Read) -> anyhow::Result<(Vec<String>, Labels)> {
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_reader(input);
    let header: StringRecord = reader.headers()?.iter().map(|name| name.trim().to_lowercase()).collect();
    let has = |column: &str| header.iter().any(|name| name == column);
    let text = if has("text") { "text" } else { "user" };
    if !has(text) {
        bail!("{EXPECTED}; found `{}`", header.iter().collect::<Vec<_>>().join(" "));
    }
    if let Some(twice) =
        header.iter().enumerate().find_map(|(n, name)| header.iter().take(n).find(|other| *other == name))
    {
        bail!("two columns {twice}");
    }
    let mut turns = Vec::new();
    let mut lines = Vec::new();
    for record in reader.records() {
        let line = Line { header: &header, record: record? };
        turns.push(line.get(text).unwrap_or_default().to_owned());
        lines.push(line);
    }
    if lines.is_empty() {
        bail!("no turns in it");
    }
    Ok((turns, labels(&lines, has)?))
}

fn labels(lines: &[Line<'_>], has: impl Fn(&str) -> bool) -> anyhow::Result<Labels> {
    fn each<'a, T>(lines: &[Line<'a>], read: impl Fn(&Line<'a>) -> anyhow::Result<T>) -> anyhow::Result<Vec<T>> {
        lines.iter().map(read).collect()
    }
    let word = |line: &Line<'_>, column: &str| line.get(column).unwrap_or_default().to_owned();
    if has("affect") {
        return each(lines, Line::grade).map(Labels::Graded);
    }
    if has("intensity") {
        return each(lines, |line| Ok((line.number("intensity", 0.0)?, word(line, "emotion")))).map(Labels::Intensity);
    }
    if has("valence") {
        return each(lines, |line| Ok((line.number("valence", -1.0)?, word(line, "source")))).map(Labels::Valence);
    }
    if has("labels") {
        return each(lines, |line| Ok(word(line, "labels").split(',').map(str::to_owned).collect()))
            .map(Labels::GoEmotions);
    }
    if !has("label") {
        return Ok(Labels::None);
    }
    if lines.first().and_then(|line| line.get("label")).is_some_and(|label| label.ends_with("irony")) {
        let irony = |text: &str| ["irony", "not_irony"].contains(&text).then(|| text == "irony");
        return each(lines, |line| line.need("label", "irony or not_irony", irony)).map(Labels::Irony);
    }
    let polarity = |text: &str| ["negative", "neutral", "positive"].iter().position(|name| *name == text);
    each(lines, |line| line.need("label", "negative, neutral or positive", polarity)).map(Labels::Polarity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels_of(text: &str) -> Labels {
        read(text.as_bytes()).unwrap().1
    }

    #[test]
    fn a_table_is_told_by_its_header() {
        let graded = "set\tladder\ttext\taffect\tvalence\temotion\ttarget\tdanger\n\
                      shout\t-\tWHY \"NOT\n2\tneg\tanger\tbot\t0\n"
            .replace("NOT\n", "NOT\t");
        let Labels::Graded(grades) = labels_of(&graded) else { panic!("not graded") };
        let expected = Grade {
            affect: 2,
            kind: Some("shout".to_owned()),
            ladder: None,
            polarity: Some(0),
            emotion: Some(Emotion::Anger),
            target: Some(Target::Bot),
            is_danger: Some(false),
        };
        assert_eq!(grades, [expected]);
        assert!(matches!(labels_of("user\taffect\treply\nhello\t0\thi\n"), Labels::Graded(_)));
        assert!(matches!(labels_of("text\tvalence\tsource\na\t-0.5\tnyt\n"), Labels::Valence(_)));
        assert!(matches!(labels_of("text\tlabel\na\tneutral\n"), Labels::Polarity(_)));
        assert!(matches!(labels_of("text\tlabel\na\tnot_irony\n"), Labels::Irony(_)));
        assert!(matches!(labels_of("text\tlabels\na\tjoy,love\n"), Labels::GoEmotions(_)));
        assert!(matches!(labels_of("text\temotion\tintensity\na\tjoy\t0.5\n"), Labels::Intensity(_)));
        assert!(matches!(labels_of("text\tsource\na\tbanking77\n"), Labels::None));
        assert!(matches!(labels_of("\u{feff}Text \tAFFECT\tvalence\r\na\t0\t\r\n"), Labels::Graded(_)));
    }

    #[test]
    fn a_line_that_does_not_fit_is_named() {
        let said = |text: &str| format!("{:#}", read(text.as_bytes()).unwrap_err());
        assert_eq!(said("text\taffect\na\t1\nb\t4\n"), "line 3: affect: expected 0, 1, 2 or 3, found `4`");
        assert_eq!(said("text\tvalence\na\t2\n"), "line 2: valence: expected a number from -1 to 1, found `2`");
        assert_eq!(said("text\taffect\n"), "no turns in it");
        assert_eq!(said("text\taffect\ttext\na\t0\tb\n"), "two columns text");
        assert!(said("a\tb\n1\t2\n").ends_with("or text alone; found `a b`"));
        assert!(said("text\taffect\na\n").contains("line: 2"), "{}", said("text\taffect\na\n"));
    }
}
