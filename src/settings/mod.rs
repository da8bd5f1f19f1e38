//! Every setting, its default, and where it comes from: `undertone.toml` and the command line.
//!
//! One struct a section, which serde reads from the file and clap from the flags; what a flag leaves open, the file may
//! say. All subcommands share them, so that `adjust` decides as `serve` does. A mistake is one line that names the file,
//! the line and the key.

mod late;
mod mistake;
mod model;
mod proxy;
mod voice;

use std::{
    collections::BTreeMap,
    fmt, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use serde::Deserialize;
use toml::Spanned;

pub(crate) use self::{late::Late, mistake::SettingsError, model::Model, proxy::Proxy, voice::Voice};
use crate::{
    empathy::{Phrasebook, Policy},
    layer::Limits,
    protocol::{CustomProtocol, CustomSpec, Protocols},
    proxy::UpstreamUrl,
    rules::{FactSpec, RuleSpec, Rules, RulesFile},
};

/// The file as it is written. `examples/undertone.toml` explains each key.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) listen: Option<Listen>,
    pub(crate) upstream: Option<UpstreamUrl>,
    pub(crate) respect_no_transform: bool,
    /// Whether the bot is told what a turn expresses.
    pub(crate) tell_bot: bool,
    pub(crate) voice: Voice,
    pub(crate) danger: Danger,
    pub(crate) late: Late,
    pub(crate) pace: Pace,
    pub(crate) model: Model,
    pub(crate) limits: Limits,
    pub(crate) proxy: Proxy,
    pub(crate) protocol: Vec<CustomSpec>,
    /// Files of rules.
    pub(crate) rules: Vec<PathBuf>,
    pub(crate) facts: BTreeMap<String, Spanned<FactSpec>>,
    pub(crate) rule: Vec<Spanned<RuleSpec>>,
    /// The file itself, for the lines of its rules.
    #[serde(skip)]
    source: Option<(PathBuf, String)>,
}

/// `[danger]`: what becomes of a turn that speaks of danger to life and limb.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Danger {
    /// What is put before the reply; it passes as it is without this.
    pub(crate) say: Option<String>,
    /// Whether the bot is told, in the request header `x-undertone-danger`.
    pub(crate) tell_bot: bool,
}

/// `[pace]`: where a chat widget tells how a user writes; nowhere without a path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Pace {
    pub(crate) path: Option<PathOnly>,
}

/// The path of an address, without its host and its query.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct PathOnly(pub(crate) String);

impl TryFrom<String> for PathOnly {
    type Error = String;

    fn try_from(path: String) -> Result<Self, String> {
        if path.starts_with('/') && !path.contains(['?', '#', ' ']) {
            Ok(Self(path))
        } else {
            Err(format!("`{path}` is no path, such as /undertone/pace"))
        }
    }
}

/// What the command line may say in place of the file, and which file.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Flags {
    /// A file of settings; examples/undertone.toml explains them all
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) voice: Voice,
    #[command(flatten)]
    pub(crate) model: Model,
}

impl Flags {
    /// What the command line says, and what the file says where it leaves something open.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is not TOML, or says something that is not known or cannot be.
    pub(crate) fn settings(self) -> Result<Settings, SettingsError> {
        let mut settings = self.config.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
        settings.voice = self.voice.or(settings.voice);
        settings.model = self.model.or(settings.model);
        Ok(settings)
    }
}

impl Settings {
    /// Reads a file; the paths in it come back relative to the working directory.
    fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = fs::read_to_string(path).map_err(|error| SettingsError::unreadable(path, &error))?;
        let mut settings = Self::parse(&text, path)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        settings.voice.relative_to(directory);
        settings.model.relative_to(directory);
        settings.rules.iter_mut().for_each(|rules| *rules = directory.join(&rules));
        settings.source = Some((path.to_owned(), text));
        Ok(settings)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error| SettingsError::in_toml(path, text, &error))
    }

    /// The policy that decides as the file says.
    ///
    /// # Errors
    ///
    /// If the phrasebook cannot be read, or is none.
    pub(crate) fn policy(&self) -> Result<Policy, SettingsError> {
        let policy = self.voice.policy()?;
        Ok(match &self.danger.say {
            Some(say) => policy.with_danger(say),
            None => policy,
        })
    }

    /// Where the bot is.
    ///
    /// # Errors
    ///
    /// If nobody says so.
    pub(crate) fn upstream(&self) -> Result<UpstreamUrl, SettingsError> {
        self.upstream.clone().ok_or_else(SettingsError::no_upstream)
    }

    /// The built-in protocols, and before them those of the file.
    ///
    /// # Errors
    ///
    /// If one of them cannot be.
    pub(crate) fn protocols(&self) -> Result<Protocols, SettingsError> {
        let mut protocols = Protocols::default();
        // The first that matches reads the request, and `with` puts in front: so the file's first stays the first.
        for spec in self.protocol.iter().rev() {
            let protocol = CustomProtocol::new(spec).map_err(|error| SettingsError::in_protocol(spec, &error))?;
            protocols = protocols.with(protocol);
        }
        Ok(protocols)
    }
}

impl Settings {
    /// What rules say: those of the file, and those of the files that it names.
    ///
    /// # Errors
    ///
    /// If one of them cannot be read or used.
    pub(crate) fn rules(&self) -> Result<Rules, SettingsError> {
        self.rules_and(&[])
    }

    /// The same, and those of more files.
    ///
    /// # Errors
    ///
    /// If one of them cannot be read or used.
    pub(crate) fn rules_and(&self, more: &[PathBuf]) -> Result<Rules, SettingsError> {
        let mut paths = Vec::new();
        let mut files = Vec::new();
        if let Some((path, text)) = &self.source {
            paths.push(path.clone());
            files.push(RulesFile::of(text.clone(), self.facts.clone(), self.rule.clone()));
        }
        for path in self.rules.iter().chain(more) {
            files.push(read_rules(path)?);
            paths.push(path.clone());
        }
        Rules::of(&files).map_err(|(number, error)| {
            SettingsError::in_rules(paths.get(number).map_or(Path::new(""), PathBuf::as_path), &error)
        })
    }
}

/// The rules in a file of their own, not yet compiled.
///
/// # Errors
///
/// If it cannot be read, or is none.
pub(crate) fn read_rules(path: &Path) -> Result<RulesFile, SettingsError> {
    let text = fs::read_to_string(path).map_err(|error| SettingsError::unreadable(path, &error))?;
    RulesFile::parse(&text).map_err(|error| SettingsError::in_rules(path, &error))
}

/// The phrasebook in a file, with its text.
///
/// # Errors
///
/// If it cannot be read, or is none.
pub(crate) fn read_phrasebook(path: &Path) -> Result<(Phrasebook, String), SettingsError> {
    let text = fs::read_to_string(path).map_err(|error| SettingsError::unreadable(path, &error))?;
    let book = Phrasebook::from_toml(&text).map_err(|error| SettingsError::in_phrasebook(path, &error))?;
    Ok((book, text))
}

/// Where to listen: an IP address or a host name, and a port; port 0 lets the system choose.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Listen(String);

/// The text is not an address with a port.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an address to listen on, such as 127.0.0.1:8080")]
pub(crate) struct InvalidListen(String);

impl Default for Listen {
    fn default() -> Self {
        // Not 0.0.0.0: who wants the network to reach it says so.
        Self(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)).to_string())
    }
}

impl FromStr for Listen {
    type Err = InvalidListen;

    fn from_str(address: &str) -> Result<Self, InvalidListen> {
        let named =
            |(host, port): (&str, &str)| !host.is_empty() && !host.contains([':', '/']) && port.parse::<u16>().is_ok();
        if address.parse::<SocketAddr>().is_ok() || address.rsplit_once(':').is_some_and(named) {
            Ok(Self(address.to_owned()))
        } else {
            Err(InvalidListen(address.to_owned()))
        }
    }
}

impl TryFrom<String> for Listen {
    type Error = InvalidListen;

    fn try_from(address: String) -> Result<Self, InvalidListen> {
        address.parse()
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
