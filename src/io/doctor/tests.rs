//! Diagnoses of situations that this machine is not in.
