//! `wirelab check`: a line for each link as it is tested, and what it means where one is broken.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde::Serialize;

use super::{Paint, Style, text};
use crate::check::{Check, Finding, Standing};

/// The first line of a test.
pub fn heading(check: &Check, host: &str, style: &Style) -> String {
    let title = format!(
        "IPv{}, from here to {}",
        check.version(),
        text::escape(host)
    );
    format!("{}\n", style.paint(Paint::Strong, title))
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
    let mut said = Vec::new();
    for check in checks {
        let version = check.version();
        if check.is_fine() {
            said.push(format!(
                "IPv{version} is all right as far as {}.",
                text::escape(host)
            ));
        } else if let Some(last) = check.findings().last() {
            said.push(format!(
                "IPv{version} ends at this link: {}.",
                last.link.name()
            ));
        }
    }
    let mut out = String::from("\n");
    wrapped(&mut out, style, 0, &said.join(" "));
    out
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
        meaning: &finding.meaning,
        advice: &finding.advice,
    };
    // Texts and a number: there is nothing in them that JSON could not say.
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
