//! A program's sockets, by the names that its script has for them.
//!
//! Connections, listening sockets and UDP sockets each have names of their own, so that a server's
//! nameless listener, its nameless connection and its nameless UDP socket don't get in each other's way.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::failure::{Done, Failure};
use crate::lab::experiment::Options;

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Stream,
    Datagram,
    Echo,
}

#[derive(Default)]
pub(super) struct Sockets {
    connections: BTreeMap<String, OwnedFd>,
    datagrams: BTreeMap<String, OwnedFd>,
    listeners: BTreeMap<String, TcpListener>,
    /// Options of sockets to come.
    coming: BTreeMap<String, Vec<Options>>,
}

impl Sockets {
    pub(super) fn add(&mut self, on: &str, socket: OwnedFd) {
        self.connections.insert(on.to_owned(), socket);
    }

    pub(super) fn add_datagram(&mut self, on: &str, socket: OwnedFd) {
        self.datagrams.insert(on.to_owned(), socket);
    }

    pub(super) fn add_listener(&mut self, on: &str, listener: TcpListener) {
        self.listeners.insert(on.to_owned(), listener);
    }

    /// The connection of that name.
    pub(super) fn connection(&self, on: &str) -> Done<BorrowedFd<'_>> {
        let open = self.connections.get(on).map(AsFd::as_fd);
        open.ok_or_else(|| {
            let called = called(on);
            Failure::Other(if self.datagrams.contains_key(on) {
                format!("{called} is a UDP socket; udp_send and udp_receive are for those")
            } else {
                format!("{called} is not open: connect or accept comes first")
            })
        })
    }

    /// The UDP socket of that name.
    pub(super) fn datagram(&self, on: &str) -> Option<BorrowedFd<'_>> {
        self.datagrams.get(on).map(AsFd::as_fd)
    }

    /// Taken out, to be closed.
    pub(super) fn remove(&mut self, on: &str) -> Done<OwnedFd> {
        let connection = self.connections.remove(on);
        match connection.or_else(|| self.datagrams.remove(on)) {
            Some(socket) => Ok(socket),
            None if self.listeners.contains_key(on) => Err(Failure::Other(format!(
                "{} is only listening; stop-listening closes it",
                called(on)
            ))),
            None => Err(Failure::Other(format!("{} is not open", called(on)))),
        }
    }

    /// A socket that is lost from its name would be closed, and close sends a FIN.
    pub(super) fn nothing_open(&self, on: &str) -> Done {
        if self.connections.contains_key(on) {
            return Err(Failure::Other(format!(
                "{} is still open: close it first, or give the new one a name: on = \"second\"",
                called(on)
            )));
        }
        Ok(())
    }

    pub(super) fn no_listener(&self, on: &str) -> Done {
        if self.listeners.contains_key(on) {
            return Err(Failure::Other(format!(
                "{} is listening already: stop-listening first, or give the new one a name: on = \
                 \"second\"",
                called(on)
            )));
        }
        Ok(())
    }

    /// The listener that `accept` means: that of the name, else the nameless one, else the only one.
    pub(super) fn listener(&self, on: &str) -> Done<(&str, &TcpListener)> {
        let only = || {
            self.listeners
                .iter()
                .next()
                .filter(|_| self.listeners.len() == 1)
        };
        self.listeners
            .get_key_value(on)
            .or_else(|| self.listeners.get_key_value(""))
            .or_else(only)
            .map(|(name, listener)| (&**name, listener))
            .ok_or_else(|| self.no_such_listener())
    }

    /// Taken out, to be closed.
    pub(super) fn remove_listener(&mut self, on: &str) -> Done<TcpListener> {
        let name = self.listener(on)?.0.to_owned();
        let listener = self.listeners.remove(&name);
        listener.ok_or_else(|| self.no_such_listener())
    }

    fn no_such_listener(&self) -> Failure {
        if self.listeners.is_empty() {
            return Failure::Other("nothing is listening: listen comes first".to_owned());
        }
        let names: Vec<_> = self
            .listeners
            .keys()
            .map(|name| format!("'{name}'"))
            .collect();
        let names = names.join(", ");
        Failure::Other(format!("which listener? say on = one of {names}"))
    }

    /// What options apply to at once: the connection of that name, else the listening socket.
    pub(super) fn existing(&self, on: &str) -> Option<BorrowedFd<'_>> {
        let open = self.connections.get(on).map(AsFd::as_fd);
        open.or_else(|| self.listeners.get(on).map(AsFd::as_fd))
    }

    /// Keeps options for the next socket of that name.
    pub(super) fn keep_options(&mut self, on: &str, options: &Options) {
        let kept = self.coming.entry(on.to_owned()).or_default();
        kept.push(options.clone());
    }

    /// The options that were kept for this socket, in the order in which they were given.
    pub(super) fn coming(&mut self, on: &str) -> Vec<Options> {
        self.coming.remove(on).unwrap_or_default()
    }

    /// All that is open.
    pub(super) fn take(&mut self) -> impl Iterator<Item = OwnedFd> {
        let connections = std::mem::take(&mut self.connections);
        let datagrams = std::mem::take(&mut self.datagrams);
        let listeners = std::mem::take(&mut self.listeners);
        let open = connections.into_values().chain(datagrams.into_values());
        open.chain(listeners.into_values().map(OwnedFd::from))
    }
}

fn called(on: &str) -> String {
    if on.is_empty() {
        "the socket".to_owned()
    } else {
        format!("the socket '{on}'")
    }
}
