//! Round-trip samples and their smoothing (RFC 6298 sections 2 and 3, Karn's rule; RFC 7323 section 4).

use super::half::{Base, Half};
use super::sent::Acked;
use crate::event::Rtt;
use crate::frame::Timestamp;
use crate::wire::seq::Seq;

impl Half {
    /// Takes the sample that newly acknowledged segments give, if they give one.
    ///
    /// The last of them is the one that called forth the ACK, unless it had arrived before (it was
    /// SACKed) or one of them was sent twice: then only a timestamp tells which sending it was.
    #[expect(
        clippy::inline_always,
        reason = "two segments in three come this way, and what is not asked for is left out"
    )]
    #[inline(always)]
    pub(super) fn sample(
        &mut self,
        now: Timestamp,
        acked: &Acked,
        sacked_before: Option<Seq>,
    ) -> Option<Rtt> {
        let last = acked.last.as_ref()?;
        let arrived_before = sacked_before.is_some_and(|end| last.end.at_or_before(end));
        let (frame, sent) = if acked.any_resent {
            let Some(sending) = acked.echoed else {
                self.rare_mut().counts.ambiguous_acks += 1;
                return None;
            };
            sending
        } else if arrived_before {
            return None;
        } else {
            (last.frame, last.time)
        };
        let ns = now.nanos_since(sent);
        self.smooth(ns);
        self.counts.rtt.add(ns);
        if last.full_size && !acked.any_resent {
            self.rtt_full.get_or_insert_default().add(ns);
        }
        if self.base_from == Base::Syn && last.seq == self.base && !acked.any_resent {
            self.counts.rtt_handshake_ns = ns.max(1);
        }
        Some(Rtt {
            ns,
            acks_frame: frame,
            srtt_ns: self.srtt_ns,
        })
    }

    /// RFC 6298 section 2.
    fn smooth(&mut self, sample_ns: u64) {
        if self.srtt_ns == 0 {
            (self.srtt_ns, self.rttvar_ns) = (sample_ns.max(1), sample_ns / 2);
        } else {
            let deviation = self.srtt_ns.abs_diff(sample_ns);
            self.rttvar_ns = (3 * (self.rttvar_ns / 4)).saturating_add(deviation / 4);
            self.srtt_ns = (7 * (self.srtt_ns / 8))
                .saturating_add(sample_ns / 8)
                .max(1);
        }
    }

    /// Time since this side last sent anything, for idle times.
    pub(super) fn idle_ns(&self, now: Timestamp) -> u64 {
        now.nanos_since(self.last_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_follows_the_rfc() {
        let mut half = Half::default();
        half.smooth(100_000_000);
        assert_eq!((half.srtt_ns, half.rttvar_ns), (100_000_000, 50_000_000));
        half.smooth(200_000_000);
        assert_eq!((half.srtt_ns, half.rttvar_ns), (112_500_000, 62_500_000));
        assert_eq!(half.rto_ns(), Some(112_500_000 + 250_000_000));
    }
}
