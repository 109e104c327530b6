//! Capture filters (pcap-filter(7)) on frames that come from a file.
//!
//! libpcap compiles a filter for one link type, and a capture file may hold several, so there is a
//! program for each, made when the first frame of that type comes.

use std::collections::HashMap;

use pcap::{Capture, Linktype};

use super::SourceError;
use super::sys::libpcap::{self, Program};
use crate::frame::{Frame, LinkType};

/// A filter expression, ready for frames of any link type.
#[derive(Debug)]
pub struct BpfFilter {
    expression: String,
    programs: HashMap<LinkType, Program>,
}

impl BpfFilter {
    /// Compiles `expression` for `link_type`, the one the first frames will have.
    ///
    /// # Errors
    ///
    /// When libpcap is not there, or says that the expression is wrong; both in a text that says
    /// what to do.
    pub fn compile(link_type: LinkType, expression: &str) -> Result<Self, SourceError> {
        let mut filter = Self {
            expression: expression.to_owned(),
            programs: HashMap::new(),
        };
        filter.program(link_type)?;
        Ok(filter)
    }

    /// Whether it matches `frame`: on the bytes captured, and with `len` and `greater` meaning the
    /// length on the wire.
    ///
    /// # Errors
    ///
    /// When the frame is the first of its link type and the expression makes no sense for it.
    pub fn matches(&mut self, frame: &Frame<'_>) -> Result<bool, SourceError> {
        let program = self.program(frame.link_type)?;
        Ok(program.matches(frame.bytes, frame.original_len))
    }

    /// The program for `link_type`.
    fn program(&mut self, link_type: LinkType) -> Result<&Program, SourceError> {
        use std::collections::hash_map::Entry;
        match self.programs.entry(link_type) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(compile(link_type, &self.expression)?)),
        }
    }
}

/// Compiles for a link type alone, with no interface behind it.
fn compile(link_type: LinkType, expression: &str) -> Result<Program, SourceError> {
    libpcap::available().map_err(|reason| {
        SourceError::Live(format!(
            "a BPF filter needs libpcap, and {reason}; --port, --host and --flow work without it"
        ))
    })?;
    let handle = Capture::dead(Linktype(dlt(link_type)))
        .map_err(|error| SourceError::Live(format!("libpcap gives no handle: {error}")))?;
    Program::compile(&handle, expression, None).map_err(|reason| bad_filter(expression, &reason))
}

/// The error for an expression that libpcap refuses, in its own words.
pub(in crate::io) fn bad_filter(expression: &str, reason: &str) -> SourceError {
    SourceError::Live(format!(
        "bad filter '{}': {reason}; see pcap-filter(7)",
        expression.escape_debug()
    ))
}

/// libpcap's own number for a link type. It differs from the one in files for the raw types only
/// (pcap-linktype(7)).
fn dlt(link_type: LinkType) -> i32 {
    match link_type {
        LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14 => DLT_RAW,
        LinkType(number) => i32::from(number),
    }
}

/// `DLT_RAW` on Linux.
const DLT_RAW: i32 = 12;

/// The link type as files number it, from libpcap's own number.
pub(in crate::io) fn link_type(dlt: i32) -> LinkType {
    match dlt {
        DLT_RAW => LinkType::RAW,
        number => LinkType(u16::try_from(number).unwrap_or(u16::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Timestamp;

    /// An IPv4 UDP packet of 28 bytes from port 53, as link type RAW has it.
    const UDP: [u8; 28] = [
        0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 4, 0, 0, 8, 0, 0,
    ];

    fn frame(link_type: LinkType, bytes: &[u8], original_len: u32) -> Frame<'_> {
        Frame {
            number: 1,
            time: Timestamp::from_nanos(0),
            link_type,
            interface: 0,
            original_len,
            bytes,
            comment: None,
        }
    }

    /// Whether there is a libpcap here; where there is none, the error is what is tested.
    fn libpcap_or_error(answer: Result<BpfFilter, SourceError>) -> Option<BpfFilter> {
        match (libpcap::available(), answer) {
            (Ok(_), answer) => Some(answer.expect("libpcap is here")),
            (Err(_), Err(error)) => {
                assert!(error.to_string().contains("--port, --host and --flow"));
                None
            }
            (Err(reason), Ok(_)) => panic!("a filter without libpcap: {reason}"),
        }
    }

    #[test]
    fn a_program_is_made_for_each_link_type_met() {
        let compiled = BpfFilter::compile(LinkType::RAW, "udp src port 53");
        let Some(mut filter) = libpcap_or_error(compiled) else {
            return;
        };
        let mut ethernet = vec![0; 12];
        ethernet.extend([8, 0]);
        ethernet.extend(UDP);
        for link_type in [LinkType::RAW, LinkType::RAW_14, LinkType::IPV4] {
            assert!(filter.matches(&frame(link_type, &UDP, 28)).unwrap());
            assert!(!filter.matches(&frame(link_type, &ethernet, 42)).unwrap());
        }
        let ethernet = frame(LinkType::ETHERNET, &ethernet, 42);
        assert!(filter.matches(&ethernet).unwrap());
        assert_eq!(filter.programs.len(), 4);
    }

    #[test]
    fn the_length_asked_about_is_the_one_on_the_wire() {
        let Some(mut filter) = libpcap_or_error(BpfFilter::compile(LinkType::RAW, "greater 1000"))
        else {
            return;
        };
        assert!(filter.matches(&frame(LinkType::RAW, &UDP, 1500)).unwrap());
        assert!(!filter.matches(&frame(LinkType::RAW, &UDP, 28)).unwrap());
    }

    #[test]
    fn a_bad_filter_is_refused_in_the_words_of_libpcap() {
        if libpcap::available().is_err() {
            return;
        }
        let error = BpfFilter::compile(LinkType::ETHERNET, "tcp prot 80").unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("bad filter 'tcp prot 80': "), "{error}");
        assert!(error.contains("syntax error"), "{error}");
        // Without a netmask this cannot be compiled to anything meaningful.
        let error = BpfFilter::compile(LinkType::ETHERNET, "ip broadcast").unwrap_err();
        assert!(error.to_string().contains("netmask"), "{error}");
    }
}
