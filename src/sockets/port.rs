//! The 65,536 ports and their classes (RFC 6335 section 6), beside the kernel's own rules.

use std::ops::RangeInclusive;

/// Ports that IANA gives to services everybody knows; on Linux, only for who has the right.
pub const WELL_KNOWN: RangeInclusive<u16> = 0..=1023;
/// Ports that IANA registers for services.
pub const REGISTERED: RangeInclusive<u16> = 1024..=49_151;
/// Ports that nobody registers: for whoever needs one for a while.
pub const DYNAMIC: RangeInclusive<u16> = 49_152..=65_535;

/// A class of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 0 to 1023.
    WellKnown,
    /// 1024 to 49151.
    Registered,
    /// 49152 to 65535.
    Dynamic,
}

impl Class {
    /// The field's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::WellKnown => "well-known",
            Self::Registered => "registered",
            Self::Dynamic => "dynamic",
        }
    }
}

/// The class of a port.
pub fn class(port: u16) -> Class {
    if WELL_KNOWN.contains(&port) {
        Class::WellKnown
    } else if REGISTERED.contains(&port) {
        Class::Registered
    } else {
        Class::Dynamic
    }
}

/// The kernel's own rules about ports (ip(7)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From which it chooses when a program names none (`ip_local_port_range`).
    pub ephemeral: RangeInclusive<u16>,
    /// The first that anybody may take (`ip_unprivileged_port_start`).
    pub first_free_for_all: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ephemeral: 32_768..=60_999,
            first_free_for_all: 1024,
        }
    }
}

impl Limits {
    /// How many ports the kernel chooses from.
    pub fn choices(&self) -> u32 {
        u32::from(*self.ephemeral.end()).saturating_sub(u32::from(*self.ephemeral.start())) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_has_one_class() {
        for port in 0..=u16::MAX {
            let of = [WELL_KNOWN, REGISTERED, DYNAMIC]
                .iter()
                .filter(|it| it.contains(&port))
                .count();
            assert_eq!(of, 1, "{port}");
        }
        assert_eq!(class(1023), Class::WellKnown);
        assert_eq!(class(1024), Class::Registered);
        assert_eq!(class(49_151), Class::Registered);
        assert_eq!(class(49_152), Class::Dynamic);
        assert_eq!(Limits::default().choices(), 28_232);
    }
}
