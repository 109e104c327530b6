//! What routers recorded in a reply's IP options, as iputils lists it.

use std::io::{self, Write};

use crate::event::Route;

/// Set in a timestamp that is not milliseconds since midnight UTC (RFC 791 section 3.1).
const NOT_STANDARD: u32 = 1 << 31;

pub(super) fn show(route: Option<&Route>, out: &mut dyn Write) -> io::Result<()> {
    match route {
        None => Ok(()),
        Some(Route::Recorded(addresses)) => {
            for (number, address) in addresses.iter().enumerate() {
                writeln!(out, "{}\t{address}", head("RR:", number))?;
            }
            Ok(())
        }
        Some(Route::Stamped { stamps, overflow }) => {
            for (number, (who, time)) in stamps.iter().enumerate() {
                let who = who.map(|who| format!("{who}\t")).unwrap_or_default();
                let before = number.checked_sub(1).and_then(|it| stamps.get(it));
                let more = before.map_or(String::new(), |(_, before)| {
                    format!(", {:+} ms", i64::from(*time) - i64::from(*before))
                });
                writeln!(out, "{}\t{who}{}{more}", head("TS:", number), clock(*time))?;
            }
            match overflow {
                0 => Ok(()),
                more => writeln!(out, "\tno room for {more} more"),
            }
        }
    }
}

fn head(name: &str, number: usize) -> &str {
    if number == 0 { name } else { "" }
}

/// A time of day as far as it is one.
fn clock(time: u32) -> String {
    if time & NOT_STANDARD != 0 {
        return format!("{} (not since midnight UTC)", time & !NOT_STANDARD);
    }
    let (seconds, ms) = (time / 1_000, time % 1_000);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{ms:03} UTC", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn shown(route: &Route) -> String {
        let mut out = Vec::new();
        show(Some(route), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn addresses_and_clocks_stand_below_each_other() {
        let [a, b] = [1, 2].map(|n| Ipv4Addr::new(10, 0, 0, n));
        assert_eq!(
            shown(&Route::Recorded(vec![a, b])),
            "RR:\t10.0.0.1\n\t10.0.0.2\n"
        );
        let stamps = vec![
            (Some(a), 13_259_177),
            (None, 13_259_170),
            (None, NOT_STANDARD | 5),
        ];
        let text = shown(&Route::Stamped {
            stamps,
            overflow: 2,
        });
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "TS:\t10.0.0.1\t03:40:59.177 UTC");
        assert_eq!(lines[1], "\t03:40:59.170 UTC, -7 ms");
        assert!(
            lines[2].starts_with("\t5 (not since midnight UTC)"),
            "{text}"
        );
        assert_eq!(lines[3], "\tno room for 2 more");
    }
}
