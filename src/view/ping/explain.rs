//! `--explain`: how each figure comes about, with the numbers that went in.

use std::io::{self, Write};

use super::{Text, general, thousandths};
use crate::event::{EchoStatistics, RoundTrips, units};
use crate::view::Paint;
use crate::view::text::wrap;

impl Text {
    pub(super) fn explain(&self, s: &EchoStatistics, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "\n{}",
            self.style.paint(Paint::Strong, "How these come about")
        )?;
        let mut all = vec![("loss", loss(s))];
        if let Some(figures) = &s.round_trips {
            all.extend(of_round_trips(figures));
            all.push(("clock", clock(s)));
            all.push((
                "digits",
                "all were reckoned in nanoseconds; the summary cuts them off after microseconds, as iputils does."
                    .to_owned(),
            ));
        }
        for (name, how) in all {
            let room = usize::from(self.style.width).saturating_sub(11);
            for (number, line) in wrap(&how, room).iter().enumerate() {
                let name = if number == 0 { name } else { "" };
                writeln!(
                    out,
                    "  {}  {line}",
                    self.style.paint(Paint::State, format!("{name:<7}"))
                )?;
            }
        }
        Ok(())
    }
}

fn loss(s: &EchoStatistics) -> String {
    let unsent = match s.unsent {
        0 => String::new(),
        number => format!(
            " {} this host's kernel refused to send: no network has lost what it never had.",
            units::plural(number, "request")
        ),
    };
    let Some(loss) = s.loss() else {
        return format!("none is known, as nothing was sent.{unsent}");
    };
    format!(
        "(transmitted - received) / transmitted = ({} - {}) / {} = {}%. Received are requests with a good \
         reply, late or not; a duplicate is no second one.{unsent}",
        s.transmitted,
        s.received,
        s.transmitted,
        general(loss * 100.0)
    )
}

/// Nanoseconds as milliseconds with all their digits, so that whoever reckons along gets the same.
fn exact(ns: u64) -> String {
    format!("{}.{:06}", ns / 1_000_000, ns % 1_000_000)
}

/// Which of them the median is.
fn middle(n: u64, f: &RoundTrips, ranked: impl Fn(u64) -> String) -> String {
    let ms = exact;
    if n % 2 == 1 {
        return format!(
            "{}, rank (n + 1) / 2 = {} ms",
            ranked(n.div_ceil(2)),
            ms(f.median_ns)
        );
    }
    let [low, high] = f.middle_ns;
    format!(
        "n is even: the mean of the two in the middle, {} and the one after it: ({} + {}) / 2 = {} ms",
        ranked(n / 2),
        ms(low),
        ms(high),
        ms(f.median_ns)
    )
}

fn of_round_trips(f: &RoundTrips) -> Vec<(&'static str, String)> {
    let ms = exact;
    let n = f.count;
    let ranked = |rank: u64| {
        let which = units::ordinal(rank);
        let how = if f.exact {
            "in order of length"
        } else {
            "by a count of ranges less than a hundredth wide, as there are too many to keep"
        };
        format!("the {which} of {n} {how}")
    };
    // In ms², of which the root is ms.
    let squares = f.sum_squares as f64 / 1e12;
    let mean = f.sum_ns as f64 / 1e6 / n as f64;
    let jitter = f.last_step.map_or_else(
        || "J += (|D| - J) / 16 (RFC 3550 6.4.1) begins with the second reply: 0".to_owned(),
        |step| {
            let before = step.jitter_ns / 1e6;
            let change = step.latest_ns.abs_diff(step.before_ns);
            format!(
                "J += (|D| - J) / 16, where D is the difference of two round trips in the order in \
                 which replies came (RFC 3550 6.4.1). Last step: |{} - {}| = {}; {before:.6} + ({} - \
                 {before:.6}) / 16 = {} ms",
                ms(step.latest_ns),
                ms(step.before_ns),
                ms(change),
                ms(change),
                ms(f.jitter_ns)
            )
        },
    );
    vec![
        (
            "avg",
            format!(
                "sum / n = {:.6} / {n} = {} ms",
                f.sum_ns as f64 / 1e6,
                ms(f.avg_ns)
            ),
        ),
        (
            "mdev",
            format!(
                "sqrt(sum of squares / n - avg²) = sqrt({squares:.12} / {n} - {mean:.9}²) = {} ms: how \
                 far round trips lie from their mean",
                ms(f.mdev_ns)
            ),
        ),
        ("median", middle(n, f, ranked)),
        (
            "p95",
            format!(
                "{}, rank ceil(0.95 n) = {} ms",
                ranked((n * 95).div_ceil(100)),
                ms(f.p95_ns)
            ),
        ),
        ("jitter", jitter),
    ]
}

/// Which clocks were read.
fn clock(s: &EchoStatistics) -> String {
    let ms = thousandths;
    let own = match s.read_lag_ns {
        Some(lag) => format!(
            "a round trip begins by our own clock, which is never set, just before the call that sends, \
             and ends when the kernel stamped the reply (SO_TIMESTAMPNS). We had the reply {} ms after \
             that on average, which is not the network's fault.",
            ms(lag)
        ),
        None => {
            "the kernel stamped no reply: round trips end when we had read the reply, by our own \
                 clock."
                .to_owned()
        }
    };
    let kernel = match (&s.kernel, &s.round_trips) {
        (Some(kernel), Some(ours)) => format!(
            "By the kernel's clock alone (SO_TIMESTAMPING), from when the driver had the request until \
             the reply was received: min/avg/max = {}/{}/{} ms over {}; so {} ms of the average above \
             are the way of a request from our call to the driver.",
            ms(kernel.min_ns),
            ms(kernel.avg_ns),
            ms(kernel.max_ns),
            units::plural(kernel.count, "round trip"),
            ms(ours.avg_ns.saturating_sub(kernel.avg_ns)),
        ),
        _ => "When a request was given to the driver the kernel did not say: it is not asked to in a \
              flood or below 10 ms, where it takes too long to tell, and not every driver knows."
            .to_owned(),
    };
    format!("{own} {kernel}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::JitterStep;

    /// Whether what stands behind a formula's last `=` is what the numbers before it come to, within a
    /// few nanoseconds.
    fn comes_out(all: &[(&str, String)], name: &str, of: impl Fn(&[f64]) -> f64) {
        let (_, said) = all.iter().find(|it| it.0 == name).expect("a formula");
        let (working, result) = said.rsplit_once(" = ").expect("a result");
        let numbers = |text: &str| -> Vec<f64> {
            let apart = text.split(|c: char| !c.is_ascii_digit() && c != '.');
            let apart = apart.filter(|it| it.contains('.'));
            apart.filter_map(|it| it.parse().ok()).collect()
        };
        let (expected, said_to_be) = (of(&numbers(working)), numbers(result)[0]);
        assert!((expected - said_to_be).abs() < 5e-6, "{said}: {expected}");
    }

    #[test]
    fn each_formula_comes_out_as_it_is_written() {
        // Of a loopback, where what microseconds cut off is a part that one sees.
        let figures = RoundTrips {
            count: 4,
            sum_ns: 140_123,
            sum_squares: 5_071_220_035,
            min_ns: 22_117,
            avg_ns: 35_030,
            max_ns: 47_019,
            mdev_ns: 6375,
            median_ns: 35_493,
            middle_ns: [30_888, 40_099],
            p95_ns: 47_019,
            jitter_ns: 593,
            last_step: Some(JitterStep {
                before_ns: 40_099,
                latest_ns: 42_009,
                jitter_ns: 505.75,
            }),
            exact: true,
            ewma_ns: 0,
        };
        let all = of_round_trips(&figures);
        comes_out(&all, "avg", |it| it[0] / 4.0);
        comes_out(&all, "mdev", |it| (it[0] / 4.0 - it[1] * it[1]).sqrt());
        comes_out(&all, "median", |it| f64::midpoint(it[0], it[1]));
        // Its own words have 3550 and 6.4.1 among the numbers, and the difference is worked out first.
        comes_out(&all, "jitter", |it| {
            let [latest, before, difference, old, same, old_again] = it[it.len() - 6..] else {
                return f64::NAN;
            };
            assert!((difference - (latest - before).abs()).abs() < 1e-9);
            assert!((same - difference).abs() < 1e-9 && (old - old_again).abs() < 1e-9);
            old + (difference - old) / 16.0
        });
    }
}
