//! What a wire does, as data.

use super::fault::Fault;
use super::link::Link;
use super::router::Router;
use super::side::Both;

/// What a wire does. The default carries everything at once and unharmed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Where chance begins: the same seed and the same packets at the same times come to the same end.
    pub seed: u64,
    /// What becomes of what each side sends.
    pub links: Both<Link>,
    /// What befalls packets by name.
    pub faults: Vec<Fault>,
    /// Routers on the way, from the client's end to the server's.
    pub routers: Vec<Router>,
    /// The port the experiment is about: connections that have it at neither end are not counted. They
    /// are met by `any` and `packet` alone. `None`: all are counted.
    pub port: Option<u16>,
}
