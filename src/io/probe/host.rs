//! Hosts as they are named on a command line: addresses, link-local addresses with their zone (RFC 4007
//! section 11), and names.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};

use nix::net::if_::{if_indextoname, if_nametoindex};

use super::{ProbeError, Version, socket};
use crate::io::interfaces::interfaces;

/// What a host turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The address that is asked.
    pub to: SocketAddr,
    /// Its other addresses of that version of IP, or of either.
    pub others: Vec<IpAddr>,
    /// The interface that a link-local address is on, as in `%eth0`; empty for any other address.
    pub zone: String,
}

/// Looks a host up (getaddrinfo(3)): an address, an address with `%zone`, or a name. Of several
/// addresses it is the first that this host has a way to. A link-local address without a zone is on
/// `device`, the interface that packets are to leave by, if that was said.
///
/// # Errors
///
/// When it has no address, or none of that version, or a zone that is no interface.
pub fn resolve(host: &str, version: Version, device: Option<&str>) -> Result<Resolved, ProbeError> {
    let unknown = |reason: String| ProbeError::Unknown {
        host: host.escape_debug().to_string(),
        reason,
    };
    if let Some(zone) = unknown_zone(host) {
        return Err(unknown(format!(
            "there is no interface {}; there are {}",
            zone.escape_debug(),
            all_interfaces().join(", ")
        )));
    }
    let found: Vec<SocketAddr> = (host, 0)
        .to_socket_addrs()
        .map_err(|error| unknown(without_prefix(&error)))?
        .map(|to| on_device(to, device))
        .collect();
    let fits = |address: &&SocketAddr| version.fits(address.is_ipv6());
    let mut fitting: Vec<SocketAddr> = found.iter().filter(fits).copied().collect();
    fitting.dedup();
    let has_way = |to: &&SocketAddr| socket::source_for(**to, None).is_ok();
    let chosen = fitting.iter().find(has_way).or(fitting.first()).copied();
    let to = chosen.ok_or_else(|| {
        let wanted = match version {
            Version::V4 => "IPv4",
            Version::V6 => "IPv6",
            Version::Any => "IP",
        };
        let has = found
            .first()
            .map_or(String::new(), |it| format!("; it has {}", it.ip()));
        unknown(format!("no {wanted} address{has}"))
    })?;
    let mut zone = String::new();
    if let SocketAddr::V6(v6) = to {
        if v6.ip().is_unicast_link_local() && v6.scope_id() == 0 {
            return Err(unknown(format!(
                "a link-local address means another host on every interface; say which one: {}%{}",
                v6.ip(),
                an_interface()
            )));
        }
        zone = zone_of(v6);
    }
    let others = fitting.iter().filter(|it| **it != to).map(SocketAddr::ip);
    Ok(Resolved {
        to,
        others: others.collect(),
        zone,
    })
}

/// The address, on that interface if it is one of a link and has no other.
fn on_device(to: SocketAddr, device: Option<&str>) -> SocketAddr {
    match (to, device.map(if_nametoindex)) {
        (SocketAddr::V6(v6), Some(Ok(index))) if v6.scope_id() == 0 && is_of_a_link(v6.ip()) => {
            SocketAddrV6::new(*v6.ip(), v6.port(), v6.flowinfo(), index).into()
        }
        _ => to,
    }
}

/// Whether it means another host, or group, on every link (RFC 4007 section 5).
const fn is_of_a_link(address: &Ipv6Addr) -> bool {
    let [first, second, ..] = address.octets();
    address.is_unicast_link_local() || first == 0xff && second & 0x0f == 2
}

fn zone_of(to: SocketAddrV6) -> String {
    if to.scope_id() == 0 {
        return String::new();
    }
    let name = if_indextoname(to.scope_id()).ok();
    name.and_then(|name| name.into_string().ok())
        .map_or_else(|| format!("%{}", to.scope_id()), |name| format!("%{name}"))
}

/// The zone of an IPv6 address where no interface has that name or number: the resolver would only say
/// that it knows no such name.
fn unknown_zone(host: &str) -> Option<&str> {
    let (address, zone) = host.split_once('%')?;
    address.parse::<Ipv6Addr>().ok()?;
    let by_number = zone.parse().ok().map(if_indextoname);
    let known = if_nametoindex(zone).is_ok() || by_number.is_some_and(|it| it.is_ok());
    (!known).then_some(zone)
}

/// The names of all interfaces.
fn all_interfaces() -> Vec<String> {
    let real = interfaces().into_iter().filter(|it| it.index != 0);
    real.map(|it| it.name.escape_debug().to_string()).collect()
}

/// An interface that a link-local address could be on: one that has such an address itself, or else any.
fn an_interface() -> String {
    let all = interfaces();
    let has_one = |address: IpAddr| matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let likely = all
        .iter()
        .find(|it| it.addresses.iter().any(|own| has_one(own.address)))
        .or_else(|| all.iter().find(|it| it.index != 0 && !it.loopback))
        .or_else(|| all.iter().find(|it| it.index != 0));
    likely.map_or("INTERFACE".to_owned(), |it| {
        it.name.escape_debug().to_string()
    })
}

/// What the resolver said, without the standard library's words before it, and what to do.
fn without_prefix(error: &io::Error) -> String {
    let text = error.to_string();
    let short = text.strip_prefix("failed to lookup address information: ");
    let said = short.unwrap_or(&text).to_lowercase();
    let hint = if said.starts_with("temporary failure") {
        "no DNS server answered; wirelab check finds out where the way to it ends"
    } else {
        "wirelab addr NAME shows where names are looked up"
    };
    format!("{said}: {hint}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str, version: Version, device: Option<&str>) -> Result<Resolved, String> {
        resolve(host, version, device).map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_and_versions() {
        let to = |host, version| of(host, version, None).map(|it| it.to);
        assert_eq!(
            to("127.0.0.1", Version::Any),
            Ok("127.0.0.1:0".parse().unwrap())
        );
        assert_eq!(to("::1", Version::V6), Ok("[::1]:0".parse().unwrap()));
        let error = to("127.0.0.1", Version::V6).unwrap_err();
        assert!(error.starts_with("127.0.0.1: "), "{error}");
    }

    #[test]
    fn a_link_local_address_has_a_zone_or_gets_that_of_the_device() {
        let lo = if_nametoindex("lo").unwrap();
        for (host, device) in [
            ("fe80::1%lo".to_owned(), None),
            (format!("fe80::1%{lo}"), None),
            ("fe80::1".to_owned(), Some("lo")),
            // The zone is more particular than the device.
            ("fe80::1%lo".to_owned(), Some("nope")),
        ] {
            let resolved = of(&host, Version::Any, device).unwrap();
            let SocketAddr::V6(to) = resolved.to else {
                panic!("IPv4")
            };
            assert_eq!((to.scope_id(), &*resolved.zone), (lo, "%lo"), "{host}");
        }
        let global = of("2001:db8::1", Version::Any, Some("lo")).unwrap();
        assert_eq!(global.zone, "");
    }

    #[test]
    fn a_zone_that_is_missing_or_no_interface_is_said_to_be_so_with_those_there_are() {
        let error = of("fe80::1", Version::Any, None).unwrap_err();
        let (_, advised) = error.rsplit_once('%').expect("a zone");
        assert!(all_interfaces().iter().any(|it| it == advised), "{error}");
        for device in [None, Some("lo")] {
            let error = of("fe80::1%nope", Version::Any, device).unwrap_err();
            assert!(error.contains("there is no interface nope"), "{error}");
            assert!(error.contains("lo"), "{error}");
        }
    }
}
