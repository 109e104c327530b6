//! `--wscale`, where what was sent shows that it can't be right: said on standard error, since what is told of
//! windows is wrong then.

use std::io::{self, Write};

use crate::event::{Event, Flow, Side, units};
use crate::view::View;

/// Lets a view be watched for connections that refute the scale, if one was given.
pub(super) fn doubting(view: Box<dyn View>, scale: Option<u8>) -> Box<dyn View> {
    if scale.is_none() {
        return view;
    }
    Box::new(Doubting {
        inner: view,
        first: None,
        more: 0,
    })
}

/// Remembers the first connection that does, and counts the others.
struct Doubting {
    inner: Box<dyn View>,
    first: Option<String>,
    more: u64,
}

impl Doubting {
    fn look(&mut self, flow: &Flow) {
        let sides = [Side::Initiator, Side::Responder];
        let Some(said) = sides.iter().find_map(|&side| refuted(flow, side)) else {
            return;
        };
        if self.first.is_none() {
            self.first = Some(said);
        } else {
            self.more += 1;
        }
    }

    fn say(&mut self) {
        let Some(said) = self.first.take() else {
            return;
        };
        let more = match std::mem::take(&mut self.more) {
            0 => String::new(),
            n => format!(" (and {})", units::plural(n, "more connection")),
        };
        // Nobody can be told that standard error can't be written to.
        let _ = writeln!(io::stderr(), "{said}{more}");
    }
}

/// What refutes the scale of one side's windows.
fn refuted(flow: &Flow, side: Side) -> Option<String> {
    let (assumed, least, proof) = flow.stats[side.index()].refuted_scale()?;
    let receiver = match side {
        Side::Initiator => flow.initiator,
        Side::Responder => flow.responder,
    };
    Some(format!(
        "warning: --wscale {assumed} is too small for connection {}: in frame {} {} were under way to {receiver}, whose \
         window field had not been above {}; it takes {least} or more",
        flow.flow,
        proof.frame,
        units::bytes(proof.outstanding.into()),
        units::count(proof.field.into()),
    ))
}

impl View for Doubting {
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()> {
        if let Event::Flow(flow) = event {
            self.look(flow);
        }
        self.inner.event(event, out)?;
        if let Event::End(_) = event {
            out.flush()?;
            self.say();
        }
        Ok(())
    }

    fn shows_segments(&self) -> bool {
        self.inner.shows_segments()
    }

    fn pause(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.inner.pause(out)
    }
}
