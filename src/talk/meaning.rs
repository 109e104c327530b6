//! What the calls of the sockets API do, and what their errors mean for whoever made them (socket(2),
//! bind(2), listen(2), accept(2), connect(2), send(2), recv(2), shutdown(2), tcp(7)).

/// What a call does, in a sentence: told the first time that it is made.
pub fn of_call(call: &str, arguments: &str) -> Option<&'static str> {
    Some(match call {
        "socket" if arguments.starts_with("AF_INET6") => {
            "a socket for IPv6 (AF_INET6) and a stream of bytes, TCP (SOCK_STREAM): a send buffer and a receive buffer in the kernel; nothing is on the network yet. The result is the number that the program knows it by, a file descriptor"
        }
        "socket" => {
            "a socket for IPv4 (AF_INET) and a stream of bytes, TCP (SOCK_STREAM): a send buffer and a receive buffer in the kernel; nothing is on the network yet. The result is the number that the program knows it by, a file descriptor"
        }
        "setsockopt" if arguments.starts_with("SO_REUSEADDR") => {
            "so that the port can be had again at once after the last run, although a connection may still be in TIME-WAIT"
        }
        "setsockopt" if arguments.starts_with("TCP_NODELAY") => {
            "small pieces go at once: Nagle's algorithm (RFC 9293 3.7.4) would let them wait for the last acknowledgment"
        }
        "bind" => "the address and the port are this socket's now: others find it there",
        "listen" => {
            "from now on the kernel completes handshakes by itself, and queues connections for accept"
        }
        "accept" => {
            "a second socket, for this one connection, with a descriptor of its own; the handshake was over before the call returned"
        }
        "connect" => {
            "the three-way handshake is done: SYN out, SYN-ACK in, ACK out; the kernel chose the port at this end"
        }
        "send" => {
            "the kernel has taken the bytes into the send buffer; that they arrived, nobody has said yet"
        }
        "recv" => {
            "takes what is in the receive buffer, up to so many bytes; TCP keeps no boundaries between sends"
        }
        "shutdown" => "a FIN follows the last byte: we send no more, and can still receive",
        _ => return None,
    })
}

/// What an error of a call means and what to do about it. Sentences, each with its full stop. `port` is the one
/// that was asked for or talked to.
pub fn of_errno(call: &str, errno: &str, port: u16) -> Vec<String> {
    let said: &[&str] = match (call, errno) {
        ("bind" | "listen", "EADDRINUSE") => {
            return vec![
                "Somebody has this port already.".to_owned(),
                format!(
                    "wirelab ports --try {port} says who, and what would help; or take another port."
                ),
            ];
        }
        ("bind", "EACCES") => {
            return vec![
                "Ports below 1024 are for who has the right to them: root, or a program with cap_net_bind_service.".to_owned(),
                format!("Take a higher port, such as {}; wirelab ports --try {port} tells more.", 8000 + u32::from(port)),
            ];
        }
        ("bind", "EADDRNOTAVAIL") => &[
            "That is no address of this machine.",
            "wirelab addr shows those it has; 0.0.0.0 stands for all of them.",
        ],
        ("connect", "EADDRNOTAVAIL") => &[
            "There is no port left at this end for that destination, or the address can't be reached from the one bound to.",
            "wirelab ports --waiting shows what holds ports in TIME-WAIT.",
        ],
        ("connect", "ECONNREFUSED") => {
            return vec![
                "The host answered the SYN with an RST: it is there, and no program listens on that port.".to_owned(),
                format!("Is the server running, on this port, and on this address? wirelab ports {port} on that machine shows it."),
            ];
        }
        (_, "ETIMEDOUT") if call == "connect" => &[
            "No SYN was answered: the host is off, something on the way drops the packets (a firewall does so), or the address is wrong.",
            "wirelab ping, and wirelab check, find out how far packets get.",
        ],
        (_, "ETIMEDOUT") => &[
            "What was sent was sent again and again, and never acknowledged: the peer, or the way to it, is gone (RFC 9293 3.8.3).",
        ],
        (_, "EHOSTUNREACH") => &[
            "Nobody answers for that address: on the same network there is no reply to ARP or neighbour solicitations, else a router says so.",
            "wirelab check finds the broken link; is the address right, and the machine on?",
        ],
        (_, "ENETUNREACH") => &[
            "This machine knows no way to that network: there is no route, not even a default one.",
            "wirelab addr shows the way out, wirelab check what is missing.",
        ],
        (_, "ECONNRESET") => &[
            "The peer sent an RST: its program crashed, closed without reading what had come, or asked for that with SO_LINGER.",
            "What had not been read by then, at either end, is lost.",
        ],
        (_, "ECONNABORTED") => {
            &["The client gave up between its handshake and our accept. Nothing is wrong here."]
        }
        (_, "EPIPE") => &[
            "This connection is over: the peer reset it, or our side of it was shut down. Nobody can get these bytes.",
            "Programs that don't ask for the error get SIGPIPE instead, and die of it.",
        ],
        (_, "EMFILE" | "ENFILE") => &[
            "There are no descriptors left for another socket; ulimit -n shows how many there may be.",
        ],
        (_, "EAFNOSUPPORT") => &["This machine has no such version of IP."],
        (_, "EINVAL") if call == "bind" => {
            &["A link-local address needs its interface with it, as in fe80::1%eth0."]
        }
        (_, "EPERM" | "EACCES") => {
            &["A rule of this machine's firewall, or of a sandbox, forbids it."]
        }
        _ => &[],
    };
    said.iter().map(|it| (*it).to_owned()).collect()
}

/// What a call is for, whatever it came to, in sentences; empty for what is not known.
pub fn purpose_of(name: &str) -> &'static str {
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
            "It asks for a connection: a SYN leaves, and the call returns when the SYN-ACK has come (RFC 9293 \
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

/// What an error meant for a call that was made elsewhere, where there is nothing to do about it any more; empty for
/// what is not known.
pub fn of_past_errno(errno: &str) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_people_meet_say_what_to_do() {
        let told = |call, errno| of_errno(call, errno, 8080).join(" ");
        assert!(told("bind", "EADDRINUSE").contains("wirelab ports --try 8080"));
        assert!(told("connect", "ECONNREFUSED").contains("no program listens"));
        for errno in ["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"] {
            assert!(told("connect", errno).contains("wirelab"), "{errno}");
        }
        for errno in ["ECONNRESET", "EPIPE", "ETIMEDOUT"] {
            assert!(!told("send", errno).is_empty(), "{errno}");
        }
        // The port beside a forbidden one is never beyond what there is.
        assert!(of_errno("bind", "EACCES", 1023)[1].contains("9023"));
        assert!(of_errno("recv", "EWHATEVER", 1).is_empty());
    }

    #[test]
    fn every_call_of_the_notes_is_explained() {
        for call in [
            "socket", "bind", "listen", "accept", "connect", "send", "recv", "shutdown",
        ] {
            assert!(of_call(call, "").is_some(), "{call}");
        }
        assert_eq!(of_call("close", ""), None);
    }
}
