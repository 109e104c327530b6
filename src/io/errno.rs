//! Names of errors, as errno(3) has them.

use nix::errno::Errno;

/// The name of an error: `ECONNREFUSED`.
pub(in crate::io) fn name(errno: Errno) -> String {
    match errno {
        Errno::UnknownErrno => "an error without name".to_owned(),
        known => format!("{known:?}"),
    }
}
