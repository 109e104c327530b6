//! What passes on an interface while packets are sent: the packets themselves, and what comes back.

use std::time::Duration;

use pnet_datalink::DataLinkReceiver;

use super::CraftError;
use super::route::{Link, Route};
use super::send::channel;
use crate::frame::LinkType;
use crate::io::clock::Stopwatch;

/// Watches an interface, from when it is opened.
pub struct Watch {
    receiver: Box<dyn DataLinkReceiver>,
    /// How frames begin there.
    pub link_type: LinkType,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch({:?})", self.link_type)
    }
}

impl Watch {
    /// Begins to look. Needs the right to open a packet socket.
    ///
    /// # Errors
    ///
    /// When there is none for us.
    pub fn open(route: &Route) -> Result<Self, CraftError> {
        // Not the one that frames leave by: that does not see what it sends itself.
        let (_, receiver) = channel(&route.interface)?;
        let link_type = match route.link {
            Link::Ethernet | Link::Loopback => LinkType::ETHERNET,
            Link::Bare => LinkType::RAW,
        };
        Ok(Self {
            receiver,
            link_type,
        })
    }

    /// The next frame within `patience`; `None` when there is none.
    pub fn next(&mut self, patience: Duration) -> Option<Vec<u8>> {
        let watch = Stopwatch::start();
        loop {
            if let Ok(frame) = self.receiver.next() {
                return Some(frame.to_vec());
            }
            if watch.elapsed() >= patience {
                return None;
            }
        }
    }
}
