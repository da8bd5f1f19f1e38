//! The program as its user meets it: one clear line when something is wrong, and the right exit code.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output, Stdio},
};

fn undertone(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undertone"));
    command.args(args).env_remove("UNDERTONE_LOG").env("RUST_LOG", "info").env("NO_COLOR", "1");
    command
}

// `cfg(test)` is always true here; it tells clippy that this may panic, as tests may.
#[cfg(test)]
fn failure(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = undertone(args).env("RUST_LOG", "off").output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn mistakes_are_one_line_and_exit_code_2() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("undertone.toml");
    fs::write(&config, "listne = \"127.0.0.1:1\"\n").unwrap();
    let config = config.to_str().unwrap();
    for (args, expected) in [
        (
            ["serve", "--upsteam", "http://127.0.0.1:1"],
            "undertone: unexpected argument '--upsteam' found (a similar argument exists: '--upstream')\n".to_owned(),
        ),
        (
            ["serve", "--upstream", "127.0.0.1:9000"],
            "undertone: invalid value '127.0.0.1:9000' for '--upstream <URL>': `127.0.0.1:9000` is not the URL of a bot: \
             it does not begin with http:// or https://\n"
                .to_owned(),
        ),
        (
            ["serve", "--config", config],
            format!("undertone: {config}:1: unknown key `listne` (did you mean `listen`?)\n"),
        ),
        (
            ["serve", "--config", "nowhere.toml"],
            "undertone: cannot read nowhere.toml: entity not found\n".to_owned(),
        ),
        (
            ["serve", "--config", "examples/none/../undertone.toml"],
            "undertone: cannot read examples/none/../undertone.toml: entity not found\n".to_owned(),
        ),
    ] {
        assert_eq!(failure(&args), (Some(2), expected), "{args:?}");
    }
}

#[test]
fn a_bot_that_is_not_there_is_one_line_and_exit_code_1() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{gone}");
    let expected = format!("undertone: cannot reach the bot at {url}: connection refused\n");
    assert_eq!(failure(&["serve", "--upstream", &url, "--listen", "127.0.0.1:0"]), (Some(1), expected));
}

#[test]
fn a_port_in_use_is_one_line_and_exit_code_1() {
    let bot = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = bot.local_addr().unwrap().to_string();
    let (code, line) = failure(&["serve", "--upstream", &format!("http://{address}"), "--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(line.starts_with(&format!("undertone: cannot listen on {address}: Address")), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
}

#[cfg(unix)]
#[test]
fn it_serves_until_it_is_told_to_stop() {
    let bot = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = format!("http://{}", bot.local_addr().unwrap());
    let args = ["serve", "--upstream", &upstream, "--listen", "127.0.0.1:0"];
    let mut serving = undertone(&args).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(serving.stderr.take().unwrap()).lines().map(Result::unwrap);
    let line = log.find(|line| line.contains("listening on")).unwrap();
    let address = line.split("http://").nth(1).unwrap().split(',').next().unwrap();

    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    // The first connection only looked whether the bot is there.
    let mut at_bot = loop {
        let (mut stream, _) = bot.accept().unwrap();
        if stream.read(&mut [0; 1024]).unwrap() > 0 {
            break stream;
        }
    };
    assert!(Command::new("kill").arg(serving.id().to_string()).status().unwrap().success());
    log.find(|line| line.contains("shutting down")).unwrap();
    at_bot.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlast\n").unwrap();
    let mut reply = String::new();
    client.read_to_string(&mut reply).unwrap();
    assert!(reply.ends_with("\r\n\r\nlast\n"), "{reply}");
    assert!(serving.wait().unwrap().success());
}
