//! From figures to something a person reads: mail, text, JSON.
