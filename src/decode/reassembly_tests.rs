//! Tests of the reassembly.
