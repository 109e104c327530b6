//! libpcap, loaded when first needed.
//!
//! Linked in the ordinary way, a machine without libpcap could not even read a file: the binary
//! would die in the dynamic linker, before `main`. So the symbols that the `pcap` crate asks the
//! linker for are defined here. Each loads the library the first time, and forwards; without a
//! library it fails the way libpcap itself would, with a text that says what to install.
//! `build.rs` puts an empty `libpcap.a` on the link path, so that building needs no libpcap
//! either.
//!
//! Signatures follow `pcap/pcap.h` of libpcap 1.10. The types are opaque here: nothing but
//! pointers pass through.

#[cfg(not(target_os = "linux"))]
compile_error!("wirelab captures on Linux only: libpcap is loaded by its Linux names");

use std::ffi::{CStr, CString, c_char, c_int, c_uchar, c_uint, c_void};
use std::ptr;
use std::sync::OnceLock;

/// The names the library goes by: upstream's, Debian's, and that of a development package.
const NAMES: [&CStr; 3] = [c"libpcap.so.1", c"libpcap.so.0.8", c"libpcap.so"];
/// What to do without one.
const REMEDY: &str = "apt install libpcap0.8 (or your system's libpcap package)";
/// `PCAP_ERRBUF_SIZE`.
const ERRBUF_SIZE: usize = 256;
/// `PCAP_NETMASK_UNKNOWN`.
const NETMASK_UNKNOWN: c_uint = 0xffff_ffff;
/// `PCAP_TSTAMP_PRECISION_NANO`.
const PRECISION_NANO: c_int = 1;
/// `PCAP_ERROR`.
const FAILED: c_int = -1;

/// `pcap_t`, `pcap_dumper_t`, `pcap_if_t`, `FILE` and `struct pcap_pkthdr`, each behind a pointer.
type Opaque = c_void;
/// `pcap_handler`.
type Handler = extern "C" fn(*mut c_uchar, *const Opaque, *const c_uchar);

/// `struct bpf_program`.
#[repr(C)]
struct RawProgram {
    len: c_uint,
    instructions: *mut Opaque,
}

/// `struct pcap_pkthdr`.
#[repr(C)]
struct PacketHeader {
    time: libc::timeval,
    captured_len: c_uint,
    len: c_uint,
}

/// Makes, of a line for each function: a field in [`Library`], its look-up, and the symbol that
/// the `pcap` crate links to. What stands after `=` is the answer where there is no library.
macro_rules! forward {
    ($(fn $name:ident($($arg:ident: $type:ty),*) $(-> $answer:ty)? = $absent:expr;)*) => {
        /// The functions of the loaded library.
        struct Library {
            version: String,
            $($name: unsafe extern "C" fn($($type),*) $(-> $answer)?,)*
        }

        impl Library {
            /// Looks up every function of the library behind `handle`.
            ///
            /// # Safety
            ///
            /// `handle` must come from `dlopen` of a libpcap and stay open.
            unsafe fn resolve(handle: *mut c_void) -> Result<Self, String> {
                // SAFETY: the caller vouches for `handle`; the type of each function is the one
                // that libpcap's header declares, and has not changed since 1.0.
                unsafe {
                    Ok(Self {
                        version: version(handle)?,
                        $($name: {
                            let found = symbol(handle, concat!(stringify!($name), "\0"))?;
                            std::mem::transmute::<
                                *mut c_void,
                                unsafe extern "C" fn($($type),*) $(-> $answer)?,
                            >(found)
                        },)*
                    })
                }
            }
        }

        $(
            // SAFETY: no other library of the program defines this name: the crate that asks for
            // it finds an empty libpcap.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($arg: $type),*) $(-> $answer)? {
                match library() {
                    // SAFETY: the arguments are passed on as they came, so they are as good as
                    // the caller's word to libpcap.
                    Ok(library) => unsafe { (library.$name)($($arg),*) },
                    Err(_) => $absent,
                }
            }
        )*
    };
}

forward! {
    fn pcap_activate(p: *mut Opaque) -> c_int = FAILED;
    fn pcap_breakloop(p: *mut Opaque) = ();
    fn pcap_close(p: *mut Opaque) = ();
    fn pcap_compile(p: *mut Opaque, program: *mut RawProgram, text: *const c_char, optimize: c_int, netmask: c_uint) -> c_int = FAILED;
    fn pcap_create(device: *const c_char, errbuf: *mut c_char) -> *mut Opaque = tell(errbuf);
    fn pcap_datalink(p: *mut Opaque) -> c_int = FAILED;
    fn pcap_datalink_name_to_val(name: *const c_char) -> c_int = FAILED;
    fn pcap_datalink_val_to_description(dlt: c_int) -> *const c_char = ptr::null();
    fn pcap_datalink_val_to_name(dlt: c_int) -> *const c_char = ptr::null();
    fn pcap_dispatch(p: *mut Opaque, count: c_int, handler: Handler, user: *mut c_uchar) -> c_int = FAILED;
    fn pcap_dump(user: *mut c_uchar, header: *const Opaque, bytes: *const c_uchar) = ();
    fn pcap_dump_close(dumper: *mut Opaque) = ();
    fn pcap_dump_flush(dumper: *mut Opaque) -> c_int = FAILED;
    fn pcap_dump_fopen(p: *mut Opaque, file: *mut Opaque) -> *mut Opaque = ptr::null_mut();
    fn pcap_dump_open(p: *mut Opaque, path: *const c_char) -> *mut Opaque = ptr::null_mut();
    fn pcap_dump_open_append(p: *mut Opaque, path: *const c_char) -> *mut Opaque = ptr::null_mut();
    fn pcap_fileno(p: *mut Opaque) -> c_int = FAILED;
    fn pcap_findalldevs(list: *mut *mut Opaque, errbuf: *mut c_char) -> c_int = { tell(errbuf); FAILED };
    fn pcap_fopen_offline(file: *mut Opaque, errbuf: *mut c_char) -> *mut Opaque = tell(errbuf);
    fn pcap_fopen_offline_with_tstamp_precision(file: *mut Opaque, precision: c_uint, errbuf: *mut c_char) -> *mut Opaque = tell(errbuf);
    fn pcap_free_datalinks(list: *mut c_int) = ();
    fn pcap_freealldevs(list: *mut Opaque) = ();
    fn pcap_freecode(program: *mut RawProgram) = ();
    fn pcap_get_selectable_fd(p: *mut Opaque) -> c_int = FAILED;
    fn pcap_get_tstamp_precision(p: *mut Opaque) -> c_int = FAILED;
    fn pcap_geterr(p: *mut Opaque) -> *mut c_char = c"libpcap is not installed".as_ptr().cast_mut();
    fn pcap_list_datalinks(p: *mut Opaque, list: *mut *mut c_int) -> c_int = FAILED;
    fn pcap_loop(p: *mut Opaque, count: c_int, handler: Handler, user: *mut c_uchar) -> c_int = FAILED;
    fn pcap_major_version(p: *mut Opaque) -> c_int = FAILED;
    fn pcap_minor_version(p: *mut Opaque) -> c_int = FAILED;
    fn pcap_next_ex(p: *mut Opaque, header: *mut *mut Opaque, bytes: *mut *const c_uchar) -> c_int = FAILED;
    fn pcap_offline_filter(program: *const RawProgram, header: *const PacketHeader, bytes: *const c_uchar) -> c_int = 0;
    fn pcap_open_dead(dlt: c_int, snaplen: c_int) -> *mut Opaque = ptr::null_mut();
    fn pcap_open_dead_with_tstamp_precision(dlt: c_int, snaplen: c_int, precision: c_uint) -> *mut Opaque = ptr::null_mut();
    fn pcap_open_offline(path: *const c_char, errbuf: *mut c_char) -> *mut Opaque = tell(errbuf);
    fn pcap_open_offline_with_tstamp_precision(path: *const c_char, precision: c_uint, errbuf: *mut c_char) -> *mut Opaque = tell(errbuf);
    fn pcap_sendpacket(p: *mut Opaque, bytes: *const c_uchar, len: c_int) -> c_int = FAILED;
    fn pcap_set_buffer_size(p: *mut Opaque, bytes: c_int) -> c_int = FAILED;
    fn pcap_set_datalink(p: *mut Opaque, dlt: c_int) -> c_int = FAILED;
    fn pcap_set_immediate_mode(p: *mut Opaque, on: c_int) -> c_int = FAILED;
    fn pcap_set_promisc(p: *mut Opaque, on: c_int) -> c_int = FAILED;
    fn pcap_set_rfmon(p: *mut Opaque, on: c_int) -> c_int = FAILED;
    fn pcap_set_snaplen(p: *mut Opaque, bytes: c_int) -> c_int = FAILED;
    fn pcap_set_timeout(p: *mut Opaque, ms: c_int) -> c_int = FAILED;
    fn pcap_set_tstamp_precision(p: *mut Opaque, precision: c_int) -> c_int = FAILED;
    fn pcap_set_tstamp_type(p: *mut Opaque, kind: c_int) -> c_int = FAILED;
    fn pcap_setdirection(p: *mut Opaque, direction: c_uint) -> c_int = FAILED;
    fn pcap_setfilter(p: *mut Opaque, program: *mut RawProgram) -> c_int = FAILED;
    fn pcap_setnonblock(p: *mut Opaque, on: c_int, errbuf: *mut c_char) -> c_int = { tell(errbuf); FAILED };
    fn pcap_stats(p: *mut Opaque, stats: *mut Opaque) -> c_int = FAILED;
}

/// The library, or why there is none; loaded once.
fn library() -> &'static Result<Library, String> {
    static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
    LIBRARY.get_or_init(|| load(&NAMES))
}

/// Loads the first of `names` that there is.
fn load(names: &[&CStr]) -> Result<Library, String> {
    let mut reasons = Vec::new();
    for name in names {
        // SAFETY: loading runs the library's constructors; libpcap's do nothing unusual.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            reasons.push(last_error());
            continue;
        }
        // SAFETY: `handle` is an open libpcap, and is never closed.
        return unsafe { Library::resolve(handle) };
    }
    // The dynamic linker gives no code, only this text, which it does not translate for a program
    // that has not called `setlocale`.
    let missing = |reason: &String| reason.contains("No such file");
    match reasons.iter().find(|reason| !missing(reason)) {
        None => Err(format!("libpcap is not installed: {REMEDY}")),
        Some(reason) => Err(format!("libpcap can't be loaded ({reason}): {REMEDY}")),
    }
}

/// Finds a function; `name` ends in a NUL byte.
///
/// # Safety
///
/// `handle` must come from `dlopen` and be open.
unsafe fn symbol(handle: *mut c_void, name: &'static str) -> Result<*mut c_void, String> {
    // SAFETY: `handle` is open, as the caller says, and `name` is a C string.
    let found = unsafe { libc::dlsym(handle, name.as_ptr().cast()) };
    if found.is_null() {
        let name = name.trim_end_matches('\0');
        return Err(format!(
            "libpcap is too old, it has no {name} (1.7.2 and later do): {REMEDY}"
        ));
    }
    Ok(found)
}

/// What the library calls itself: `libpcap version 1.10.3 (with TPACKET_V3)`.
///
/// # Safety
///
/// As for [`Library::resolve`].
unsafe fn version(handle: *mut c_void) -> Result<String, String> {
    // SAFETY: the function takes nothing and gives a string that lives as long as the library.
    unsafe {
        let found = symbol(handle, "pcap_lib_version\0")?;
        let call: unsafe extern "C" fn() -> *const c_char = std::mem::transmute(found);
        Ok(CStr::from_ptr(call()).to_string_lossy().into_owned())
    }
}

/// What the dynamic linker last complained about.
fn last_error() -> String {
    // SAFETY: `dlerror` gives null or a C string that is ours until the next call of its family in
    // this thread, and it is copied before that.
    unsafe {
        let text = libc::dlerror();
        if text.is_null() {
            return "no reason given".to_owned();
        }
        CStr::from_ptr(text).to_string_lossy().into_owned()
    }
}

/// Writes why there is no library into libpcap's error buffer, and gives its "no handle".
fn tell(errbuf: *mut c_char) -> *mut Opaque {
    if let Err(reason) = library()
        && !errbuf.is_null()
    {
        let len = reason.len().min(ERRBUF_SIZE - 1);
        // SAFETY: a caller of libpcap passes a buffer of `ERRBUF_SIZE` bytes, and `len` and the
        // final zero fit.
        unsafe {
            ptr::copy_nonoverlapping(reason.as_ptr().cast(), errbuf, len);
            *errbuf.add(len) = 0;
        }
    }
    ptr::null_mut()
}

/// The version of libpcap on this machine, or a text that says why there is none and what to do.
///
/// To be asked before anything else is called: `pcap::Capture::dead` would say "insufficient
/// memory".
///
/// # Errors
///
/// When libpcap is not installed, can't be loaded, or is too old.
pub(in crate::io) fn available() -> Result<&'static str, &'static str> {
    match library() {
        Ok(library) => Ok(&library.version),
        Err(reason) => Err(reason),
    }
}

/// Whether the timestamps of `capture` count nanoseconds, not microseconds. The crate asks for
/// them and does not tell whether it got them.
pub(in crate::io) fn counts_nanoseconds(capture: &pcap::Capture<pcap::Active>) -> bool {
    // SAFETY: `capture` holds an open handle.
    unsafe { pcap_get_tstamp_precision(capture.as_ptr().cast()) == PRECISION_NANO }
}

/// A compiled filter.
///
/// The crate's own drops two things that matter: the length on the wire, so that `len > 1000` on
/// packets cut by a snaplen asks the wrong question, and the netmask, without which `ip
/// broadcast` compiles to nonsense.
pub(in crate::io) struct Program(RawProgram);

impl Program {
    /// Compiles `expression` for the link type of `capture`.
    ///
    /// # Errors
    ///
    /// libpcap's own message.
    pub(in crate::io) fn compile<T: pcap::State + ?Sized>(
        capture: &pcap::Capture<T>,
        expression: &str,
        netmask: Option<u32>,
    ) -> Result<Self, String> {
        let text = CString::new(expression).map_err(|_| "it contains a NUL byte".to_owned())?;
        let handle: *mut Opaque = capture.as_ptr().cast();
        let netmask = netmask.map_or(NETMASK_UNKNOWN, u32::to_be);
        let mut program = RawProgram {
            len: 0,
            instructions: ptr::null_mut(),
        };
        // SAFETY: `capture` holds an open handle, `text` is a C string, and `program` is a place
        // to write to.
        let answer = unsafe { pcap_compile(handle, &raw mut program, text.as_ptr(), 1, netmask) };
        if answer != 0 {
            return Err(error_of(handle));
        }
        Ok(Self(program))
    }

    /// Makes `capture` give only the packets that match.
    ///
    /// # Errors
    ///
    /// libpcap's own message.
    pub(in crate::io) fn install(
        mut self,
        capture: &mut pcap::Capture<pcap::Active>,
    ) -> Result<(), String> {
        let handle: *mut Opaque = capture.as_ptr().cast();
        // SAFETY: `capture` holds an open handle, and libpcap copies the program.
        let answer = unsafe { pcap_setfilter(handle, &raw mut self.0) };
        if answer != 0 {
            return Err(error_of(handle));
        }
        Ok(())
    }

    /// Whether it matches a packet of which `bytes` were captured and that was `len` bytes long.
    pub(in crate::io) fn matches(&self, bytes: &[u8], len: u32) -> bool {
        let header = PacketHeader {
            time: libc::timeval {
                tv_sec: 0,
                tv_usec: 0,
            },
            captured_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            len,
        };
        // SAFETY: the program was compiled by libpcap; it reads no more than `captured_len` bytes,
        // which are there.
        unsafe { pcap_offline_filter(&raw const self.0, &raw const header, bytes.as_ptr()) != 0 }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // SAFETY: the instructions came from `pcap_compile` and are freed once.
        unsafe { pcap_freecode(&raw mut self.0) }
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Program({} instructions)", self.0.len)
    }
}

/// The handle's latest error text.
fn error_of(handle: *mut Opaque) -> String {
    // SAFETY: callers pass an open handle, whose error buffer is a C string.
    let text = unsafe { CStr::from_ptr(pcap_geterr(handle)) };
    text.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_library_the_answer_says_what_to_install() {
        let answer = load(&[c"libpcap-of-no-machine.so.7"]).err().unwrap();
        assert_eq!(
            answer,
            "libpcap is not installed: apt install libpcap0.8 (or your system's libpcap package)"
        );
    }

    #[test]
    fn a_library_that_is_no_libpcap_is_told_apart() {
        let answer = load(&[c"libc.so.6"]).err().unwrap();
        assert!(answer.contains("it has no pcap_lib_version"), "{answer}");
        let answer = load(&[c"/etc/passwd"]).err().unwrap();
        assert!(answer.starts_with("libpcap can't be loaded ("), "{answer}");
    }
}
