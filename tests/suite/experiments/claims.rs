//! What an experiment is to show, as data: order, counts and causes, never sub-millisecond times.

use std::ops::RangeInclusive;

use wirelab::lab::Side;

use super::seen::Run;

/// An experiment, and what has to be so in every run of it.
pub(super) type Entry = (&'static str, &'static [Claim]);

/// Something that has to be so in every run of an experiment.
#[derive(Clone, Debug)]
pub(super) enum Claim {
    /// What the analysis notes in the client's capture and in the server's.
    Notes(&'static str, &'static str),
    /// What became of each packet that was not simply carried across.
    Fates(&'static [&'static str]),
    /// What the kernel of a host counted; what it never met is 0.
    Counted(Side, &'static str, RangeInclusive<u64>),
    /// The segments that a host sent: flags, and the bytes of those with data.
    Sent(Side, &'static str),
    /// How a host's nth call of that name ended, from 0: the error, or none.
    Ended(Side, &'static str, usize, Option<&'static str>),
    /// How many milliseconds a host's nth call of that name blocked.
    Blocked(Side, &'static str, usize, RangeInclusive<u64>),
    /// Anything else, in words.
    So(&'static str, fn(&Run) -> bool),
}

impl Claim {
    /// What is not as claimed; `None`: it is.
    pub(super) fn broken(&self, run: &Run) -> Option<String> {
        let differs = |what: String, wanted: String, is: String| {
            (is != wanted).then(|| format!("{what}: wanted {wanted:?}, is {is:?}"))
        };
        match self {
            Self::Notes(client, server) => {
                let sides = [(Side::Client, client), (Side::Server, server)];
                sides.into_iter().find_map(|(side, wanted)| {
                    let is = run.ends.of(side).notes.clone();
                    differs(format!("notes of the {side}"), (*wanted).to_owned(), is)
                })
            }
            Self::Fates(wanted) => differs(
                "fates".to_owned(),
                wanted.join(", "),
                run.fates().join(", "),
            ),
            Self::Counted(side, name, range) => {
                let is = run.counter(*side, name);
                (!range.contains(&is)).then(|| format!("{side} {name}: wanted {range:?}, is {is}"))
            }
            Self::Sent(side, wanted) => {
                let sent: Vec<_> = run.sent(*side).iter().map(|it| it.words()).collect();
                differs(format!("{side} sent"), (*wanted).to_owned(), sent.join(" "))
            }
            Self::Ended(side, name, nth, wanted) => {
                let calls = run.calls(*side, name);
                let Some(call) = calls.get(*nth) else {
                    return Some(format!("{side} {name} {nth} was never made"));
                };
                let is = call.errno.as_deref();
                (is != *wanted)
                    .then(|| format!("{side} {name} {nth}: wanted {wanted:?}, is {is:?}"))
            }
            Self::Blocked(side, name, nth, range) => {
                let calls = run.calls(*side, name);
                let Some(call) = calls.get(*nth) else {
                    return Some(format!("{side} {name} {nth} was never made"));
                };
                let ms = call.blocked_ns / 1_000_000;
                let what = format!("{side} {name} {nth} blocked {ms} ms, wanted {range:?}");
                (!range.contains(&ms)).then_some(what)
            }
            Self::So(what, holds) => (!holds(run)).then(|| format!("not so: {what}")),
        }
    }
}

/// All that is not as an experiment claims.
pub(super) fn broken(claims: &[Claim], run: &Run) -> Vec<String> {
    let outcome = run.outcome.as_ref();
    let failures = outcome.map_or_else(
        || vec!["it did not come to its end".to_owned()],
        |outcome| outcome.failures.clone(),
    );
    let claims = claims.iter().filter_map(|claim| claim.broken(run));
    failures.into_iter().chain(claims).collect()
}
