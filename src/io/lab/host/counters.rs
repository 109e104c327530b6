//! What a host's kernel has counted: the files that nstat(8) reads, kept open since rights were there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Those of this thread's namespace.
const FOLDER: &str = "/proc/thread-self/net";
/// With pairs of lines: names, then values.
const TABLES: [&str; 2] = ["snmp", "netstat"];
/// With a name and a value on each line.
const LIST: &str = "snmp6";

/// What stands among the counters and counts nothing: it is a setting.
const SETTINGS: &[&str] = &[
    "IpDefaultTTL",
    "IpForwarding",
    "TcpMaxConn",
    "TcpRtoAlgorithm",
    "TcpRtoMax",
    "TcpRtoMin",
];

/// The counters of a namespace. An open file shows that of the thread that opened it, whoever reads it.
#[derive(Debug)]
pub(super) struct Counters {
    tables: Vec<File>,
    /// Not there when the kernel has no IPv6.
    list: Option<File>,
}

impl Counters {
    /// Those of this thread's namespace.
    pub(super) fn open() -> io::Result<Self> {
        let open = |name: &str| File::open(format!("{FOLDER}/{name}"));
        Ok(Self {
            tables: TABLES.into_iter().map(open).collect::<io::Result<_>>()?,
            list: match open(LIST) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                opened => Some(opened?),
            },
        })
    }

    /// All that are not zero.
    pub(super) fn read(&self) -> io::Result<BTreeMap<String, u64>> {
        let mut all = BTreeMap::new();
        for table in &self.tables {
            add_table(&whole(table)?, &mut all);
        }
        if let Some(list) = &self.list {
            add_list(&whole(list)?, &mut all);
        }
        Ok(all)
    }
}

/// The file from its beginning: the kernel counts anew for it.
fn whole(file: &File) -> io::Result<String> {
    // More than there is, so that all of it comes from one moment.
    let mut buffer = vec![0; 64 * 1024];
    let mut length = 0;
    while let Some(room) = buffer.get_mut(length..).filter(|room| !room.is_empty()) {
        match file.read_at(room, length as u64)? {
            0 => break,
            more => length += more,
        }
    }
    buffer.truncate(length);
    Ok(String::from_utf8_lossy(&buffer).into_owned())
}

/// Reads pairs of lines, `Tcp: InSegs OutSegs` and `Tcp: 3 4`.
fn add_table(text: &str, to: &mut BTreeMap<String, u64>) {
    let lines: Vec<_> = text.lines().collect();
    for pair in lines.chunks_exact(2) {
        let [names, values] = pair else { continue };
        let Some((group, names)) = names.split_once(':') else {
            continue;
        };
        let values = values.split_once(':').map_or("", |(_, values)| values);
        for (name, value) in names.split_whitespace().zip(values.split_whitespace()) {
            // TCP's own say so in their names.
            let name = if group == "TcpExt" && name.starts_with("TCP") {
                name.to_owned()
            } else {
                format!("{group}{name}")
            };
            add(name, value, to);
        }
    }
}

/// Reads lines, `Ip6InReceives  12`.
fn add_list(text: &str, to: &mut BTreeMap<String, u64>) {
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(value)) = (words.next(), words.next()) {
            add(name.to_owned(), value, to);
        }
    }
}

fn add(name: String, value: &str, to: &mut BTreeMap<String, u64>) {
    // What is no count is negative: no limit.
    let value = value.parse().unwrap_or(0);
    if value != 0 && !SETTINGS.contains(&&*name) {
        to.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_have_the_names_that_nstat_gives_them() {
        let mut all = BTreeMap::new();
        add_table(
            "Tcp: RtoMin MaxConn InSegs OutSegs\nTcp: 200 -1 3 0\n\
             TcpExt: DelayedACKs TCPTimeouts TCPAutoCorking\nTcpExt: 2 5 0\n",
            &mut all,
        );
        add_list("Ip6InReceives   \t12\nIp6OutRequests 0\n", &mut all);
        let all: Vec<_> = all.iter().map(|(name, value)| (&**name, *value)).collect();
        assert_eq!(
            all,
            [
                ("Ip6InReceives", 12),
                ("TCPTimeouts", 5),
                ("TcpExtDelayedACKs", 2),
                ("TcpInSegs", 3)
            ]
        );
    }

    #[test]
    fn what_is_cut_short_counts_nothing() {
        let mut all = BTreeMap::new();
        for text in ["", "Tcp", "Tcp: A B", "Tcp: A\nTcp", "x\ny"] {
            add_table(text, &mut all);
            add_list(text, &mut all);
        }
        assert!(all.is_empty(), "{all:?}");
    }

    #[test]
    fn this_machine_has_counters_and_each_reading_begins_anew() {
        let counters = Counters::open().unwrap();
        let first = whole(&counters.tables[0]).unwrap();
        assert!(first.starts_with("Ip: Forwarding"), "{first}");
        assert_eq!(
            first.lines().count(),
            whole(&counters.tables[0]).unwrap().lines().count()
        );
    }
}
