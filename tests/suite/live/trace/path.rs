//! A client, routers in a row, and a server: network namespaces whose kernels forward.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::unistd::geteuid;

use crate::live::net::{inside, ip, skip};
use crate::live::program::{WIRELAB, wait_until};

/// They are gone when this is dropped, also by a panic.
pub(super) struct Path {
    /// Client, routers, server.
    hosts: Vec<String>,
}

/// Writes a setting of a host, as in `ipv4/ip_forward`.
pub(super) fn set(host: &str, setting: &str, value: &str) {
    inside(host, || {
        fs::write(format!("/proc/sys/net/{setting}"), value).expect("its own setting");
    });
}

impl Path {
    /// With so many routers, or `None` after saying why this machine can't have it.
    pub(super) fn or_skip(routers: usize) -> Option<Self> {
        if !geteuid().is_root() {
            skip("live tests need root, to make network namespaces");
            return None;
        }
        match Self::make(routers) {
            Ok(path) => {
                path.settle();
                Some(path)
            }
            Err(reason) => {
                skip(&reason);
                None
            }
        }
    }

    fn make(routers: usize) -> Result<Self, String> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = |host: usize| format!("wirelab-{}-t{number}-{host}", std::process::id());
        // Named first, so that what there is of them is taken away when a step fails.
        let path = Self {
            hosts: (0..routers + 2).map(name).collect(),
        };
        for host in &path.hosts {
            prepare(host)?;
        }
        for (link, pair) in (1..).zip(path.hosts.windows(2)) {
            let (near, far) = (&pair[0], &pair[1]);
            ip(&format!(
                "link add name right netns {near} type veth peer name left netns {far}"
            ))?;
            for (host, end, last) in [(near, "right", 1), (far, "left", 2)] {
                ip(&format!(
                    "-n {host} addr add 10.80.{link}.{last}/24 dev {end}"
                ))?;
                ip(&format!(
                    "-n {host} addr add fd80:{link}::{last}/64 dev {end} nodad"
                ))?;
                ip(&format!("-n {host} link set {end} up"))?;
            }
        }
        path.route()?;
        Ok(path)
    }

    /// Waits until packets get through: links take a while to come up, and IPv6 to trust its addresses.
    fn settle(&self) {
        for target in [self.target(false), self.target(true)] {
            wait_until("a packet through all routers", || {
                let mut ping = Command::new(WIRELAB);
                ping.args(["ping", "-q", "-c", "1", "-W", "0.2", &target]);
                let output = inside(self.client(), move || ping.output()).expect("it ran");
                output.status.success()
            });
        }
    }

    /// Each host sends what is not on its own links towards where it is.
    fn route(&self) -> Result<(), String> {
        let last = self.hosts.len() - 1;
        for (index, host) in self.hosts.iter().enumerate() {
            for link in 1..=last {
                if link == index || link == index + 1 {
                    continue;
                }
                let (near, end) = if link < index {
                    (index, 1)
                } else {
                    (index + 1, 2)
                };
                ip(&format!(
                    "-n {host} route add 10.80.{link}.0/24 via 10.80.{near}.{end}"
                ))?;
                ip(&format!(
                    "-n {host} -6 route add fd80:{link}::/64 via fd80:{near}::{end}"
                ))?;
            }
        }
        // Elsewhere is beyond the first router.
        let client = self.client();
        ip(&format!("-n {client} route add default via 10.80.1.2"))?;
        ip(&format!("-n {client} -6 route add default via fd80:1::2"))
    }

    pub(super) fn client(&self) -> &str {
        &self.hosts[0]
    }

    /// The router of that number, from 1.
    pub(super) fn router(&self, number: usize) -> &str {
        &self.hosts[number]
    }

    pub(super) fn server(&self) -> &str {
        self.hosts.last().expect("a server")
    }

    /// The address that each hop answers from, the server's last.
    pub(super) fn answers(&self, v6: bool) -> Vec<String> {
        let address = |link: usize| {
            if v6 {
                format!("fd80:{link}::2")
            } else {
                format!("10.80.{link}.2")
            }
        };
        (1..self.hosts.len()).map(address).collect()
    }

    pub(super) fn target(&self, v6: bool) -> String {
        self.answers(v6).pop().expect("a server")
    }

    /// Drops what a router itself has to say to the client.
    pub(super) fn silence(&self, router: usize) {
        let host = self.router(router);
        ip(&format!(
            "-n {host} rule add iif lo to 10.80.1.0/24 blackhole pref 10"
        ))
        .expect("a rule");
        ip(&format!(
            "-n {host} -6 rule add iif lo to fd80:1::/64 blackhole pref 10"
        ))
        .expect("a rule");
    }

    /// Lowers the MTU of the link behind a router.
    pub(super) fn narrow(&self, router: usize, mtu: u32) {
        let (near, far) = (self.router(router), &self.hosts[router + 1]);
        ip(&format!("-n {near} link set right mtu {mtu}")).expect("an MTU");
        ip(&format!("-n {far} link set left mtu {mtu}")).expect("an MTU");
    }

    /// A second link between the first router and the second, which then answers from either; gives the
    /// other address.
    pub(super) fn fork(&self) -> String {
        let (near, far) = (self.router(1), self.router(2));
        ip(&format!(
            "link add name fork netns {near} type veth peer name fork netns {far}"
        ))
        .expect("a link");
        for (host, last) in [(near, 1), (far, 2)] {
            ip(&format!("-n {host} addr add 10.81.1.{last}/24 dev fork")).expect("an address");
            ip(&format!("-n {host} link set fork up")).expect("up");
        }
        let target = format!("10.80.{}.0/24", self.hosts.len() - 1);
        ip(&format!("-n {near} route del {target}")).expect("no route");
        ip(&format!(
            "-n {near} route add {target} nexthop via 10.80.2.2 nexthop via 10.81.1.2"
        ))
        .expect("two routes");
        // It answers from the address that the packet came to.
        set(far, "ipv4/icmp_errors_use_inbound_ifaddr", "1");
        for host in [near, far] {
            set(host, "ipv4/conf/all/rp_filter", "0");
            set(host, "ipv4/conf/fork/rp_filter", "0");
        }
        "10.81.1.2".to_owned()
    }
}

/// A host that forwards, and says every time why it does not.
fn prepare(host: &str) -> Result<(), String> {
    ip(&format!("netns add {host}"))?;
    ip(&format!("-n {host} link set lo up"))?;
    for (setting, value) in [
        ("ipv4/ip_forward", "1"),
        ("ipv6/conf/all/forwarding", "1"),
        ("ipv6/conf/all/accept_dad", "0"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv4/icmp_ratemask", "0"),
        ("ipv6/icmp/ratelimit", "0"),
        ("ipv4/icmp_msgs_per_sec", "100000"),
        ("ipv4/icmp_msgs_burst", "10000"),
    ] {
        // Older kernels have the last two for the whole machine only.
        let write = || fs::write(format!("/proc/sys/net/{setting}"), value);
        let written = inside(host, write);
        if !setting.contains("msgs") {
            written.map_err(|error| format!("{setting}: {error}"))?;
        }
    }
    Ok(())
}

impl Drop for Path {
    fn drop(&mut self) {
        for host in &self.hosts {
            let _ = ip(&format!("netns del {host}"));
        }
    }
}
