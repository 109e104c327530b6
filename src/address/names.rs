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

fn without_comment(line: &str) -> &str {
    line.split(['#', ';']).next().unwrap_or_default()
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

    proptest! {
        #[test]
        fn no_text_makes_them_panic(text in "\\PC{0,80}", name in "\\PC{0,10}") {
            let _ = (hosts_lines(&text, &name), ways_of_lookup(&text), nameservers(&text));
        }
    }
}
