//! aquifer-proto
