//! From a run and the rate card to cost lines. Pure.
