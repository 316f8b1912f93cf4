//! The edge to AWS that rooms share: configuration from the SDK's own environment, assumed roles.
