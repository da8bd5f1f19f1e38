//! The program as its user meets it: one clear line when something is wrong, and the right exit code.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod evaluation;
mod rules;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

fn undertone(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undertone"));
    command.args(args).env_remove("UNDERTONE_LOG").env("RUST_LOG", "info").env("NO_COLOR", "1");
    command
}

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
            "undertone: cannot read nowhere.toml: No such file or directory\n".to_owned(),
        ),
        (
            ["serve", "--config", "src"],
            "undertone: cannot read src: Is a directory\n".to_owned(),
        ),
    ] {
        assert_eq!(failure(&args), (Some(2), expected), "{args:?}");
    }
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

/// What the program prints when this comes in.
fn filter(args: &[&str], input: &[u8]) -> (Output, Vec<Value>) {
    let mut command = undertone(args);
    command.env_remove("ORT_DYLIB_PATH").env("RUST_LOG", "off");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let values = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    (output, values)
}

#[test]
fn classify_prints_one_json_object_a_line_in_order() {
    let turns = ["Where is my order?", "I am FURIOUS. Three weeks and nothing!", "", "thank you so much!!"];
    let (output, lines) = filter(&["classify", "--json"], turns.join("\r\n").as_bytes());
    assert!(output.status.success());
    assert_eq!(lines.iter().map(|line| line["text"].as_str().unwrap()).collect::<Vec<_>>(), turns);
    for line in &lines {
        let number = |name: &str| line[name].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&number("weight")) && (0.0..=1.0).contains(&number("affect")), "{line}");
        assert!((-1.0..=1.0).contains(&number("valence")), "{line}");
        let sum: f64 = ["negative", "neutral", "positive"].iter().map(|p| line["polarity"][p].as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{line}");
        let sum: f64 = line["emotions"].as_object().unwrap().values().map(|p| p.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{line}");
        assert!(line["emotions"].get(line["emotion"].as_str().unwrap()).is_some(), "{line}");
        let sum: f64 = line["targets"].as_object().unwrap().values().map(|p| p.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-3, "{line}");
        assert!(line["targets"].get(line["target"].as_str().unwrap()).is_some(), "{line}");
        assert!((0.0..0.5).contains(&number("danger")), "{line}");
        assert!(line.get("embedding").is_none(), "only on request: {line}");
    }
    assert!(lines[0]["weight"].as_f64() < lines[1]["weight"].as_f64());
    assert_eq!(lines[1]["emotion"], "anger");
}

#[test]
fn the_embedding_comes_on_request_and_tells_turns_apart() {
    let turns = ["Where is my parcel?", "My package has not come, where is it?", "How do I change my password?"];
    let (_, lines) = filter(&["classify", "--json", "--embedding"], turns.join("\n").as_bytes());
    let vectors: Vec<Vec<f64>> =
        lines.iter().map(|line| serde_json::from_value(line["embedding"].clone()).unwrap()).collect();
    assert!(vectors.iter().all(|vector| vector.len() == 96));
    let cosine = |a: usize, b: usize| -> f64 { vectors[a].iter().zip(&vectors[b]).map(|(a, b)| a * b).sum() };
    assert!((cosine(0, 0) - 1.0).abs() < 1e-3);
    assert!(cosine(0, 1) > cosine(0, 2) + 0.2, "{} {}", cosine(0, 1), cosine(0, 2));
}

#[test]
fn adjust_makes_the_whole_decision_without_http() {
    let exchanges = [
        r#"{"user": "Where is my order?", "reply": "It left on Tuesday."}"#,
        r#"{"user": "I am FURIOUS. Three weeks and nothing!", "reply": "It left on Tuesday."}"#,
        r#"{"user": "I am FURIOUS. Three weeks and nothing!", "reply": "I'm so sorry.", "id": 7}"#,
        r#"{"user": "My order is late.", "reply": "{}", "weight": 0.9, "history": [{"role": "tool", "content": null}]}"#,
    ];
    let (output, lines) = filter(&["adjust"], exchanges.join("\n").as_bytes());
    assert!(output.status.success());
    let column = |name: &str| lines.iter().map(|line| line[name].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(column("action"), ["none", "prepend", "none", "none"]);
    assert_eq!(column("reason"), ["below-floor", "waiting", "acknowledged", "structured"]);
    assert_eq!(lines[0]["reply"], "It left on Tuesday.");
    assert!(lines[1]["reply"].as_str().unwrap().ends_with(" It left on Tuesday."));
    assert_eq!(lines[3]["weight"], 0.9);
}

#[test]
fn adjust_does_not_say_what_the_history_shows_was_just_said() {
    let exchange =
        |history: Value| json!({"user": "STILL nothing. I am furious!", "reply": "It left.", "history": history});
    let said = |history: Value| {
        let (_, lines) = filter(&["adjust"], exchange(history).to_string().as_bytes());
        lines[0]["reply"].as_str().unwrap().to_owned()
    };
    let first = said(json!([]));
    assert_ne!(said(json!([{"user": "Nothing yet. I am furious!", "reply": first}])), first);
}

#[test]
fn a_line_that_is_no_exchange_ends_adjust_after_the_lines_before_it() {
    let (output, lines) = filter(&["adjust"], b"{\"user\": \"Hi\", \"reply\": \"Hello.\"}\n{\"user\": 1}\n");
    assert_eq!((output.status.code(), lines.len()), (Some(1), 1));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("undertone: line 2: invalid type"));
}

#[test]
fn an_unusable_onnx_runtime_is_one_warning_and_the_embedded_engine() {
    let mut classify = undertone(&["classify", "--onnxruntime", "/etc/passwd", "--json", "hi"]);
    let output = classify.env_remove("RUST_LOG").output().unwrap();
    let warning = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && warning.contains("WARN") && warning.contains("/etc/passwd"), "{warning}");
    assert_eq!(warning.lines().count(), 1, "{warning}");
}

#[test]
fn the_demo_shows_its_turns_and_stays_up_for_a_try() {
    let mut demo = undertone(&["demo"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut page = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let shown: Vec<_> = page.by_ref().take_while(|line| !line.starts_with("curl")).collect();
    for expected in ["customer  Where is my box?", "undertone stays silent (below-floor)", "undertone speaks first"] {
        assert!(shown.iter().any(|line| line.contains(expected)), "{expected}: {shown:#?}");
    }
    let invitation = page.find(|line| line.contains("Ctrl-C")).unwrap();
    assert!(invitation.contains("ends the demo"));
    assert!(demo.try_wait().unwrap().is_none(), "it stays up");
    demo.kill().unwrap();
    demo.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn it_starts_before_its_bot_and_says_so_and_a_hangup_does_not_end_it() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let args = ["serve", "--upstream", &format!("http://{gone}"), "--listen", "127.0.0.1:0"];
    let mut serving = undertone(&args).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(serving.stderr.take().unwrap()).lines().map(Result::unwrap);
    let line = log.find(|line| line.contains("listening on")).unwrap();
    let address = line.split("http://").nth(1).unwrap().split(',').next().unwrap();
    let warning = log.find(|line| line.contains("WARN")).unwrap();
    assert!(warning.contains(&format!("cannot reach the bot at http://{gone}: connection refused")), "{warning}");

    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    client.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 502 ") && reply.ends_with("undertone: the bot cannot be reached\n"), "{reply}");
    assert!(!reply.contains(&gone.to_string()), "{reply}");

    let id = serving.id().to_string();
    let signal = |name: &str| Command::new("kill").args([name, id.as_str()]).status().unwrap().success();
    assert!(signal("-HUP"));
    log.find(|line| line.contains("SIGHUP")).unwrap();
    let bot = TcpListener::bind(gone).unwrap();
    log.find(|line| line.contains("is there")).unwrap();
    drop(bot);
    assert!(signal("-TERM"));
    assert!(serving.wait().unwrap().success());
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

#[test]
fn the_built_in_phrasebook_passes_its_own_check() {
    let output = undertone(&["phrasebook", "check"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.ends_with("sentences, nothing to remark on\n"), "{said}");
}

#[test]
fn a_phrasebook_is_checked_line_by_line_with_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("voice.toml");
    let plain = "[{ weight = 0.3, say = 'Here it is.' }, { weight = 0.3, say = 'The answer follows.' }]";
    let anger = "[anger]\nwarm = [\n    { weight = 0.4, say = 'What a horrible, infuriating mess.' },\n    { weight \
                 = 0.4, say = \"You're right, that's terrible!\" },\n]\n";
    let book = format!(
        "language = 'en'\nnaming = 0.4\n[problem]\nformal = {plain}\ncollaborative = {plain}\nwarm = {plain}\n{anger}"
    );
    fs::write(&path, book).unwrap();
    let output = undertone(&["phrasebook", "check", path.to_str().unwrap()]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    for (line, remark) in [
        (9, "\"What a horrible, infuriating mess.\": sounds like 0."),
        (10, "an exclamation mark shouts"),
        (10, "\"You're right\" agrees with somebody who is angry"),
    ] {
        let place = format!("voice.toml:{line}: [anger] warm: ");
        assert!(said.lines().any(|said| said.contains(&place) && said.contains(remark)), "{line} {remark}:\n{said}");
    }
    assert_eq!(undertone(&["phrasebook", "check", "/nowhere.toml"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn a_preview_shows_what_is_said_at_each_weight_before_each_shape() {
    let args = ["phrasebook", "preview", "--kind", "waiting", "--tone", "warm", "--about", "my parcel is late"];
    let said = String::from_utf8(undertone(&args).output().unwrap().stdout).unwrap();
    assert!(said.starts_with("waiting, warm\n  weight  before    of\n    0.30  any "), "{said}");
    assert!(said.contains("your parcel"), "{said}");
    assert!(said.lines().filter(|line| line.contains("  no  ")).count() >= 4, "{said}");
    let all = undertone(&["phrasebook", "print"]).output().unwrap().stdout;
    assert!(String::from_utf8(all).unwrap().starts_with("# undertone's English phrasebook"));
}
