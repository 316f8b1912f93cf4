//! A simulated company, for those who have no AWS account at hand.
