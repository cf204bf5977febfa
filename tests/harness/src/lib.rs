//! aquifer-harness
