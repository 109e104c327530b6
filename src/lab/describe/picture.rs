//! The wire as a picture: two hosts, what lies between them, and where packets come to harm.
//!
//! ```text
//! ┌──────────┐ 10 ms                                                  ┌──────────┐
//! │  client  ├──✗1────────────────────[1]────────────────────────────▶│  server  │
//! │ 10.0.0.1 │                         ╎                              │ 10.0.0.2 │
//! │          │◀───────────────────────[1]─────────────────────────────┤          │
//! └──────────┘ 10 ms                                                  └──────────┘
//! ```

use unicode_width::UnicodeWidthStr;

use super::{addresses, time, wires};
use crate::lab::experiment::Experiment;
use crate::lab::{Action, Both, Config, Fault, Selector, Side};

/// Wider than this the hosts need not stand apart.
const WIDEST: usize = 110;
/// Fewest columns between the hosts.
const LEAST: usize = 16;

/// What lines and arrows are drawn with.
struct Pen {
    /// Corners of a host: above and below, left and right.
    corners: [&'static str; 4],
    across: &'static str,
    down: &'static str,
    /// Where a lane leaves a host, at its right and its left side.
    leave: Both<&'static str>,
    /// Where it arrives.
    arrive: Both<&'static str>,
    /// Between the two signs of a router.
    dots: &'static str,
}

const LINES: Pen = Pen {
    corners: ["┌", "┐", "└", "┘"],
    across: "─",
    down: "│",
    leave: Both {
        client: "├",
        server: "┤",
    },
    arrive: Both {
        client: "▶",
        server: "◀",
    },
    dots: "╎",
};

const ASCII: Pen = Pen {
    corners: ["+", "+", "+", "+"],
    across: "-",
    down: "|",
    leave: Both {
        client: "+",
        server: "+",
    },
    arrive: Both {
        client: ">",
        server: "<",
    },
    dots: ":",
};

/// The sign of a fault in the picture, by its index: `✗1` where packets are lost, `~2` where something
/// else happens to them.
pub fn fault_mark(fault: &Fault, index: usize, unicode: bool) -> String {
    let number = index + 1;
    let lost = matches!(fault.action, Action::Drop | Action::Block(_));
    match (lost, unicode) {
        (true, true) => format!("✗{number}"),
        (true, false) => format!("x{number}"),
        (false, _) => format!("~{number}"),
    }
}

/// The sign of a router, by its index.
pub fn router_mark(index: usize) -> String {
    format!("[{}]", index + 1)
}

/// Draws the hosts and the wire in so many columns; with ASCII alone unless `unicode`.
pub fn picture(experiment: &Experiment, width: usize, unicode: bool) -> Vec<String> {
    let pen = if unicode { &LINES } else { &ASCII };
    let address = addresses(experiment.network.ip);
    let names = Both {
        client: address.client.to_string(),
        server: address.server.to_string(),
    };
    let inner = names
        .client
        .len()
        .max(names.server.len())
        .max("client".len())
        + 2;
    let hosts = 2 * (inner + 2);
    let length = width.min(WIDEST).saturating_sub(hosts).max(LEAST);

    let lanes = Lanes::new(&experiment.wire, length, unicode);
    let label = |side: Side| {
        let link = experiment.wire.links.of(side);
        let mut all = vec![time(link.delay)];
        all.extend(wires::features(link));
        if !unicode {
            all = all.iter().map(|part| part.replace('µ', "u")).collect();
        }
        fold(&all, length.saturating_sub(2))
    };
    // What each row has between the hosts, and the side whose lane it is.
    let mut rows: Vec<(String, Option<Side>)> = Vec::new();
    rows.extend(label(Side::Client).into_iter().map(|text| (text, None)));
    rows.push((lanes.lane(Side::Client, pen), Some(Side::Client)));
    rows.push((lanes.between(pen), None));
    rows.push((lanes.lane(Side::Server, pen), Some(Side::Server)));
    rows.extend(label(Side::Server).into_iter().map(|text| (text, None)));

    let first_lane = rows
        .iter()
        .position(|(_, lane)| lane.is_some())
        .unwrap_or(0);
    let last = rows.len().saturating_sub(1);
    let drawn = rows.iter().enumerate().map(|(at, (between, lane))| {
        let text = |side: Side| match at {
            _ if at == first_lane => side.name(),
            _ if at == first_lane + 1 => names.of(side).as_str(),
            _ => "",
        };
        let [left, right] = [Side::Client, Side::Server].map(|side| {
            let edge = match (lane, at) {
                (_, 0) | (None, _) if at == 0 || at == last => "",
                (Some(from), _) if *from == side => *pen.leave.of(side),
                _ => pen.down,
            };
            host(pen, inner, (at == 0, at == last), text(side), edge, side)
        });
        let padding = " ".repeat(length.saturating_sub(between.width()));
        format!("{left}{between}{padding}{right}")
    });
    drawn.collect()
}

/// One row of a host: its upper border, its lower one, or a text in the middle. `edge` is the side that
/// faces the wire.
fn host(
    pen: &Pen,
    inner: usize,
    (top, bottom): (bool, bool),
    text: &str,
    edge: &str,
    side: Side,
) -> String {
    let [a, b, c, d] = pen.corners;
    match (top, bottom) {
        (true, _) => format!("{a}{}{b}", pen.across.repeat(inner)),
        (_, true) => format!("{c}{}{d}", pen.across.repeat(inner)),
        _ => match side {
            Side::Client => format!("{}{text:^inner$}{edge}", pen.down),
            Side::Server => format!("{edge}{text:^inner$}{}", pen.down),
        },
    }
}

/// Where on the lanes things are.
struct Lanes {
    length: usize,
    /// First column and sign of each, in each direction.
    marks: Both<Vec<(usize, String)>>,
    /// Columns in the middle of a router.
    routers: Vec<usize>,
}

impl Lanes {
    fn new(wire: &Config, length: usize, unicode: bool) -> Self {
        let routers = wire.routers.len();
        // Faults befall packets as they leave their host; routers are in the middle, if they fit.
        let (room, start, end) = match routers {
            0 => (length.saturating_sub(6), 0, 0),
            _ => (length / 4, length * 3 / 10, length * 7 / 10),
        };
        let signs: Vec<_> = (0..routers).map(router_mark).collect();
        let widest = signs.last().map_or(0, String::len) + 1;
        let mut marks: Both<Vec<(usize, String)>> = Both::default();
        let mut middles = Vec::new();
        if routers * widest <= end.saturating_sub(start) {
            for (index, sign) in signs.into_iter().enumerate() {
                let at = start + (end - start) * (2 * index + 1) / (2 * routers);
                let at = at.saturating_sub(sign.len() / 2);
                middles.push(at + sign.len() / 2);
                marks.client.push((at, sign.clone()));
                marks.server.push((at, sign));
            }
        } else if routers > 0 {
            let sign = format!("[1..{routers}]");
            let at = (length / 2).saturating_sub(sign.len() / 2);
            middles.push(at + sign.len() / 2);
            marks.client.push((at, sign.clone()));
            marks.server.push((at, sign));
        }
        for side in [Side::Client, Side::Server] {
            let signs = fault_signs(wire, side, room, unicode);
            let mut from_host = 2;
            for sign in signs {
                let width = sign.width();
                let at = match side {
                    Side::Client => from_host,
                    Side::Server => length.saturating_sub(from_host + width),
                };
                marks.of_mut(side).push((at, sign));
                from_host += width + 2;
            }
            marks.of_mut(side).sort();
        }
        Self {
            length,
            marks,
            routers: middles,
        }
    }

    /// The lane of what `side` sends.
    fn lane(&self, side: Side, pen: &Pen) -> String {
        let mut lane = String::new();
        let mut at = 0;
        if side == Side::Server {
            lane.push_str(pen.arrive.server);
            at = 1;
        }
        for (column, sign) in self.marks.of(side) {
            lane.push_str(&pen.across.repeat(column.saturating_sub(at)));
            lane.push_str(sign);
            at = at.max(*column) + sign.width();
        }
        match side {
            Side::Client => {
                let rest = self.length.saturating_sub(at + 1);
                lane.push_str(&pen.across.repeat(rest));
                lane.push_str(pen.arrive.client);
            }
            Side::Server => {
                let rest = self.length.saturating_sub(at);
                lane.push_str(&pen.across.repeat(rest));
            }
        }
        lane
    }

    /// What lies between the two lanes.
    fn between(&self, pen: &Pen) -> String {
        let mut row = String::new();
        for column in &self.routers {
            row.push_str(&" ".repeat(column.saturating_sub(row.width())));
            row.push_str(pen.dots);
        }
        row
    }
}

/// The signs of the faults that befall what `side` sends, in no more than `room` columns.
fn fault_signs(wire: &Config, side: Side, room: usize, unicode: bool) -> Vec<String> {
    let faults = wire.faults.iter().enumerate();
    let signs: Vec<_> = faults
        .filter(|(_, fault)| match fault.packet {
            Selector::Packet(_) => true,
            Selector::Named { from, .. } => from.is_none_or(|from| from == side),
        })
        .map(|(index, fault)| fault_mark(fault, index, unicode))
        .collect();
    let width: usize = signs.iter().map(|sign| sign.width() + 2).sum();
    match &*signs {
        [first, .., last] if width > room => vec![format!("{first}..{last}")],
        _ => signs,
    }
}

/// Joins `parts` with commas, in lines of at most `columns` where they fit, one space in.
fn fold(parts: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.width() + 2 + part.width() <= columns => {
                line.push_str(", ");
                line.push_str(part);
            }
            Some(line) => {
                line.push(',');
                lines.push(format!(" {part}"));
            }
            None => lines.push(format!(" {part}")),
        }
    }
    // A single feature may be longer than a line; it is told in full in words.
    for line in &mut lines {
        while line.width() > columns {
            line.pop();
        }
    }
    lines
}
