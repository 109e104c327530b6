//! ICMP message types and codes in words (RFC 792, RFC 1122, RFC 1256, RFC 1812, RFC 4443, RFC 4861;
//! IANA's ICMP parameters).

use super::checksum::Sum;
use super::field::Malformed;

/// Bytes of a message without data: type, code, checksum, and four that depend on the type.
pub(super) const LEN: usize = 8;

/// Type and code, checksum, the four bytes after it, and the rest.
pub(super) type First<'a> = ([u8; 2], u16, [u8; 4], &'a [u8]);

/// What both kinds of message begin with.
pub(super) fn split<'a>(header: &'static str, bytes: &'a [u8]) -> Result<First<'a>, Malformed> {
    let Some((&[kind, code, c0, c1, r0, r1, r2, r3], data)) = bytes.split_first_chunk::<LEN>()
    else {
        return Err(Malformed::Short {
            header,
            required: LEN,
            actual: bytes.len(),
        });
    };
    let checksum = u16::from_be_bytes([c0, c1]);
    Ok(([kind, code], checksum, [r0, r1, r2, r3], data))
}

/// Appends a message to `out`; `None` is the right checksum, over what `sum` has of it already.
pub(super) fn put(
    [kind, code]: [u8; 2],
    checksum: Option<u16>,
    [r0, r1, r2, r3]: [u8; 4],
    data: &[u8],
    sum: Sum,
    out: &mut Vec<u8>,
) {
    let whole = || {
        let header = [kind, code, 0, 0, r0, r1, r2, r3];
        sum.add_bytes(&header).add_bytes(data).checksum()
    };
    let [c0, c1] = checksum.unwrap_or_else(whole).to_be_bytes();
    out.extend([kind, code, c0, c1, r0, r1, r2, r3]);
    out.extend(data);
}

/// What a type and code mean.
pub const fn name(v6: bool, kind: u8, code: u8) -> &'static str {
    if v6 {
        name_v6(kind, code)
    } else {
        name_v4(kind, code)
    }
}

const fn name_v4(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (0, _) => "echo reply",
        (3, 0) => "network unreachable",
        (3, 1) => "host unreachable",
        (3, 2) => "protocol unreachable",
        (3, 3) => "port unreachable",
        (3, 4) => "fragmentation needed",
        (3, 5) => "source route failed",
        (3, 6) => "network unknown",
        (3, 7) => "host unknown",
        (3, 8) => "source host isolated",
        (3, 9) => "network administratively prohibited",
        (3, 10) => "host administratively prohibited",
        (3, 11) => "network unreachable for this type of service",
        (3, 12) => "host unreachable for this type of service",
        (3, 13) => "communication administratively prohibited",
        (3, 14) => "host precedence violation",
        (3, 15) => "precedence cutoff in effect",
        (3, _) => "destination unreachable",
        (4, _) => "source quench",
        (5, 0) => "redirect for the network",
        (5, 1) => "redirect for the host",
        (5, 2) => "redirect for the type of service and network",
        (5, 3) => "redirect for the type of service and host",
        (5, _) => "redirect",
        (8, _) => "echo request",
        (9, _) => "router advertisement",
        (10, _) => "router solicitation",
        (11, 0) => "time to live exceeded in transit",
        (11, 1) => "fragment reassembly time exceeded",
        (11, _) => "time exceeded",
        (12, 1) => "parameter problem: a required option is missing",
        (12, 2) => "parameter problem: bad length",
        (12, _) => "parameter problem",
        (13, _) => "timestamp request",
        (14, _) => "timestamp reply",
        (15, _) => "information request",
        (16, _) => "information reply",
        (17, _) => "address mask request",
        (18, _) => "address mask reply",
        (30, _) => "traceroute",
        (40, _) => "photuris",
        (42, _) => "extended echo request",
        (43, _) => "extended echo reply",
        _ => "unassigned type",
    }
}

const fn name_v6(kind: u8, code: u8) -> &'static str {
    match (kind, code) {
        (1, 0) => "no route to destination",
        (1, 1) => "communication administratively prohibited",
        (1, 2) => "beyond scope of source address",
        (1, 3) => "address unreachable",
        (1, 4) => "port unreachable",
        (1, 5) => "source address failed policy",
        (1, 6) => "route to destination rejected",
        (1, 7) => "error in source routing header",
        (1, _) => "destination unreachable",
        (2, _) => "packet too big",
        (3, 0) => "hop limit exceeded in transit",
        (3, 1) => "fragment reassembly time exceeded",
        (3, _) => "time exceeded",
        (4, 0) => "erroneous header field",
        (4, 1) => "unrecognized next header",
        (4, 2) => "unrecognized IPv6 option",
        (4, 3) => "first fragment has an incomplete header chain",
        (4, _) => "parameter problem",
        (128, _) => "echo request",
        (129, _) => "echo reply",
        (130, _) => "multicast listener query",
        (131, _) => "multicast listener report",
        (132, _) => "multicast listener done",
        (133, _) => "router solicitation",
        (134, _) => "router advertisement",
        (135, _) => "neighbor solicitation",
        (136, _) => "neighbor advertisement",
        (137, _) => "redirect",
        (138, _) => "router renumbering",
        (139, _) => "node information query",
        (140, _) => "node information response",
        (141, _) => "inverse neighbor discovery solicitation",
        (142, _) => "inverse neighbor discovery advertisement",
        (143, _) => "multicast listener report, version 2",
        (144, _) => "home agent address discovery request",
        (145, _) => "home agent address discovery reply",
        (146, _) => "mobile prefix solicitation",
        (147, _) => "mobile prefix advertisement",
        (148, _) => "certification path solicitation",
        (149, _) => "certification path advertisement",
        (151, _) => "multicast router advertisement",
        (152, _) => "multicast router solicitation",
        (153, _) => "multicast router termination",
        (155, _) => "RPL control",
        (157, _) => "duplicate address request",
        (158, _) => "duplicate address confirmation",
        (160, _) => "extended echo request",
        (161, _) => "extended echo reply",
        _ => "unassigned type",
    }
}
