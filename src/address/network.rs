//! A network as an address with the length of its prefix: which part of an address names the network,
//! which part the host (RFC 4632 section 3.1, RFC 4291 section 2.3).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// The address; of a host or of the network itself.
    pub address: IpAddr,
    /// Bits of it that name the network.
    pub prefix: u8,
}

/// Why a text is no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// The part before the slash.
    #[error("`{0}` is no IP address; one looks like 192.168.1.7 or 2001:db8::7")]
    Address(String),
    /// The part behind the slash.
    #[error("`/{prefix}` is no prefix length of {possible}")]
    Prefix {
        /// As it was written.
        prefix: String,
        /// The version of IP, and what would be one.
        possible: &'static str,
    },
}

impl Network {
    /// The network that an address is all by itself.
    pub const fn alone(address: IpAddr) -> Self {
        Self {
            address,
            prefix: bits(address),
        }
    }

    /// Bits of an address of this version: 32 or 128.
    pub const fn bits(&self) -> u8 {
        bits(self.address)
    }

    /// The netmask: as many ones as the prefix has bits.
    pub fn mask(&self) -> IpAddr {
        self.with_number(self.mask_number())
    }

    /// The first address, with a host part of zeros: the network's own.
    pub fn first(&self) -> IpAddr {
        self.with_number(number(self.address) & self.mask_number())
    }

    /// The last address, with a host part of ones.
    pub fn last(&self) -> IpAddr {
        self.with_number(number(self.address) & self.mask_number() | self.host_number())
    }

    /// The address of all hosts of the network at once (RFC 919 section 7): IPv4 only, and not where two
    /// addresses are two hosts (`/31`, RFC 3021) or one is all (`/32`).
    pub fn broadcast(&self) -> Option<IpAddr> {
        (self.address.is_ipv4() && self.prefix < 31).then(|| self.last())
    }

    /// The first and the last address that a host can have. In IPv6 the first one is the routers'
    /// (subnet-router anycast, RFC 4291 section 2.6.1), but from `/127` on (RFC 6164).
    pub fn hosts(&self) -> (IpAddr, IpAddr) {
        let (first, last) = (number(self.first()), number(self.last()));
        let all = self.bits() - self.prefix <= 1;
        let skipped = u128::from(!all);
        let last = if self.broadcast().is_some() {
            last - 1
        } else {
            last
        };
        (self.with_number(first + skipped), self.with_number(last))
    }

    /// How many addresses hosts can have; `None` for more than a number of 128 bits holds.
    pub fn host_count(&self) -> Option<u128> {
        let (first, last) = self.hosts();
        (number(last) - number(first)).checked_add(1)
    }

    /// Whether an address is of this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && (number(address) ^ number(self.address)) & self.mask_number() == 0
    }

    /// The ones of the host part.
    const fn host_number(&self) -> u128 {
        let host_bits = self.bits().saturating_sub(self.prefix);
        match u128::MAX.checked_shl(host_bits as u32) {
            Some(ones) => !ones,
            None => u128::MAX,
        }
    }

    /// The ones of the network part.
    const fn mask_number(&self) -> u128 {
        let all = if self.bits() == 32 {
            u32::MAX as u128
        } else {
            u128::MAX
        };
        all & !self.host_number()
    }

    fn with_number(&self, number: u128) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => Ipv4Addr::from(number as u32).into(),
            IpAddr::V6(_) => Ipv6Addr::from(number).into(),
        }
    }
}

const fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

const fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits() as u128,
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Reads `10.0.0.1/8`, `10.0.0.1/255.0.0.0`, `2001:db8::1/32`, or an address alone, which is a
    /// network of one.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| NetworkError::Address(address.escape_debug().to_string()))?;
        let most = bits(address);
        let prefix = match prefix {
            None => most,
            Some(text) => length(text, address).ok_or_else(|| NetworkError::Prefix {
                prefix: text.escape_debug().to_string(),
                possible: match address {
                    IpAddr::V4(_) => "IPv4: 0 to 32, or a netmask such as 255.255.255.0",
                    IpAddr::V6(_) => "IPv6: 0 to 128",
                },
            })?,
        };
        Ok(Self { address, prefix })
    }
}

/// A prefix length, or a netmask of ones and then zeros.
fn length(text: &str, address: IpAddr) -> Option<u8> {
    if let Ok(length) = text.parse::<u8>() {
        return (length <= bits(address)).then_some(length);
    }
    let mask = text
        .parse::<Ipv4Addr>()
        .ok()
        .filter(|_| address.is_ipv4())?
        .to_bits();
    (mask.leading_ones() + mask.trailing_zeros() >= 32).then(|| mask.leading_ones() as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    fn parts(text: &str) -> String {
        let it = network(text);
        let (from, to) = it.hosts();
        let broadcast = it
            .broadcast()
            .map_or_else(|| "-".to_owned(), |it| it.to_string());
        format!(
            "{} {} {from} {to} {broadcast} {:?}",
            it.first(),
            it.mask(),
            it.host_count()
        )
    }

    #[test]
    fn network_mask_hosts_and_broadcast() {
        assert_eq!(
            parts("192.168.131.62/24"),
            "192.168.131.0 255.255.255.0 192.168.131.1 192.168.131.254 192.168.131.255 Some(254)"
        );
        assert_eq!(
            parts("10.1.2.3/30"),
            "10.1.2.0 255.255.255.252 10.1.2.1 10.1.2.2 10.1.2.3 Some(2)"
        );
        // Two hosts and nothing else (RFC 3021), one host.
        assert_eq!(
            parts("10.1.2.3/31"),
            "10.1.2.2 255.255.255.254 10.1.2.2 10.1.2.3 - Some(2)"
        );
        assert_eq!(
            parts("10.1.2.3/32"),
            "10.1.2.3 255.255.255.255 10.1.2.3 10.1.2.3 - Some(1)"
        );
        assert_eq!(
            parts("0.0.0.0/0"),
            "0.0.0.0 0.0.0.0 0.0.0.1 255.255.255.254 255.255.255.255 Some(4294967294)"
        );
        assert_eq!(
            parts("2001:db8::7/64"),
            "2001:db8:: ffff:ffff:ffff:ffff:: 2001:db8::1 2001:db8::ffff:ffff:ffff:ffff - Some(18446744073709551615)"
        );
        assert_eq!(
            parts("::1/128"),
            "::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ::1 ::1 - Some(1)"
        );
        assert!(parts("::/0").ends_with("- Some(340282366920938463463374607431768211455)"));
    }

    #[test]
    fn a_netmask_is_as_good_as_a_length() {
        assert_eq!(network("10.0.0.1/255.255.240.0").prefix, 20);
        assert_eq!(network("10.0.0.1/0.0.0.0").prefix, 0);
        assert_eq!(network("10.0.0.1").prefix, 32);
        assert_eq!(network("::1").prefix, 128);
    }

    #[test]
    fn what_is_no_network_is_said_with_what_would_be() {
        let error = |text: &str| text.parse::<Network>().unwrap_err().to_string();
        assert_eq!(
            error("10.0.0.1/33"),
            "`/33` is no prefix length of IPv4: 0 to 32, or a netmask such as 255.255.255.0"
        );
        assert_eq!(
            error("::1/129"),
            "`/129` is no prefix length of IPv6: 0 to 128"
        );
        assert!(error("10.0.0.1/255.0.255.0").starts_with("`/255.0.255.0` is no prefix length"));
        assert!(error("10.0.0/8").starts_with("`10.0.0` is no IP address"));
    }

    proptest! {
        #[test]
        fn whatever_is_between_first_and_last_is_contained(bits: u32, prefix in 0_u8..=32, other: u32) {
            let it = Network { address: Ipv4Addr::from(bits).into(), prefix };
            let other = IpAddr::from(Ipv4Addr::from(other));
            prop_assert_eq!(it.contains(other), it.first() <= other && other <= it.last());
            prop_assert!(it.contains(it.address));
            prop_assert_eq!(it.to_string().parse::<Network>(), Ok(it));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = text.parse::<Network>();
        }
    }
}
