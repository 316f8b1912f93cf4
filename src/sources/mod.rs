//! Where runs, quotas and prices come from: thin clients, and pure conversions into the model.
