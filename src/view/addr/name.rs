//! A name: where it was looked up, what it leads to, and why in this order (RFC 6724).

use super::{INDENT, Paint, Style, line, wrapped};
use crate::address::{Candidate, Name, Rule, kind, policy};
use crate::event::units;
use crate::view::text;

/// Writes it. `explain` adds the numbers that the order rests on.
pub fn name(name: &Name, style: &Style, explain: bool) -> String {
    let mut out = String::new();
    let shown = text::escape(&name.name);
    let took = units::nanos(u64::try_from(name.took.as_nanos()).unwrap_or(u64::MAX));
    let addresses =
        units::plural(name.candidates.len() as u64, "address").replace("addresss", "addresses");
    line(
        &mut out,
        &format!(
            "{}: {addresses}, after {took}",
            style.paint(Paint::Strong, &shown)
        ),
    );
    wrapped(&mut out, style, 2, &asked(name));
    out.push('\n');
    let reasons = name.reasons();
    for (at, candidate) in name.candidates.iter().enumerate() {
        one(&mut out, name, at, candidate, style);
        if explain {
            wrapped(&mut out, style, INDENT, &numbers(candidate));
        }
        if let Some((rule, as_asked)) = reasons.get(at) {
            let next = &name.candidates[at + 1];
            wrapped(
                &mut out,
                style,
                INDENT,
                &before(candidate, next, *rule, *as_asked, name.order_is_set),
            );
        }
    }
    out
}

/// Where it was looked up.
fn asked(name: &Name) -> String {
    if !name.hosts.is_empty() && name.ways.first().is_some_and(|way| way == "files") {
        return "found in the hosts file, so nobody else was asked".to_owned();
    }
    let servers = match name.servers.as_slice() {
        [] => "at no server: resolv.conf names none".to_owned(),
        servers => format!("at {}", units::list(servers)),
    };
    let way = |way: &String| match way.as_str() {
        "files" => "the hosts file".to_owned(),
        "dns" => format!("DNS, {servers}"),
        "myhostname" => "this machine's own name (systemd)".to_owned(),
        "resolve" => "systemd's resolver".to_owned(),
        other if other.starts_with("mdns") => "the link, by multicast DNS".to_owned(),
        other => text::escape(other).into_owned(),
    };
    let ways: Vec<_> = name.ways.iter().map(way).collect();
    match ways.as_slice() {
        [] => "nsswitch.conf names no way to look names up".to_owned(),
        [only] => format!("looked up in {only}"),
        ways => format!("looked up in {}", ways.join("; then in ")),
    }
}

fn one(out: &mut String, name: &Name, at: usize, candidate: &Candidate, style: &Style) {
    let address = candidate.destination;
    let record = if address.is_ipv4() { "A" } else { "AAAA" };
    let kind = kind(address);
    let from = match name.in_hosts_file(address) {
        Some(it) => format!("hosts file, line {}", it.number),
        None => format!("{record} record"),
    };
    let shown = style.paint(Paint::Good, address);
    line(
        out,
        &format!("  {}. {shown}  {} ({from})", at + 1, kind.name),
    );
    let way = match candidate.source {
        Some(source) => format!("from here it would be reached from {}", source.address),
        None => "there is no way there from here: it comes last".to_owned(),
    };
    wrapped(out, style, INDENT, &way);
}

/// The numbers of an address.
fn numbers(candidate: &Candidate) -> String {
    let policy_of = |address| {
        let line = policy(address);
        format!(
            "{} (precedence {}, label {})",
            line.block, line.precedence, line.label
        )
    };
    let source = candidate.source.map(|source| {
        format!(
            "; its source {} under {}",
            source.address,
            policy_of(source.address)
        )
    });
    format!(
        "in the policy table of RFC 6724 under {}{}",
        policy_of(candidate.destination),
        source.unwrap_or_default()
    )
}

/// Why one stands before the next.
fn before(
    one: &Candidate,
    next: &Candidate,
    rule: Rule,
    as_asked: bool,
    order_is_set: bool,
) -> String {
    let (this, that) = (one.destination, next.destination);
    if !as_asked {
        let why = if order_is_set {
            "gai.conf has an order of its own"
        } else {
            "this machine's C library has another table"
        };
        return format!(
            "before {that}, though rule {} of RFC 6724 6 would have it the other way round: {why}",
            rule.number()
        );
    }
    let precedence = |address| policy(address).precedence;
    let reason = match rule {
        Rule::Unusable => "only this one can be reached at all".to_owned(),
        Rule::Scope => "only this one has a source that is valid as far as it is itself".to_owned(),
        Rule::Deprecated => "the source for the other is going out of use".to_owned(),
        Rule::Label => "its source is of the same kind as itself".to_owned(),
        Rule::Precedence => format!(
            "precedence {} against {}",
            precedence(this),
            precedence(that)
        ),
        Rule::SmallerScope => "it is nearer: valid less far".to_owned(),
        Rule::LongestPrefix => "it has more leading bits in common with its source".to_owned(),
        Rule::AsTheyCame => {
            return format!(
                "before {that} because the answer came in this order: no rule of RFC 6724 6 prefers one"
            );
        }
    };
    format!(
        "before {that} by rule {} of RFC 6724 6: {reason}",
        rule.number()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::address::HostsLine;

    fn localhost() -> Name {
        let candidate = |destination: &str, source: &str| Candidate {
            destination: destination.parse().unwrap(),
            source: source.parse().ok(),
            deprecated: false,
        };
        Name {
            name: "local\u{1b}host".to_owned(),
            ways: vec!["files".to_owned(), "dns".to_owned()],
            hosts: vec![HostsLine {
                number: 2,
                address: "::1".parse().unwrap(),
                names: vec![],
            }],
            servers: vec!["192.0.2.1".to_owned()],
            order_is_set: false,
            took: Duration::from_micros(120),
            candidates: vec![
                candidate("::1", "::1/128"),
                candidate("127.0.0.1", "127.0.0.1/8"),
                candidate("2001:db8::1", ""),
            ],
        }
    }

    #[test]
    fn each_address_with_its_origin_and_the_rule_that_put_it_there() {
        insta::assert_snapshot!(name(&localhost(), &Style::default(), true));
    }

    #[test]
    fn another_order_is_not_explained_away() {
        let mut it = localhost();
        it.candidates.swap(0, 1);
        let text = name(&it, &Style::default(), false);
        assert!(text.contains("the other way round"), "{text}");
    }
}
