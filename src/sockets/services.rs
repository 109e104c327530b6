//! Names of services (services(5)): what a port is given to, which is not who has it.

use super::Protocol;

/// A service and its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name, not yet escaped where it is from a file.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// Over which protocol; `None` for both.
    pub protocol: Option<Protocol>,
    /// What it is, where we know.
    pub what: Option<&'static str>,
}

/// The services a person meets, for machines that have no list of their own.
#[rustfmt::skip] // a table reads best as one
const KNOWN: &[(&str, u16, &str)] = &[
    ("echo", 7, "says what is said to it"), ("discard", 9, "throws away what is said to it"),
    ("ftp-data", 20, "file transfer, the data"), ("ftp", 21, "file transfer"), ("ssh", 22, "secure shell"),
    ("telnet", 23, "remote terminal, in the clear"), ("smtp", 25, "mail between servers"), ("time", 37, "the time"),
    ("domain", 53, "DNS: names to addresses"), ("bootps", 67, "DHCP, the server's side"), ("bootpc", 68, "DHCP, the client's side"),
    ("tftp", 69, "trivial file transfer"), ("http", 80, "the web, in the clear"), ("kerberos", 88, "tickets for logging in"),
    ("pop3", 110, "fetching mail"), ("sunrpc", 111, "finding RPC services"), ("ntp", 123, "clocks set by the network"),
    ("netbios-ssn", 139, "Windows file sharing, of old"), ("imap2", 143, "mail on the server"), ("snmp", 161, "watching devices"),
    ("bgp", 179, "routes between networks"), ("ldap", 389, "directory of people and things"), ("https", 443, "the web, encrypted"),
    ("microsoft-ds", 445, "Windows file sharing (SMB)"), ("submission", 587, "mail from its writer"), ("ipp", 631, "printing"),
    ("ldaps", 636, "directory, encrypted"), ("rsync", 873, "copying what changed"), ("imaps", 993, "mail on the server, encrypted"),
    ("pop3s", 995, "fetching mail, encrypted"), ("socks", 1080, "a proxy"), ("ms-sql-s", 1433, "Microsoft SQL Server"),
    ("mqtt", 1883, "messages between things"), ("nfs", 2049, "files over the network"), ("mysql", 3306, "MySQL"),
    ("ms-wbt-server", 3389, "remote desktop (RDP)"), ("iperf3", 5201, "measuring throughput"), ("sip", 5060, "setting up calls"),
    ("xmpp-client", 5222, "chat"), ("mdns", 5353, "names on the link"), ("postgresql", 5432, "PostgreSQL"),
    ("amqp", 5672, "message queues"), ("x11", 6000, "screens of Unix"), ("redis", 6379, "Redis"), ("ircd", 6667, "chat, of old"),
    ("http-alt", 8080, "the web, another port"), ("mongodb", 27_017, "MongoDB"),
];

/// All names that are known here: those of this machine's list, and those above.
#[derive(Clone, Debug, Default)]
pub struct Services {
    list: Vec<Service>,
}

impl Services {
    /// From the text of a services file, empty where there is none. What is in both keeps the file's name.
    pub fn new(text: &str) -> Self {
        let mut list: Vec<Service> = text.lines().filter_map(line).collect();
        for &(name, port, what) in KNOWN {
            let mut same = list.iter_mut().filter(|it| it.port == port).peekable();
            if same.peek().is_none() {
                list.push(Service {
                    name: name.to_owned(),
                    port,
                    protocol: None,
                    what: Some(what),
                });
            } else {
                same.for_each(|it| it.what = Some(what));
            }
        }
        Self { list }
    }

    /// What a port is given to; several where the protocols differ.
    pub fn of(&self, port: u16) -> Vec<&Service> {
        self.list.iter().filter(|it| it.port == port).collect()
    }

    /// The name of a port's service.
    pub fn name(&self, port: u16, protocol: Protocol) -> Option<&str> {
        let fits = |it: &&Service| it.port == port && it.protocol.is_none_or(|its| its == protocol);
        Some(&self.list.iter().find(fits)?.name)
    }

    /// The port of a service, by name.
    pub fn port(&self, name: &str) -> Option<u16> {
        let same = |it: &&Service| it.name.eq_ignore_ascii_case(name);
        Some(self.list.iter().find(same)?.port)
    }

    /// All names, for who misspelt one.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|it| it.name.as_str())
    }
}

/// A line of a services file: name, port and protocol.
fn line(line: &str) -> Option<Service> {
    let mut words = line.split('#').next()?.split_whitespace();
    let name = words.next()?;
    let (port, protocol) = words.next()?.split_once('/')?;
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        _ => return None,
    };
    Some(Service {
        name: name.to_owned(),
        port: port.parse().ok()?,
        protocol: Some(protocol),
        what: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_file_comes_before_what_is_known_anyway() {
        let services =
            Services::new("# x\nhttp\t80/tcp www # web\nthings 7777/udp\nodd 1/sctp\nbroken\n");
        assert_eq!(services.name(80, Protocol::Tcp), Some("http"));
        assert_eq!(
            services.name(80, Protocol::Udp),
            None,
            "the file gives it to TCP alone"
        );
        assert_eq!(services.of(80)[0].what, Some("the web, in the clear"));
        assert_eq!(services.name(7777, Protocol::Udp), Some("things"));
        assert_eq!(services.name(22, Protocol::Tcp), Some("ssh"));
        assert_eq!(services.port("FTP"), Some(21));
        assert_eq!(services.port("broken"), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = Services::new(&text);
        }
    }
}
