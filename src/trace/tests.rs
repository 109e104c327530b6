//! Traces in virtual time.
