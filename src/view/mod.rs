//! Views turn events into text. A view never judges and never computes; if a picture needs a
//! number, the tracker has it.

use std::io::{self, Write};

use crate::event::Event;

/// Something that shows events.
pub trait View {
    /// Shows one event, in the order of the capture.
    ///
    /// # Errors
    ///
    /// Whatever writing to `out` gives; a closed pipe is `BrokenPipe`.
    fn event(&mut self, event: &Event<'_>, out: &mut dyn Write) -> io::Result<()>;
}
