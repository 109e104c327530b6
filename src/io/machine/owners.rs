//! Which processes have which sockets open (proc(5)): `/proc/PID/fd/N` leads to `socket:[NUMBER]`.
//!
//! Of other users' processes only root is told.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::sockets::Owner;

/// Most processes looked through, and descriptors of each: bounds for a machine that is odd.
const MOST_PROCESSES: usize = 100_000;
const MOST_DESCRIPTORS: usize = 100_000;

/// Processes by the number of a socket that they have open.
#[derive(Debug, Default)]
pub struct Owners {
    by_socket: HashMap<u32, Vec<Owner>>,
    /// Processes whose descriptors we may not see.
    pub hidden: usize,
}

impl Owners {
    /// Looks through the processes of this machine, as far as we may.
    pub fn look() -> Self {
        let mut owners = Self::default();
        let Ok(processes) = fs::read_dir("/proc") else {
            return owners;
        };
        let numbered = processes.flatten().filter_map(|it| {
            let pid = it.file_name().to_str()?.parse::<u32>().ok()?;
            Some((pid, it.path()))
        });
        for (pid, path) in numbered.take(MOST_PROCESSES) {
            owners.look_into(pid, &path);
        }
        for list in owners.by_socket.values_mut() {
            list.sort();
            list.dedup();
        }
        owners
    }

    /// Who has that socket open.
    pub fn of(&self, socket: u32) -> Vec<Owner> {
        self.by_socket.get(&socket).cloned().unwrap_or_default()
    }

    fn look_into(&mut self, pid: u32, process: &Path) {
        let Ok(descriptors) = fs::read_dir(process.join("fd")) else {
            self.hidden += 1;
            return;
        };
        let socket = |path: &Path| {
            let to = fs::read_link(path).ok()?;
            let number = to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            number.parse::<u32>().ok()
        };
        let sockets: Vec<_> = descriptors
            .flatten()
            .take(MOST_DESCRIPTORS)
            .filter_map(|it| socket(&it.path()))
            .collect();
        if sockets.is_empty() {
            return;
        }
        let name = fs::read(process.join("comm")).unwrap_or_default();
        let name = String::from_utf8_lossy(&name).trim_end().to_owned();
        for socket in sockets {
            let owner = Owner {
                pid,
                name: name.clone(),
            };
            self.by_socket.entry(socket).or_default().push(owner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn ones_own_socket_is_ones_own() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
        let link = link.to_str().unwrap();
        let number = link
            .trim_start_matches("socket:[")
            .trim_end_matches(']')
            .parse()
            .unwrap();
        let owners = Owners::look().of(number);
        assert!(
            owners.iter().any(|it| it.pid == std::process::id()),
            "{owners:?}"
        );
    }
}
