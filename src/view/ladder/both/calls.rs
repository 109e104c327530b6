//! What a call of a program asks of TCP, and what it came to, in a sentence: the interface that RFC 9293 section
//! 3.9.1 gives to programs, by the names it has on Unix.

use crate::event::{Call, CallPart, units};

/// What is to be said of a call beyond its name, arguments and result, a sentence each.
pub(super) fn words(call: &Call<'_>) -> Vec<String> {
    let mut said = vec![meaning(call.call).to_owned()];
    let takes = matches!(call.call, "recv" | "read");
    match (call.part, call.errno) {
        (part, None) if part != CallPart::Begins && takes && call.result == Some(0) => {
            said.push(
                "It gave 0: the other side's FIN has come, and nothing follows it.".to_owned(),
            );
        }
        (CallPart::Begins, _) => {
            said.push("It waits; what it came to is told further below.".to_owned());
        }
        (_, Some(errno)) => said.push(failed(errno).to_owned()),
        (_, None) if call.blocked => said.push(waited(call)),
        (_, None) => {}
    }
    if call.part != CallPart::Begins && call.blocked && call.errno.is_some() {
        said.push(waited(call));
    }
    said.retain(|sentence| !sentence.is_empty());
    said
}

fn waited(call: &Call<'_>) -> String {
    let time = units::nanos(call.blocked_ns);
    format!("The program waited in it for {time}.")
}

/// What a call is for.
fn meaning(name: &str) -> &'static str {
    match name {
        "socket" => "It makes an endpoint: no packet comes of that.",
        "bind" => {
            "It gives the endpoint an address and a port of this host: no packet comes of that."
        }
        "listen" => {
            "From here on the kernel answers SYNs for that port (LISTEN) and keeps connections until accept takes \
             them: RFC 9293 3.9.1.1, passive OPEN."
        }
        "accept" | "accept4" => {
            "It takes a connection that the kernel has opened already. No packet comes of that: the handshake was \
             the kernels' own doing."
        }
        "connect" => {
            "It asks for a connection: a SYN leaves, and the call returns when the SYN ACK has come (RFC 9293 \
             3.9.1.1, active OPEN)."
        }
        "sendto" | "sendmsg" => {
            "It gives the kernel a datagram, which is sent whole and once, whether it arrives or not."
        }
        "recvfrom" | "recvmsg" => "It takes a datagram that came, whole, or news of an error.",
        "send" | "write" => {
            "It gives bytes to the kernel, which sends them when the windows allow it. That it returns says that \
             they are in the send buffer, not that anybody has them (RFC 9293 3.9.1.2)."
        }
        "recv" | "read" => {
            "It takes what the kernel holds in order, and makes room for more: that is what opens the window again. \
             Segments are no messages, so it need not be what one send gave (RFC 9293 3.9.1.3)."
        }
        "shutdown" => {
            "It has nothing more to send: a FIN follows the last byte. It can still receive."
        }
        "close" => {
            "It lets the endpoint go. Of a connection a FIN follows the last byte, or an RST where data came that \
             nobody has read (RFC 9293 3.9.1.4)."
        }
        "setsockopt" => "It sets how the kernel is to treat this endpoint.",
        "getsockopt" => "It asks how the kernel treats this endpoint.",
        "ioctl" => "It asks the kernel how much is in a buffer.",
        "sleep" | "nanosleep" => "The program does nothing meanwhile; the kernels go on.",
        "signal" | "wait" => "The experiment's programs wait for one another, beside the network.",
        _ => "",
    }
}

/// What an error means.
fn failed(errno: &str) -> &'static str {
    match errno {
        "ECONNREFUSED" => "It failed: an RST came in answer, as nobody listens there.",
        "ECONNRESET" => "It failed: an RST has come, and the connection is no more.",
        "EPIPE" => "It failed: this side is closed for sending, or an RST has come before.",
        "ETIMEDOUT" => "It failed: nothing was answered, however often it was sent again.",
        "EHOSTUNREACH" | "ENETUNREACH" => {
            "It failed: there is no way there, as a router or this host found."
        }
        "EAGAIN" | "EWOULDBLOCK" => "It would have had to wait, and was told not to.",
        "EADDRINUSE" => {
            "It failed: another endpoint has that port, or had it until a moment ago (TIME-WAIT)."
        }
        "EMSGSIZE" => "It failed: that is more than a packet may hold on this way.",
        _ => "",
    }
}
