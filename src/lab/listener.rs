//! An experiment with one host only: a program that listens, takes what comes and answers with the same. Who
//! holds the other end of the wire is not the lab's business.

use std::collections::BTreeMap;

use super::experiment::{
    Amount, Call, Experiment, ExperimentError, Host, Ip, Listen, Neighbours, Network, Payload,
    Receive, Send, Step,
};

/// What the program does with its connection.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The version of IP.
    pub v6: bool,
    /// Where it listens.
    pub port: u16,
    /// The bytes that come, and go back; none if empty.
    pub echo: Vec<u8>,
    /// Whether it closes without waiting for the other side to.
    pub closes_first: bool,
}

/// Seconds that Linux keeps a connection in FIN-WAIT-2 that no program holds any more; 60 if nothing is said.
const FIN_TIMEOUT: (&str, &str) = ("net.ipv4.tcp_fin_timeout", "2");
/// Addresses are in use at once: nobody else can have them.
const NO_DETECTION: (&str, &str) = ("net.ipv6.conf.default.accept_dad", "0");

impl Listener {
    /// The experiment whose server that is.
    ///
    /// # Errors
    ///
    /// None that could be met.
    pub fn experiment(&self) -> Result<Experiment, ExperimentError> {
        let text =
            "title = \"A listener\"\nlook_for = \"Who holds the other end.\"\nlongest_s = 600";
        let mut experiment = Experiment::parse(text)?;
        experiment.network = Network {
            ip: if self.v6 { Ip::V6 } else { Ip::V4 },
            neighbours: Neighbours::Learnt,
            ..Network::default()
        };
        let mut sysctl = BTreeMap::new();
        let mut set = |(key, value): (&str, &str)| {
            sysctl.insert(key.to_owned(), value.to_owned());
        };
        set(FIN_TIMEOUT);
        if self.v6 {
            set(NO_DETECTION);
        }
        experiment.server = Host {
            calls: self.steps().into_iter().map(call).collect(),
            sysctl,
            ..Host::default()
        };
        Ok(experiment)
    }

    fn steps(&self) -> Vec<Step> {
        let receive = |amount| {
            Step::Receive(Receive {
                amount,
                at_once: Receive::AT_ONCE,
                rate: None,
            })
        };
        let listen = Step::Listen(Listen {
            port: self.port,
            ..Listen::default()
        });
        let mut steps = vec![listen, Step::Accept];
        if !self.echo.is_empty() {
            steps.push(receive(Amount::Bytes(self.echo.len() as u64)));
            steps.push(Step::Send(Send {
                payload: Payload::of_bytes(self.echo.clone()),
                times: 1,
                every_ms: 0,
            }));
        }
        if !self.closes_first {
            steps.push(receive(Amount::End));
        }
        steps.push(Step::Close);
        steps
    }
}

fn call(step: Step) -> Call {
    Call {
        step,
        on: String::new(),
        expect: None,
    }
}
