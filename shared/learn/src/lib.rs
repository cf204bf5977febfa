//! aquifer-learn
