//! Sending a packet, and what comes back: opens sockets, gives up all rights, sends, listens.

use std::io::Write;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::layers::{How, Packets, around, forced, frame, packets, taken_apart};
use crate::cli;
use crate::commands::pipeline::Stopped;
use crate::craft::{Answer, Asked, Choice, Layer, Recipe, Way, choose};
use crate::decode::{Body, Decoder, Packet};
use crate::frame::LinkType;
use crate::inspect::{Sheet, Silenced, difference, silenced};
use crate::io::clock::Stopwatch;
use crate::io::craft::{Link, Route, Sender, Watch, find_neighbour, route};
use crate::io::privileges::{self, Becomes};
use crate::view::Style;
use crate::view::craft::{self as view, Leaving, Stages};
use crate::wire::tcp::Flags;

/// How long a packet is looked for that has just left.
const WITNESS: Duration = Duration::from_millis(300);

/// Most errors of a packet that are told.
const MOST_WRONG: usize = 4;

/// Sends what `recipe` asks for.
pub(super) fn run(
    args: &cli::Craft,
    recipe: &Recipe,
    style: &Style,
    out: impl Write,
) -> Result<ExitCode> {
    let becomes = Becomes::find()?;
    let way = route(recipe.destination(), args.interface.as_deref())?;
    let built = recipe.build(&around(Some(&way)));
    let plain = packets(args, recipe, &built)?;
    let choice =
        choose(recipe, &plain.all, forced(args), way.source).map_err(|why| anyhow!(why))?;
    let first = plain.all.first().map(Vec::as_slice).unwrap_or_default();
    let mut sender = Sender::open(choice.way, &way, args.interface.is_some(), first)?;
    let watch = if args.answer || args.show {
        Some(Watch::open(&way)?)
    } else {
        None
    };
    privileges::drop_for_good(becomes)?;
    let packets = match choice.way {
        Way::Ether => frames(args, recipe, &way, &mut sender)?,
        _ => plain,
    };
    let asked = args.answer.then(|| Asked::of(recipe, &built)).flatten();
    let mut run = Run {
        args,
        recipe,
        style,
        choice: &choice,
        route: &way,
        packets,
        asked,
        watch,
        decoder: Decoder::new(),
        answered: 0,
        out,
    };
    run.begin()?;
    for number in 1..=args.count {
        let began = Stopwatch::start();
        run.once(number, &mut sender)?;
        if number < args.count {
            thread::sleep(args.interval.saturating_sub(began.elapsed()));
        }
    }
    run.end()
}

/// The same packets as frames, with the hardware addresses that they need.
fn frames(
    args: &cli::Craft,
    recipe: &Recipe,
    route: &Route,
    sender: &mut Sender,
) -> Result<Packets> {
    let framed = match route.link {
        Link::Bare => recipe.clone(),
        Link::Ethernet | Link::Loopback => recipe.clone().framed(),
    };
    let mut around = around(Some(route));
    let to = recipe.destination();
    let is_arp = recipe.layers.iter().any(|layer| layer.name() == "arp");
    if let (Some(to), false, false) = (to, framed.names_next_hop(), is_arp) {
        around.next_hop = match route.link {
            // Frames there have no addresses.
            Link::Loopback => Some([0; 6]),
            _ => find_neighbour(route, to, sender)?,
        };
    }
    let built = framed.build(&around);
    packets(args, &framed, &built)
}

struct Run<'a, W> {
    args: &'a cli::Craft,
    recipe: &'a Recipe,
    style: &'a Style,
    choice: &'a Choice,
    route: &'a Route,
    packets: Packets,
    asked: Option<Asked>,
    watch: Option<Watch>,
    decoder: Decoder,
    answered: u64,
    out: W,
}

/// What was seen after sending.
#[derive(Default)]
struct Seen {
    /// The packet itself, without what the link put before it.
    itself: Option<Vec<u8>>,
    /// The answer, and when it came.
    answer: Option<(Answer, Duration, Vec<u8>)>,
}

impl<W: Write> Run<'_, W> {
    fn is_json(&self) -> bool {
        self.args.output.format == cli::Format::Json
    }

    fn begin(&mut self) -> Result<()> {
        let count = self.packets.all.len();
        let done = if self.is_json() {
            let command = format!("wirelab craft {}", self.recipe.command());
            let interface = Some(self.route.interface.as_str());
            view::json::craft(&command, self.choice, interface, count, &mut self.out)
        } else if self.args.quiet {
            Ok(())
        } else {
            let leaving = Leaving {
                packets: (count, self.packets.all.iter().map(Vec::len).sum()),
                to: self
                    .recipe
                    .destination()
                    .map_or("to whoever the frame names".to_owned(), |to| {
                        format!("to {to}")
                    }),
                interface: &self.route.interface,
                choice: self.choice,
            };
            view::leaving(self.style, &leaving, &mut self.out)
        };
        done.map_err(Stopped::Output)?;
        Ok(())
    }

    /// Sends all packets once, and waits for what is to be seen.
    fn once(&mut self, number: u64, sender: &mut Sender) -> Result<()> {
        let began = Stopwatch::start();
        for (packet, bytes) in self.packets.all.iter().enumerate() {
            sender.send(bytes)?;
            if self.is_json() {
                view::json::sent(number, packet + 1, bytes, &mut self.out)
                    .map_err(Stopped::Output)?;
            }
        }
        self.out.flush().map_err(Stopped::Output)?;
        let seen = self.listen(began);
        if self.args.show && number == 1 {
            self.stages(&seen)?;
        }
        self.answer(number, &seen)
    }

    fn listen(&mut self, began: Stopwatch) -> Seen {
        let mut seen = Seen::default();
        let Some(watch) = &mut self.watch else {
            return seen;
        };
        let patience = match self.asked {
            Some(_) => self.args.timeout,
            None => WITNESS,
        };
        let first = self.packets.all.first().cloned().unwrap_or_default();
        loop {
            let waits = self.args.show && seen.itself.is_none() && began.elapsed() < WITNESS;
            if (self.asked.is_none() || seen.answer.is_some()) && !waits {
                return seen;
            }
            let left = patience.max(WITNESS).saturating_sub(began.elapsed());
            if left.is_zero() || began.elapsed() >= patience && !waits {
                return seen;
            }
            let Some(frame) = watch.next(left.min(Duration::from_millis(100))) else {
                continue;
            };
            let after = began.elapsed();
            let ours = itself(self.choice.way, watch.link_type, &first, &frame);
            if let Some(ours) = ours {
                seen.itself.get_or_insert(ours);
                continue;
            }
            if let (Some(asked), None) = (&self.asked, &seen.answer)
                && let Some(answer) = asked.answered_by(watch.link_type, &frame)
            {
                seen.answer = Some((answer, after, frame));
            }
        }
    }

    fn stages(&mut self, seen: &Seen) -> Result<()> {
        if self.is_json() {
            return Ok(());
        }
        let asked: Vec<String> = self
            .recipe
            .layers
            .iter()
            .map(|layer: &Layer| layer.words().join(" "))
            .collect();
        let built = self
            .packets
            .all
            .first()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let link_type = self.packets.link_type;
        let compared = seen.itself.as_deref().map(|wire| {
            let (mut one, mut two) = (Decoder::new(), Decoder::new());
            let (first, second) = (frame(1, link_type, built), frame(2, link_type, wire));
            let (first_packet, second_packet) = (one.decode(&first), two.decode(&second));
            difference(
                &Sheet::new(&first, &first_packet),
                &Sheet::new(&second, &second_packet),
            )
        });
        let stages = Stages {
            asked: &asked,
            built,
            on_wire: seen
                .itself
                .as_deref()
                .ok_or("not seen to leave the interface"),
            difference: compared.as_ref(),
        };
        view::stages(self.style, &stages, &mut self.out).map_err(Stopped::Output)?;
        Ok(())
    }

    fn answer(&mut self, number: u64, seen: &Seen) -> Result<()> {
        if !self.args.answer {
            return Ok(());
        }
        let json = self.is_json();
        let Some((answer, after, bytes)) = &seen.answer else {
            if !json {
                let wrong = self.wrong();
                view::silence(self.style, self.args.timeout, &wrong, &mut self.out)
                    .map_err(Stopped::Output)?;
            }
            return Ok(());
        };
        self.answered += 1;
        let link_type = self
            .watch
            .as_ref()
            .map_or(LinkType::ETHERNET, |it| it.link_type);
        let mut decoder = std::mem::take(&mut self.decoder);
        let received = frame(number, link_type, bytes);
        let packet = decoder.decode(&received);
        let (summary, resets) = (packet.summary(), self.resets(&packet));
        self.decoder = decoder;
        let done = if json {
            view::json::answer(number, *answer, *after, &summary, bytes, &mut self.out)
        } else {
            view::answer(self.style, *answer, *after, &summary, &mut self.out).and_then(|()| {
                if resets {
                    return view::reset_follows(self.style, &mut self.out);
                }
                Ok(())
            })
        };
        done.map_err(Stopped::Output)?;
        // Of many, the lines are enough.
        if self.args.quiet || self.args.count > 1 && !json {
            return Ok(());
        }
        if !json {
            self.out.write_all(b"\n").map_err(Stopped::Output)?;
        }
        let how = How {
            style: self.style,
            json,
            diagram: self.args.diagram,
            number,
        };
        taken_apart(how, link_type, bytes, &mut Decoder::new(), &mut self.out)
    }

    /// What is wrong with what was sent, as a receiver finds it.
    fn wrong(&self) -> Vec<Silenced> {
        let mut decoder = Decoder::new();
        let link_type = self.packets.link_type;
        let mut wrong = Vec::new();
        for bytes in &self.packets.all {
            let frame = frame(1, link_type, bytes);
            let packet = decoder.decode(&frame);
            for silenced in silenced(&Sheet::new(&frame, &packet)) {
                if wrong.len() < MOST_WRONG && !wrong.contains(&silenced) {
                    wrong.push(silenced);
                }
            }
        }
        wrong
    }

    /// Whether this machine's kernel will reset what the answer opens: it knows of no connection
    /// from its own address that it has not made itself.
    fn resets(&self, packet: &Packet<'_>) -> bool {
        let Body::Tcp(tcp) = &packet.body else {
            return false;
        };
        let own = self.recipe.source().is_none() || self.recipe.source() == self.route.source;
        own && tcp.flags.has(Flags::SYN) && tcp.flags.has(Flags::ACK)
    }

    fn end(mut self) -> Result<ExitCode> {
        let (sent, answered) = (self.args.count, self.answered);
        let done = if self.is_json() {
            view::json::end(sent, self.args.answer.then_some(answered), &mut self.out)
        } else if sent > 1 && self.args.answer {
            writeln!(self.out, "{sent} sent, {answered} answered")
        } else if sent > 1 && !self.args.quiet {
            let each = match self.packets.all.len() {
                1 => String::new(),
                pieces => format!(" times {pieces} packets"),
            };
            writeln!(self.out, "{sent}{each} sent")
        } else {
            Ok(())
        };
        done.and_then(|()| self.out.flush())
            .map_err(Stopped::Output)?;
        Ok(ExitCode::from(u8::from(self.args.answer && answered == 0)))
    }
}

/// The packet that `built` became, if that is what `frame` holds.
fn itself(way: Way, link_type: LinkType, built: &[u8], frame: &[u8]) -> Option<Vec<u8>> {
    if way == Way::Ether {
        return frame.starts_with(built).then(|| frame.to_vec());
    }
    let at = if link_type == LinkType::ETHERNET {
        14
    } else {
        0
    };
    let packet = frame.get(at..)?;
    // The kernel may have rewritten the header, but neither where it goes nor what it carries.
    let (header, to) = match way {
        Way::Ipv4 => (20, 16..20),
        _ => (40, 24..40),
    };
    let same = packet.get(to.clone()) == built.get(to)
        && packet.get(header..)?.starts_with(built.get(header..)?);
    same.then(|| packet.to_vec())
}
