use super::*;

fn parse(text: &str) -> Result<Settings, String> {
    Settings::parse(text, Path::new("undertone.toml")).map_err(|error| error.to_string())
}

#[test]
fn every_mistake_is_one_line_that_says_where() {
    for (text, expected) in [
        ("\nlistne = 1", "undertone.toml:2: unknown key `listne` (did you mean `listen`?)"),
        ("colour = 1", "undertone.toml:1: unknown key `colour`"),
        ("[proxy]\ndrain = 1", "undertone.toml:2: unknown key `drain` (did you mean `drain_ms`?)"),
        ("[limit]\nbudget_ms = 1", "undertone.toml:1: unknown key `limit` (did you mean `limits`?)"),
        (
            "[proxy]\ndrain_ms = \"long\"",
            "undertone.toml:2: drain_ms: invalid type: string \"long\", expected a whole number",
        ),
        ("[proxy]\ndrain_ms = -1", "undertone.toml:2: drain_ms: invalid value: integer `-1`, expected a whole number"),
        ("proxy = 1", "undertone.toml:1: proxy: invalid type: integer `1`, expected a table"),
        (
            "upstream = \"localhost:9000\"",
            "undertone.toml:1: upstream: `localhost:9000` is not the URL of a bot: it does not begin with http:// or https://",
        ),
        (
            "listen = \"8080\"",
            "undertone.toml:1: listen: `8080` is not an address to listen on, such as 127.0.0.1:8080",
        ),
        ("[voice]\nfloor = 1.5", "undertone.toml:2: floor: a weight is a number from 0 to 1: 1.5 is not"),
        (
            "[voice]\ntone = \"cold\"",
            "undertone.toml:2: tone: unknown variant `cold`, expected one of `formal`, `collaborative`, `warm`",
        ),
        ("[[protocol]]\npath = \"/chat\"", "undertone.toml:1: missing key `user`"),
        ("listen = \"a\"\nlisten = \"b\"", "undertone.toml:2: duplicate key"),
        ("listen = a", "undertone.toml:1: listen: string values must be quoted, expected literal string"),
    ] {
        assert_eq!(parse(text), Err(expected.to_owned()), "{text}");
    }
}

#[test]
fn the_documented_example_states_the_defaults() {
    let file = Settings::read(Path::new("examples/undertone.toml")).unwrap();
    assert_eq!(file.listen, Some(Listen::default()));
    assert_eq!(file.limits, Limits::default());
    assert_eq!(file.proxy, Proxy::default());
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(parse(""), Ok(Settings::default()));
}

#[test]
fn the_command_line_goes_before_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("undertone.toml");
    fs::write(&path, "[voice]\ntone = \"formal\"\nfloor = 0.5\n[model]\nqueue = 7").unwrap();
    let flags = Flags {
        config: Some(path),
        voice: Voice { tone: Some(crate::empathy::Tone::Warm), ..Voice::default() },
        ..Flags::default()
    };
    let settings = flags.settings().unwrap();
    assert_eq!(settings.voice.tone, Some(crate::empathy::Tone::Warm));
    assert_eq!(settings.voice.floor, Some(crate::empathy::Weight::clamped(0.5)));
    assert_eq!(settings.model.queue.map(std::num::NonZeroUsize::get), Some(7));
}

#[test]
fn without_a_bot_there_is_nothing_to_do() {
    let error = Settings::default().upstream().unwrap_err().to_string();
    assert!(error.contains("--upstream"), "{error}");
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("undertone.toml");
    fs::write(&path, "[voice]\nphrasebook = \"voice.toml\"\n[model]\npath = \"/models/own\"").unwrap();
    let file = Settings::read(&path).unwrap();
    assert_eq!(file.voice.phrasebook, Some(directory.path().join("voice.toml")));
    assert_eq!(file.model.path, Some(PathBuf::from("/models/own")));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Settings::read(Path::new("nowhere/undertone.toml")).unwrap_err().to_string();
    assert_eq!(error, "cannot read nowhere/undertone.toml: No such file or directory");
}

#[test]
fn addresses_to_listen_on() {
    for address in ["127.0.0.1:8080", "[::1]:0", "localhost:8080", "0.0.0.0:80"] {
        assert!(address.parse::<Listen>().is_ok(), "{address}");
    }
    for address in ["", "8080", ":8080", "localhost", "http://localhost:80", "localhost:99999", "::1:80"] {
        assert!(address.parse::<Listen>().is_err(), "{address}");
    }
}
