//! Conversations by hand, and the ladder drawn of them.

use super::*;
use crate::event::{Cause, Note, TcpState};
use crate::view::sample::Talk;
use crate::wire::tcp::Flags;

fn ladder(width: u16) -> Talk<Ladder> {
    Talk::new(Ladder::new(Style {
        width,
        ..Style::default()
    }))
}

fn note(kind: Kind, why: fn(&Note) -> String) -> Note {
    Note::new(kind, "RFC 9293", why)
}

fn numbered(kind: Kind, number: u32, why: fn(&Note) -> String) -> Note {
    let mut note = note(kind, why);
    note.number = Some(number);
    note
}

fn loss(talk: &mut Talk<Ladder>) {
    talk.handshake();
    talk.at(50_100)
        .send(0, &[b'a'; 1000])
        .at(50_120)
        .send(0, &[b'b'; 1000]);
    talk.at(50_130)
        .send(0, &[b'c'; 1000])
        .at(50_140)
        .send(0, &[b'd'; 1000]);
    talk.at(100_200).rtt(50_100, 4).ack_at(1, 1001);
    for n in 1..=2 {
        let dup = numbered(Kind::DupAck, n, |_| {
            "acknowledges 1001 again while 3,000 bytes are outstanding; SACK says something later has arrived".to_owned()
        });
        talk.at(100_210 + u64::from(n))
            .note(dup)
            .sack(&[(2001, 3001 + 1000 * (n - 1))])
            .ack_at(1, 1001);
    }
    let mut again = note(Kind::Retransmission, |_| {
        "bytes 1001..2001 were first sent in frame 5; the third duplicate ACK was frame 10, 0.3 ms before".to_owned()
    });
    again.cause = Some(Cause::Fast);
    talk.at(100_500).note(again).resend(0, 1001, &[b'b'; 1000]);
    talk.at(150_700).ack(1);
}

#[test]
#[ignore = "drawn for looking at"]
fn show() {
    for width in [80, 160] {
        let mut talk = ladder(width);
        loss(&mut talk);
        talk.at(200_000)
            .becomes(TcpState::FinWait1, TcpState::CloseWait)
            .fin(0);
        talk.at(200_020)
            .becomes(TcpState::FinWait2, TcpState::CloseWait)
            .ack(1);
        let flow = talk.summary();
        talk.flow(&flow).end();
        eprintln!("{}", talk.text());
        let mut talk = ladder(width);
        talk.handshake().opens(1, 0);
        talk.at(9_000)
            .send(0, "GET /数据/你好 HTTP/1.1\r\n\x1b[31m".as_bytes());
        talk.at(9_100)
            .note(note(Kind::ZeroWindow, |_| {
                "10.0.0.2 has no room left for data: its application isn't reading".to_owned()
            }))
            .ack(1);
        for n in 1..=3 {
            talk.at(9_000 + 200_000 * u64::from(n)).note(numbered(
                Kind::ZeroWindowProbe,
                n,
                |_| "one byte below the window's edge, to see whether it has opened".to_owned(),
            ));
            talk.emit(0, Flags::ACK, 5, b"");
            talk.note(note(Kind::ZeroWindow, |_| String::new()))
                .note(numbered(Kind::ZeroWindowProbeAck, n, |_| {
                    "still closed".to_owned()
                }));
            talk.at(9_040 + 200_000 * u64::from(n)).ack(1);
        }
        talk.opens(1, 4096)
            .note(note(Kind::WindowUpdate, |_| {
                "opens the window to 4096 bytes".to_owned()
            }))
            .ack(1);
        for n in 0..40 {
            talk.at(700_000 + n * 100).send(0, &[b'x'; 1448]).ack(1);
        }
        talk.flow = 1;
        talk.comment(b"hello \x1b[31m").handshake();
        talk.flow = 0;
        talk.send(1, b"bye");
        eprintln!("{}", talk.text());
    }
}
