//! The one DynamoDB table: keys, items, runs, the delivery ledger, and the embedded engine.
