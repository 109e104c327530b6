//! Every difference between our notes and tshark's flags that was met on recordings and other people's
//! captures: who is right, and why.

/// What we note, what tshark says, who is right, why.
#[rustfmt::skip] // a table reads best as one
pub(super) const EXPLAINED: &[(&str, &str, &str, &str)] = &[
    ("nothing", "duplicate_ack", "we", "nothing is outstanding: one host acknowledges by itself after each thing it sends; or the ACK is of another tunnel's copy of the connection"),
    ("capture-duplicate", "duplicate_ack", "we", "the capture shows every packet two to four times, with one IP id; it was sent once"),
    ("capture-duplicate", "spurious_retransmission", "we", "the wire copied it (truth.ndjson), IP id and all: its sender sent it once; we say that the capture can't tell which of the two did"),
    ("capture-duplicate", "fast_retransmission", "we", "the same: a copy after copies of ACKs"),
    ("capture-duplicate", "retransmission", "we", "the same"),
    ("window-exceeded, window-full", "nothing", "we", "it ends beyond the edge, which tshark compares for equality; the receiver then acknowledges exactly up to the edge"),
    ("retransmission (fast)", "retransmission", "we", "holes beyond the first, and what follows more than 20 ms after an ACK; the recordings' kernels count no timeout for them"),
    ("retransmission (fast)", "out_of_order", "we", "the same bytes are in the capture before; tshark looks at the clock only, and new data was sent less than a round trip ago"),
    ("dup-ack", "nothing", "we", "same number, same window (0), data outstanding: RFC 5681 section 2 makes no exception for a closed window"),
    ("dup-ack", "window_update", "we", "the window differs too, but the ACK reports new bytes by SACK, which makes it a duplicate (RFC 6675 section 2)"),
    ("zero-window-probe", "keep_alive", "we", "the window is closed, and the program has data to send: the kernel's probe timer"),
    ("zero-window-probe-ack", "nothing", "we", "the answer to one of those; both say that the window is closed"),
    ("nothing", "retransmission", "we", "SYN-ACKs of a simultaneous open repeat the SYN's number as they must; or one connection in three tunnels, which tshark takes for one; or numbers damaged on purpose, see below"),
    ("nothing", "fast_retransmission", "we", "one connection in three tunnels"),
    ("retransmission, needless", "retransmission", "we", "proved by a later D-SACK or by what was acknowledged; tshark looks at earlier ACKs only, and never at SYNs"),
    ("dsack", "duplicate_ack", "we", "it reports bytes that came twice, and asks for nothing"),
    ("dsack", "window_update", "we", "the first window after a SYN's, which is not scaled: the same room, rounded to whole units of the scale"),
    ("acked-unseen", "nothing", "we", "the capture lacks bytes that this acknowledges; tshark was surprised before, and is silent for a while"),
    ("nothing", "ack_lost_segment", "we", "all that it acknowledges was seen, or its gap was told with an earlier ACK; tshark holds a gap against later ACKs too"),
    ("window-shrunk", "window_update", "we", "the window is smaller, and so its edge retreats; both say that it is another one"),
    ("retransmission (tlp)", "retransmission", "we", "the kernel counts a loss probe, and no timeout"),
    ("retransmission (unknown)", "out_of_order", "we", "the same bytes in smaller pieces, after an ICMP error said that they were too big"),
    ("out-of-order", "fast_retransmission", "we", "the wire reordered it (truth.ndjson): it comes 60 µs after the ACKs that tshark takes for its cause"),
    ("hole", "nothing", "we", "the segment before it has a wrong checksum and does not count; in the damaged capture, a bare ACK beyond what was sent"),
    ("hole", "retransmission", "we", "damaged numbers: one far ahead is the next expected one to tshark from then on; we wait for a second that agrees"),
    ("hole, out-of-order", "spurious_retransmission", "both", "damaged numbers: an old one with bytes never seen, which a damaged ACK covers; we say that it is ambiguous"),
    ("hole, retransmission (fast)", "spurious_retransmission", "both", "a damaged number: by its IP id it was sent after what is beyond it, so it fills the hole again; a damaged ACK, which we don't believe, covers it"),
    ("retransmission (rto)", "spurious_retransmission", "we", "a sample put together of several captures: the packet of frame 12 again 31 days later, IP id and timestamps too, cut to 183 bytes by hand; we say that it is ambiguous"),
    ("acked-unseen", "lost_segment, spurious_retransmission", "we", "a damaged number, 2 GiB ahead: we do not believe it, tshark says that it is both ahead and long acknowledged"),
    ("hole", "ack_lost_segment, retransmission", "we", "damaged numbers, as above"),
    ("nothing", "out_of_order", "we", "damaged number: no place in the stream, and not believed"),
    ("checksum-bad", "lost_segment", "we", "the receiver discards it"),
];
