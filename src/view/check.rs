//! `wirelab check`: a line for each link as it is tested, and what it means where one is broken.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde::Serialize;

use super::{Paint, Style, text};
use crate::check::{Check, Finding, Link, Standing};

/// The first line of a test.
pub fn heading(check: &Check, host: &str, style: &Style) -> String {
    let title = format!(
        "IPv{}, from here to {}",
        check.version(),
        text::escape(host)
    );
    format!("{}\n", style.paint(Paint::Strong, title))
}

/// What is done where there is no right to ping.
pub fn without_echo(why: &str, style: &Style) -> String {
    let mut out = String::new();
    let said = format!(
        "without pings, by TCP and the neighbour table instead: {}",
        text::escape(why)
    );
    wrapped(&mut out, style, 2, &said);
    out
}

/// A link that was tested.
pub fn finding(finding: &Finding, style: &Style) -> String {
    let (mark, paint) = match finding.standing {
        Standing::Fine => ("ok", Paint::Good),
        Standing::Skipped => ("-", Paint::Dim),
        Standing::Broken => ("!!", Paint::Trouble),
    };
    let mut out = String::new();
    let mark = style.paint(paint, format!("{mark:<2}"));
    let tried = text::escape(&finding.tried);
    let (link, result) = (finding.link.name(), text::escape(&finding.result));
    let head = format!("{link:<11}  {tried:<16}  ");
    let indent = 4 + text::width(&head) + 2;
    let room = usize::from(style.width).saturating_sub(indent).max(20);
    let mut lines = text::wrap(&result, room).into_iter();
    let first = lines.next().unwrap_or_default();
    let _ = writeln!(out, "  {mark}  {head}{first}");
    for line in lines {
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
    wrapped(&mut out, style, 6, &finding.meaning);
    for (at, advice) in finding.advice.iter().enumerate() {
        let lead = if at == 0 { "try: " } else { "     " };
        wrapped(
            &mut out,
            style,
            6,
            &format!("{lead}{}", text::escape(advice)),
        );
    }
    out
}

/// What all of it comes to.
pub fn conclusion(checks: &[Check], host: &str, style: &Style) -> String {
    let mut out = String::from("\n");
    wrapped(&mut out, style, 0, &verdict(checks, host));
    out
}

/// The same in sentences.
fn verdict(checks: &[Check], host: &str) -> String {
    let mut said = Vec::new();
    for check in checks {
        let version = check.version();
        said.push(match check.broken_link() {
            Some(link) => format!("IPv{version} ends at this link: {}.", link.name()),
            None if check.is_fine() => {
                format!(
                    "IPv{version} is all right as far as {}.",
                    text::escape(host)
                )
            }
            None => format!("IPv{version} was not tested to the end."),
        });
    }
    said.join(" ")
}

#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    version: u8,
    host: &'a str,
    link: &'static str,
    standing: &'static str,
    tried: &'a str,
    result: &'a str,
    rtt_ns: Option<u64>,
    meaning: &'a str,
    advice: &'a [String],
}

/// A link as a JSON line.
pub fn json(check: &Check, host: &str, finding: &Finding) -> String {
    let line = Line {
        r#type: "checked",
        version: check.version(),
        host,
        link: finding.link.name(),
        standing: match finding.standing {
            Standing::Fine => "fine",
            Standing::Skipped => "skipped",
            Standing::Broken => "broken",
        },
        tried: &finding.tried,
        result: &finding.result,
        rtt_ns: finding.rtt_ns,
        meaning: &finding.meaning,
        advice: &finding.advice,
    };
    // Texts and a number: there is nothing in them that JSON could not say.
    serde_json::to_string(&line).map_or_else(|_| String::new(), |line| line + "\n")
}

#[derive(Serialize)]
struct Diagnosis<'a> {
    r#type: &'static str,
    host: &'a str,
    reached: bool,
    versions: Vec<Outcome>,
    text: String,
}

#[derive(Serialize)]
struct Outcome {
    version: u8,
    reached: bool,
    broken: Option<&'static str>,
}

/// What all of it comes to, as a JSON line.
pub fn diagnosis(checks: &[Check], host: &str) -> String {
    let version = |check: &Check| Outcome {
        version: check.version(),
        reached: check.is_fine(),
        broken: check.broken_link().map(Link::name),
    };
    let line = Diagnosis {
        r#type: "diagnosis",
        host,
        reached: checks.iter().any(Check::is_fine),
        versions: checks.iter().map(version).collect(),
        text: verdict(checks, host),
    };
    serde_json::to_string(&line).map_or_else(|_| String::new(), |line| line + "\n")
}

/// Whether an address can be asked about over that version of IP; a name can over both.
pub fn fits(host: &str, v6: bool) -> bool {
    host.parse::<IpAddr>().map_or(true, |it| it.is_ipv6() == v6)
}

fn wrapped(out: &mut String, style: &Style, indent: usize, said: &str) {
    if said.is_empty() {
        return;
    }
    let columns = usize::from(style.width)
        .min(110)
        .saturating_sub(indent)
        .max(20);
    for line in text::wrap(said, columns) {
        let _ = writeln!(out, "{:indent$}{line}", "");
    }
}
