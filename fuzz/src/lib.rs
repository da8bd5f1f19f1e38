//! What the fuzz targets share: the exchanges of `tests/protocols`, as requests, as reply heads, and as seeds.

use std::{env, fs, path::PathBuf, sync::LazyLock};

use bytes::Bytes;
use http::{Request, response};
use serde::Deserialize;
use undertone::protocol::{CustomProtocol, CustomSpec, Protocols};

#[derive(Deserialize)]
struct File {
    protocol: String,
    exchange: Vec<Spec>,
}

#[derive(Deserialize)]
struct Spec {
    request: String,
    reply: String,
}

/// One exchange of `tests/protocols`.
#[derive(Debug)]
pub struct Exchange {
    /// Of which protocol.
    pub protocol: String,
    /// The request, its head and its body.
    pub request: Request<Bytes>,
    /// The head of the reply.
    pub head: response::Parts,
}

/// The exchanges of the protocol that `UNDERTONE_FUZZ` names, or of all.
pub static EXCHANGES: LazyLock<Vec<Exchange>> = LazyLock::new(|| {
    let only = env::var("UNDERTONE_FUZZ").ok();
    let mut paths: Vec<_> =
        fs::read_dir(folder()).expect("tests/protocols").map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let files = paths.iter().filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let files = files.filter(|path| !path.ends_with("custom-protocols.toml"));
    let files = files.map(|path| toml::from_str::<File>(&fs::read_to_string(path).unwrap()).unwrap());
    let files = files.filter(|file| only.as_ref().is_none_or(|only| *only == file.protocol));
    let exchanges: Vec<_> = files
        .flat_map(|file| file.exchange.iter().map(|spec| Exchange::new(&file.protocol, spec)).collect::<Vec<_>>())
        .collect();
    assert!(!exchanges.is_empty(), "UNDERTONE_FUZZ names no protocol of tests/protocols");
    exchanges
});

/// Every protocol that is built in, and those that `tests/protocols` configures.
pub static PROTOCOLS: LazyLock<Protocols> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Custom {
        protocol: Vec<CustomSpec>,
    }
    let custom = fs::read_to_string(folder().join("custom-protocols.toml")).unwrap();
    let custom: Custom = toml::from_str(&custom).unwrap();
    custom.protocol.iter().fold(Protocols::default(), |all, spec| all.with(CustomProtocol::new(spec).unwrap()))
});

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/protocols"))
}

impl Exchange {
    fn new(protocol: &str, spec: &Spec) -> Self {
        let (first, fields, body) = message(&spec.request);
        let (method, uri) = first.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::from(wire(body))).unwrap();
        let (status, fields, _) = message(&spec.reply);
        let mut response = http::Response::builder().status(status.parse::<u16>().unwrap());
        for (name, value) in fields {
            response = response.header(name, value);
        }
        let (head, ()) = response.body(()).unwrap().into_parts();
        Self { protocol: protocol.to_owned(), request, head }
    }
}

fn message(text: &str) -> (&str, Vec<(&str, &str)>, &str) {
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
    let (first, fields) = head.split_once('\n').unwrap_or((head, ""));
    (first, fields.lines().map(|line| line.split_once(": ").unwrap()).collect(), body)
}

fn wire(text: &str) -> Vec<u8> {
    text.split('□').map(str::as_bytes).collect::<Vec<_>>().join(&0xff)
}
