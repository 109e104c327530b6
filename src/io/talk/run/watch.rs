//! `--watch`: looks at the sockets' buffers while the talk goes on (`sock_diag(7)`).

use std::time::Duration;

use super::Talk;
use crate::frame::Timestamp;
use crate::io::machine;
use crate::io::talk::teller::Teller;
use crate::io::talk::{TalkError, local};
use crate::sockets::Watched;

/// How much sooner it is looked again after something has happened: what a call brought about is often gone when
/// the next look is due.
const SOONER: u32 = 5;

/// When to look.
#[derive(Debug)]
pub(super) struct Watch {
    every: Duration,
    latest: Option<Timestamp>,
}

impl Watch {
    pub(super) const fn new(every: Duration) -> Self {
        Self {
            every,
            latest: None,
        }
    }

    /// How long until the next look is due, where something happened last at `happened`.
    pub(super) fn until(&self, now: Timestamp, happened: Timestamp) -> Duration {
        let Some(latest) = self.latest else {
            return Duration::ZERO;
        };
        let wait = if happened > latest {
            self.every / SOONER
        } else {
            self.every
        };
        wait.saturating_sub(now.since(latest))
    }
}

impl Talk<'_> {
    /// Looks and tells, if it is time to.
    pub(super) fn look(&mut self, teller: &mut Teller<'_>) -> Result<(), TalkError> {
        let now = teller.now();
        let happened = self.latest();
        match &mut self.watch {
            Some(watch) if watch.until(now, happened).is_zero() => watch.latest = Some(now),
            _ => return Ok(()),
        }
        let mut found = Vec::with_capacity(self.links.len());
        for link in &self.links {
            let Some(here) = local(link.fd()) else {
                continue;
            };
            let looked = machine::detail(here, link.peer).and_then(|near| {
                // The other end has a socket of this kernel only where both programs run on one machine.
                Ok((near, machine::detail(link.peer, here)?))
            });
            match looked {
                Ok((Some(near), far)) => found.push(Watched {
                    name: link.name.clone(),
                    near,
                    far,
                }),
                Ok((None, _)) => {}
                Err(error) => {
                    self.watch = None;
                    let said = format!(
                        "No more buffers: the kernel does not tell of its sockets ({error})."
                    );
                    return teller.remark("", &said);
                }
            }
        }
        // Whom lines go to comes first, else who came last.
        found.reverse();
        if let Some(to) = self.addressee {
            let name = super::Link::name_of(to);
            found.sort_by_key(|it| it.name != name);
        }
        teller.buffers(now, &found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_at_once_then_regularly_and_sooner_after_something_happened() {
        let ms = |ms: u64| Timestamp::from_nanos(ms * 1_000_000);
        let mut watch = Watch::new(Duration::from_millis(500));
        assert_eq!(watch.until(ms(7), ms(0)), Duration::ZERO);
        watch.latest = Some(ms(100));
        assert_eq!(watch.until(ms(100), ms(50)), Duration::from_millis(500));
        assert_eq!(watch.until(ms(150), ms(120)), Duration::from_millis(50));
        assert_eq!(watch.until(ms(900), ms(50)), Duration::ZERO);
    }
}
