//! aquifer-worker
