//! Is this graph one of undertone's? Checked at load, so that a wrong file is a clear line and not strange numbers.

use std::fmt;

use super::{EngineError, HEADS, INPUTS};

/// One input or output as the engine reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) name: String,
    pub(super) numbers: Numbers,
    /// The size of the last axis, where the graph fixes it.
    pub(super) width: Option<usize>,
}

/// What a port is made of. RTen narrows `i64` to `i32`, so the width of integers is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Integers,
    Floats,
    Other,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = match self.numbers {
            Numbers::Integers => "integers",
            Numbers::Floats => "floats",
            Numbers::Other => "something else",
        };
        write!(f, "{} ({numbers}", self.name)?;
        match self.width {
            Some(width) => write!(f, ", {width} wide)"),
            None => f.write_str(")"),
        }
    }
}

/// Refuses a graph that lacks an input or a head, or has one of another kind.
pub(super) fn check(inputs: &[Port], outputs: &[Port]) -> Result<(), EngineError> {
    for name in INPUTS {
        let expected = Port { name: name.to_owned(), numbers: Numbers::Integers, width: None };
        let fits = |port: &Port| port.name == name && port.numbers == expected.numbers;
        require("the input", &expected, inputs, fits)?;
    }
    if let Some(extra) = inputs.iter().find(|port| !INPUTS.contains(&port.name.as_str())) {
        return Err(EngineError::Signature {
            expected: format!("no inputs but {}", INPUTS.join(" and ")),
            found: extra.to_string(),
        });
    }
    for (name, width) in HEADS {
        let expected = Port { name: name.to_owned(), numbers: Numbers::Floats, width: Some(width) };
        // A width the graph leaves open is checked by the warm-up run.
        let fits = |port: &Port| {
            port.name == name && port.numbers == expected.numbers && port.width.is_none_or(|found| found == width)
        };
        require("the output", &expected, outputs, fits)?;
    }
    Ok(())
}

fn require(what: &str, expected: &Port, found: &[Port], fits: impl Fn(&Port) -> bool) -> Result<(), EngineError> {
    if found.iter().any(fits) {
        return Ok(());
    }
    let found = found.iter().map(ToString::to_string).collect::<Vec<_>>();
    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    Err(EngineError::Signature { expected: format!("{what} {expected}"), found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, numbers: Numbers, width: Option<usize>) -> Port {
        Port { name: name.to_owned(), numbers, width }
    }

    fn good() -> (Vec<Port>, Vec<Port>) {
        let inputs = INPUTS.map(|name| port(name, Numbers::Integers, None));
        let outputs = HEADS.map(|(name, width)| port(name, Numbers::Floats, Some(width)));
        (inputs.to_vec(), outputs.to_vec())
    }

    #[test]
    fn accepts_the_graph_it_was_made_for() {
        let (inputs, outputs) = good();
        assert_eq!(check(&inputs, &outputs), Ok(()));
    }

    #[test]
    fn names_what_it_expected_and_what_it_found() {
        let (inputs, mut outputs) = good();
        outputs[3].width = Some(28);
        let error = check(&inputs, &outputs).unwrap_err().to_string();
        assert!(error.starts_with("expected the output emotion (floats, 10 wide), found polarity"), "{error}");
        assert!(error.contains(", emotion (floats, 28 wide), "), "{error}");

        let error = check(&[], &outputs).unwrap_err().to_string();
        assert_eq!(error, "expected the input input_ids (integers), found none");
    }

    #[test]
    fn refuses_an_input_it_would_not_fill() {
        let (mut inputs, outputs) = good();
        inputs.push(port("token_type_ids", Numbers::Integers, None));
        let error = check(&inputs, &outputs).unwrap_err().to_string();
        assert_eq!(error, "expected no inputs but input_ids and attention_mask, found token_type_ids (integers)");
    }
}
