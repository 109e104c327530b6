//! What `server` and `client` have in common on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Output;

/// How to talk.
#[derive(Debug, Args)]
pub struct Talk {
    /// Send this once, right after accept or connect: a text, or the bytes of a file as they are
    #[arg(short, long, value_name = "TEXT|@FILE", help_heading = "Talking")]
    pub send: Option<String>,
    /// Encoding of text: utf-8, gbk, gb18030, big5, shift-jis, latin1 …
    #[arg(
        short,
        long,
        value_name = "NAME",
        default_value = "utf-8",
        help_heading = "Talking"
    )]
    pub encoding: String,
    /// Send this in place of characters that the encoding lacks; else nothing of such a text is sent
    #[arg(long, value_name = "TEXT", help_heading = "Talking")]
    pub lacking: Option<String>,
    /// Send back what comes
    #[arg(long, help_heading = "Talking")]
    pub echo: bool,
    /// Close when nothing has happened for so long; connect takes no longer either
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Talking")]
    pub timeout: Option<Duration>,
    /// Bytes that one recv takes at most
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=16_777_216), help_heading = "Calls")]
    pub recv_size: u32,
    /// Read so many bytes a second at most, and see what the sender makes of it
    #[arg(long, value_name = "RATE", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Calls")]
    pub slow_read: Option<u64>,
    /// Set `TCP_NODELAY`: small pieces are not held back
    #[arg(long, help_heading = "Calls")]
    pub nodelay: bool,
    /// Set `SO_SNDBUF`: room for what is sent and not acknowledged
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=1_073_741_823), help_heading = "Calls")]
    pub sndbuf: Option<u32>,
    /// Set `SO_RCVBUF`: room for what came and was not read
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=1_073_741_823), help_heading = "Calls")]
    pub rcvbuf: Option<u32>,
    /// IPv4 only
    #[arg(short = '4', conflicts_with = "v6", help_heading = "Calls")]
    pub v4: bool,
    /// IPv6 only
    #[arg(short = '6', help_heading = "Calls")]
    pub v6: bool,
    /// Show the segments too, between the calls that they belong to (needs the right to capture)
    #[arg(long, help_heading = "Showing")]
    pub segments: bool,
    /// Show the buffers as they fill and drain, every so many seconds (0.25): below the talk on a terminal, else in its lines
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "0.25", value_parser = often, help_heading = "Showing")]
    pub watch: Option<Duration>,
    /// Show every call: fold nothing
    #[arg(short, long, help_heading = "Showing")]
    pub all: bool,
    /// Write the bytes that are received to this file
    #[arg(long, value_name = "FILE", help_heading = "Showing")]
    pub save: Option<PathBuf>,
    /// How to write it.
    #[command(flatten)]
    pub output: Output,
}

/// Seconds, with decimals, and not none.
fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse::<f64>().ok();
    number
        .and_then(|number| Duration::try_from_secs_f64(number).ok())
        .filter(|time| !time.is_zero() && *time <= Duration::from_hours(24 * 365))
        .ok_or_else(|| "give seconds, more than 0, as in 0.5".to_owned())
}

/// Seconds between two looks.
fn often(text: &str) -> Result<Duration, String> {
    seconds(text)
        .ok()
        .filter(|it| (0.01..=3_600.0).contains(&it.as_secs_f64()))
        .ok_or_else(|| "give seconds from 0.01 to 3600, as in --watch=0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_some() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(often("0.5"), Ok(Duration::from_millis(500)));
        assert!(often("0.001").is_err() && often("4000").is_err());
        for wrong in ["", "0", "-1", "inf", "x"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
            assert!(often(wrong).is_err(), "{wrong}");
        }
    }
}
