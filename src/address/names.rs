//! What says where names are looked up: hosts(5), nsswitch.conf(5), resolv.conf(5), as texts.

use std::net::IpAddr;

/// A line of the hosts file that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostsLine {
    /// Its number, from 1.
    pub number: usize,
    /// The address it gives.
    pub address: IpAddr,
    /// All names it gives that address, the asked one among them.
    pub names: Vec<String>,
}

/// The lines of a hosts file that give this name an address. Names are compared without regard to case
/// (RFC 4343), and a dot at the end is no part of one.
pub fn hosts_lines(text: &str, name: &str) -> Vec<HostsLine> {
    let wanted = name.trim_end_matches('.');
    let line = |(number, line): (usize, &str)| {
        let mut words = without_comment(line).split_whitespace();
        let address = words.next()?.split('%').next()?.parse().ok()?;
        let names: Vec<String> = words.map(str::to_owned).collect();
        let has = names.iter().any(|it| it.eq_ignore_ascii_case(wanted));
        has.then_some(HostsLine {
            number: number + 1,
            address,
            names,
        })
    };
    text.lines().enumerate().filter_map(line).collect()
}

/// How the system looks host names up, in order, by nsswitch.conf: `files` is the hosts file, `dns` is
/// DNS. Where it says nothing, the C library's own default.
pub fn ways_of_lookup(nsswitch: &str) -> Vec<String> {
    let said = nsswitch.lines().find_map(|line| {
        let (database, ways) = without_comment(line).split_once(':')?;
        (database.trim() == "hosts").then(|| ways.trim().to_owned())
    });
    let said = said.as_deref().unwrap_or("files dns");
    // What stands in brackets says when to go on: `[NOTFOUND=return]`.
    let mut depth = 0_usize;
    let mut outside = String::new();
    for c in said.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if depth == 0 => outside.push(c),
            _ => {}
        }
    }
    outside.split_whitespace().map(str::to_owned).collect()
}

/// The servers that DNS is asked at, by resolv.conf, in order; an address may have its zone behind `%`.
pub fn nameservers(resolv: &str) -> Vec<String> {
    let server = |line: &str| {
        let mut words = without_comment(line)
            .split([' ', '\t'])
            .filter(|word| !word.is_empty());
        let is_one = words.next()? == "nameserver";
        is_one.then(|| words.next().map(str::to_owned)).flatten()
    };
    resolv.lines().filter_map(server).collect()
}

/// Why a text can be no name of a host, so that nobody needs to be asked (RFC 1123 section 2.1, RFC 1035
/// section 2.3.4); `None` if it can be one.
pub fn name_fault(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() {
        return Some("there is nothing in it".to_owned());
    }
    let numbers: Vec<&str> = name.split('.').collect();
    let is_number = |part: &&str| {
        let digits = part.strip_prefix("0x").unwrap_or(part);
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()) || part.starts_with("0x")
    };
    if numbers.iter().all(is_number) {
        return Some(number_fault(&numbers));
    }
    if is_hardware(name) {
        return Some("it is a hardware address (MAC), which names a network card on its link and no host: wirelab addr shows those of this machine, ip neigh those of its neighbours".to_owned());
    }
    if name.contains(':') {
        return Some("it looks like an IPv6 address and is none: eight groups of four hexadecimal digits, one run of zeros as ::".to_owned());
    }
    if let Some(odd) = name
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || "-._".contains(*c)))
    {
        let more = if odd.is_ascii() {
            ""
        } else {
            "; other letters are written in their xn-- form"
        };
        return Some(format!(
            "`{}` can't be in a name: letters, digits, - and . can{more}",
            odd.escape_debug()
        ));
    }
    if name.len() > 253 {
        return Some(format!(
            "it has {} letters, and a name 253 at most",
            name.len()
        ));
    }
    let odd = numbers
        .iter()
        .find(|label| label.is_empty() || label.len() > 63)?;
    Some(match odd.len() {
        0 => "two dots have nothing between them".to_owned(),
        n => format!("one of its parts has {n} letters, and 63 are the most"),
    })
}

/// Why numbers and dots are no IPv4 address.
fn number_fault(numbers: &[&str]) -> String {
    let too_big = |part: &&&str| part.parse::<u8>().is_err();
    match (numbers.len(), numbers.iter().find(too_big)) {
        (4, Some(part)) => {
            format!("it looks like an IPv4 address, but {part} is no octet: 0 to 255")
        }
        (n, _) => format!(
            "an IPv4 address has four numbers, this has {n}; some programs read it as an old notation of one"
        ),
    }
}

fn without_comment(line: &str) -> &str {
    line.split(['#', ';']).next().unwrap_or_default()
}

/// Whether it is written as hardware addresses are: six pairs of hexadecimal digits.
fn is_hardware(name: &str) -> bool {
    let pairs: Vec<&str> = name.split([':', '-']).collect();
    let is_pair = |it: &&str| it.len() == 2 && it.chars().all(|c| c.is_ascii_hexdigit());
    pairs.len() == 6 && pairs.iter().all(is_pair)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOSTS: &str = "\
# the machine itself
127.0.0.1 localhost
::1\tip6-localhost LocalHost # both
fe80::1%eth0 router
10.0.0.7 box box.example

nonsense localhost
";

    #[test]
    fn the_hosts_file_by_line() {
        let lines = hosts_lines(HOSTS, "localhost");
        let found: Vec<_> = lines
            .iter()
            .map(|it| (it.number, it.address.to_string()))
            .collect();
        assert_eq!(found, [(2, "127.0.0.1".to_owned()), (3, "::1".to_owned())]);
        assert_eq!(
            hosts_lines(HOSTS, "BOX.example.")[0].names,
            ["box", "box.example"]
        );
        assert_eq!(
            hosts_lines(HOSTS, "router")[0].address.to_string(),
            "fe80::1"
        );
        assert_eq!(hosts_lines(HOSTS, "10.0.0.7"), []);
    }

    #[test]
    fn ways_of_looking_up_without_their_conditions() {
        let ways = ways_of_lookup("passwd: files\nhosts:  files mdns4 [NOTFOUND=return] dns # x\n");
        assert_eq!(ways, ["files", "mdns4", "dns"]);
        assert_eq!(ways_of_lookup(""), ["files", "dns"]);
        assert!(ways_of_lookup("hosts:").is_empty());
    }

    #[test]
    fn servers_in_order() {
        let text = "search example\nnameserver 192.0.2.1\n nameserver\tfe80::1%eth0 ; x\n#nameserver 1.1.1.1\nnameserver\n";
        assert_eq!(nameservers(text), ["192.0.2.1", "fe80::1%eth0"]);
    }

    #[test]
    fn what_can_be_no_name_is_told_before_anybody_is_asked() {
        for fine in [
            "localhost",
            "www.example.org.",
            "a-b_c.example",
            "1.example",
            "xn--bcher-kva.example",
        ] {
            assert_eq!(name_fault(fine), None, "{fine}");
        }
        for (text, said) in [
            ("", "nothing in it"),
            ("10.4.0.300", "300 is no octet"),
            ("127.1", "this has 2"),
            ("0x7f000001", "this has 1"),
            ("fe80:::1", "IPv6"),
            ("a b", "` `"),
            ("10.4.0.0/24", "`/`"),
            ("b\u{fc}cher.example", "xn--"),
            ("a..b", "two dots"),
        ] {
            let fault = name_fault(text).unwrap_or_default();
            assert!(fault.contains(said), "{text}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "\\PC{0,80}", name in "\\PC{0,10}") {
            let _ = (hosts_lines(&text, &name), ways_of_lookup(&text), nameservers(&text), name_fault(&text));
        }
    }
}
