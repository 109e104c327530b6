//! How a run went, in words.

use super::carrier::Carried;
use super::control::Ended;
use super::life::End;
use crate::lab::Side;
use crate::lab::experiment::Experiment;
use crate::lab::truth::Outcome;

/// Why the run is over; completes "the run was over: …".
pub(super) fn reason(carried: &Carried, experiment: &Experiment) -> String {
    match carried.end {
        End::Done if carried.ended.iter().any(|it| it.result.is_err()) => {
            "another program had failed".to_owned()
        }
        End::Done => "all programs had ended".to_owned(),
        End::TimeLimit => format!("the time was up (longest_s = {})", experiment.longest_s),
        End::Signal(name) => format!("{name} came"),
        End::Unwatched => "nobody watched any more".to_owned(),
    }
}

/// The outcome. `keep`: whether it had no end of its own; `late`: how programs ended that had to be told; `stuck`: those that did not even then.
pub(super) fn outcome(
    carried: &Carried,
    keep: bool,
    reason: &str,
    late: &[Ended],
    stuck: &[(Side, String)],
) -> Outcome {
    let failure = |ended: &Ended| ended.result.clone().err();
    let mut failures = Vec::new();
    // What is kept has to be ended by somebody.
    let to_its_end = carried.end == End::Done || keep && late.is_empty() && stuck.is_empty();
    if !to_its_end {
        failures.push(format!("the run did not come to its end: {reason}"));
    }
    failures.extend(carried.ended.iter().filter_map(failure));
    // After a failure it is no wonder that the others did not come to their end.
    if !to_its_end {
        failures.extend(late.iter().filter_map(failure));
    }
    failures.extend(stuck.iter().map(|(side, name)| {
        format!("{side}: the program \"{name}\" did not end though it was told to")
    }));
    let elapsed = carried.span.map(|(first, last)| last.nanos_since(first));
    Outcome {
        ok: failures.is_empty(),
        failures,
        elapsed_ns: elapsed.unwrap_or(0),
        packets: carried.packets,
        late_median_ns: carried.lateness.median_ns(),
        late_max_ns: carried.lateness.max_ns(),
    }
}
