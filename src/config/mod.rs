//! `undertone.toml`: every setting of the proxy, and its default.
//!
//! Two stages: [`File`] is what was written, each value already of its type; [`Config`] is what is used, with the
//! command line's wishes on top, the defaults filled in and the phrasebook read. A mistake is one line that names the
//! file, the line and the key.

mod mistake;

use std::{
    fmt, fs,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use crate::{
    empathy::{Phrasebook, Tone, Weight},
    layer::Limits,
    protocol::{CustomProtocol, CustomSpec, Protocols},
    proxy::UpstreamUrl,
    sentiment::EnginePreference,
};
use serde::Deserialize;

pub(crate) use self::mistake::ConfigError;

/// The file as it is written. `examples/undertone.toml` explains each key.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) listen: Option<Listen>,
    pub(crate) upstream: Option<UpstreamUrl>,
    pub(crate) tone: Option<Tone>,
    /// Relative to the directory that the file is in.
    pub(crate) phrasebook: Option<PathBuf>,
    pub(crate) floor: Option<Weight>,
    pub(crate) respect_no_transform: bool,
    pub(crate) model: Model,
    pub(crate) limits: Limits,
    pub(crate) proxy: Proxy,
    pub(crate) protocol: Vec<CustomSpec>,
}

/// `[model]`: which classifier runs, and on what.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Model {
    /// The directory of the model, relative to the directory that the file is in; without it the bundled one.
    pub(crate) path: Option<PathBuf>,
    pub(crate) engine: Option<EnginePreference>,
    /// ONNX Runtime's shared library, relative like the model.
    pub(crate) onnxruntime: Option<PathBuf>,
    pub(crate) workers: Option<NonZeroUsize>,
    pub(crate) queue: Option<NonZeroUsize>,
}

/// `[proxy]`: how long to wait for what.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Proxy {
    /// For a connection to the bot, in milliseconds.
    pub(crate) connect_timeout_ms: u64,
    /// For open replies when undertone is told to stop, in milliseconds.
    pub(crate) drain_ms: u64,
}

impl Default for Proxy {
    fn default() -> Self {
        Self { connect_timeout_ms: 5_000, drain_ms: 30_000 }
    }
}

/// What the command line says, in place of what the file says.
#[derive(Debug, Default)]
pub(crate) struct Flags {
    pub(crate) listen: Option<Listen>,
    pub(crate) upstream: Option<UpstreamUrl>,
    pub(crate) tone: Option<Tone>,
    /// Relative to the working directory.
    pub(crate) phrasebook: Option<PathBuf>,
}

/// The settings as they are used.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) listen: Listen,
    pub(crate) upstream: UpstreamUrl,
    pub(crate) tone: Option<Tone>,
    pub(crate) phrasebook: Option<Phrasebook>,
    pub(crate) floor: Option<Weight>,
    pub(crate) respect_no_transform: bool,
    pub(crate) model: Model,
    pub(crate) limits: Limits,
    pub(crate) connect_timeout: Duration,
    pub(crate) drain: Duration,
    pub(crate) protocols: Protocols,
}

impl File {
    /// Reads the file; the paths in it come back relative to the working directory.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is not TOML, or says something that is not known or cannot be.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
        let mut file = Self::parse(&text, path)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        for path in [&mut file.phrasebook, &mut file.model.path, &mut file.model.onnxruntime].into_iter().flatten() {
            *path = directory.join(&*path);
        }
        Ok(file)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|error| ConfigError::in_toml(path, text, &error))
    }
}

impl Config {
    /// Joins file and flags.
    ///
    /// # Errors
    ///
    /// If there is no upstream in either, the phrasebook cannot be read, or a protocol cannot be.
    pub(crate) fn new(file: File, flags: Flags) -> Result<Self, ConfigError> {
        let mut protocols = Protocols::default();
        // The first that matches reads the request, and `with` puts in front: so the file's first stays the first.
        for spec in file.protocol.iter().rev() {
            protocols =
                protocols.with(CustomProtocol::new(spec).map_err(|error| ConfigError::in_protocol(spec, &error))?);
        }
        let phrasebook = flags.phrasebook.or(file.phrasebook).as_deref().map(read_phrasebook).transpose()?;
        Ok(Self {
            listen: flags.listen.or(file.listen).unwrap_or_default(),
            upstream: flags.upstream.or(file.upstream).ok_or_else(ConfigError::no_upstream)?,
            tone: flags.tone.or(file.tone),
            phrasebook,
            floor: file.floor,
            respect_no_transform: file.respect_no_transform,
            model: file.model,
            limits: file.limits,
            connect_timeout: Duration::from_millis(file.proxy.connect_timeout_ms),
            drain: Duration::from_millis(file.proxy.drain_ms),
            protocols,
        })
    }
}

fn read_phrasebook(path: &Path) -> Result<Phrasebook, ConfigError> {
    let text = fs::read_to_string(path).map_err(|error| ConfigError::unreadable(path, &error))?;
    Phrasebook::from_toml(&text).map_err(|error| ConfigError::in_phrasebook(path, &error))
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
