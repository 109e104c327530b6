//! `wirelab server` and `wirelab client` against nc (OpenBSD's), which knows nothing of them: text both ways,
//! also in another encoding, bytes as they are, and whose end ends what.

use std::process::{Command, Stdio};

use super::net::skip;
use super::talker::{Over, Talker, text};

/// nc, or `None` after saying that there is none.
fn nc(words: &[&str]) -> Option<Command> {
    let help = Command::new("nc").arg("-h").stdin(Stdio::null()).output();
    let is_openbsd = |text: &[u8]| String::from_utf8_lossy(text).contains("OpenBSD");
    if !help.is_ok_and(|it| is_openbsd(&it.stdout) || is_openbsd(&it.stderr)) {
        skip("nc is not installed (netcat-openbsd)");
        return None;
    }
    let mut command = Command::new("nc");
    command.args(words);
    Some(command)
}

/// nc that listens on a port of the kernel's choice, which it says on standard error.
fn listening(options: &[&str]) -> Option<(Talker, String)> {
    let words = [options, &["-l", "-v", "-n", "127.0.0.1", "0"]].concat();
    let mut shell = Command::new("sh");
    // Both of its outputs in one pipe, to be read while it runs.
    shell.args(["-c", "exec nc \"$@\" 2>&1", "sh"]).args(&words);
    nc(&words)?;
    let nc = Talker::start(shell);
    nc.shows("Listening on ");
    nc.shows("\n");
    let shown = nc.shown();
    let port = shown.lines().next()?.rsplit(' ').next()?.to_owned();
    Some((nc, port))
}

fn whole(over: &Over) {
    assert_eq!(over.code, Some(0), "{}{}", over.shown, over.said);
}

#[test]
fn nc_as_the_client_of_our_server() {
    let mut server = Talker::ours(&[
        "server",
        "127.0.0.1:0",
        "--once",
        "--encoding",
        "gbk",
        "--send",
        "你好\n",
        "--format",
        "json",
    ]);
    let port = server.port().to_string();
    // -N: the end of its input ends its direction, as ours does.
    let Some(nc) = nc(&["-N", "-n", "127.0.0.1", &port]) else {
        return;
    };
    let mut nc = Talker::start(nc);
    nc.types("one\n");
    server.shows("\"one\\n\"");
    nc.types("two\n");
    server.shows("\"two\\n\"");
    server.types("再见\n");
    server.shows("再见");
    let nc = nc.over();
    whole(&nc);
    let over = server.over();
    whole(&over);
    let lines = over.lines();
    assert_eq!(text(&lines, "received"), "one\ntwo\n");
    assert_eq!(text(&lines, "sent"), "你好\n再见\n");
    // It shows the bytes of GBK as they come.
    assert_eq!(nc.bytes, b"\xc4\xe3\xba\xc3\n\xd4\xd9\xbc\xfb\n");
    assert!(
        over.shown.contains("the peer's FIN has come"),
        "{}",
        over.shown
    );
}

#[test]
fn nc_as_the_server_of_our_client() {
    let Some((mut nc, port)) = listening(&["-N"]) else {
        return;
    };
    let mut client = Talker::ours(&["client", "127.0.0.1", &port, "--format", "json"]);
    client.types("how do you do\n");
    nc.shows("how do you do\n");
    nc.types("very well\n");
    client.shows("very well");
    // It ends first; then we do.
    let nc = std::thread::spawn(move || nc.over());
    client.shows("the peer's FIN has come");
    let client = client.over();
    whole(&client);
    whole(&nc.join().expect("no panic"));
    assert_eq!(text(&client.lines(), "received"), "very well\n");
    assert_eq!(text(&client.lines(), "sent"), "how do you do\n");
}

#[test]
fn a_file_from_our_client_to_nc_and_from_nc_to_our_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let much: Vec<u8> = (0..1_000_003_u32).map(|n| (n ^ (n >> 9)) as u8).collect();
    std::fs::write(path("much"), &much).expect("written");

    let Some((nc, port)) = listening(&["-N"]) else {
        return;
    };
    let client = Talker::ours(&[
        "client",
        "127.0.0.1",
        &port,
        "--send",
        &format!("@{}", path("much")),
    ]);
    let nc = std::thread::spawn(move || nc.over());
    whole(&client.over());
    let nc = nc.join().expect("no panic");
    // After two lines of its own: that it listens, and who came.
    let own = nc
        .bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n');
    let (at, _) = own.take(2).last().expect("two lines");
    assert!(nc.bytes[at + 1..] == much, "{} bytes", nc.bytes.len());

    let server = Talker::ours(&["server", "127.0.0.1:0", "--once", "--save", &path("saved")]);
    let port = server.port().to_string();
    let mut sender = self::nc(&["-N", "-n", "127.0.0.1", &port]).expect("it was there");
    let file = std::fs::File::open(path("much")).expect("it is there");
    let status = sender.stdin(file).stdout(Stdio::null()).status();
    whole(&server.over());
    assert!(status.expect("it runs").success());
    assert!(std::fs::read(path("saved")).expect("saved") == much);
}
