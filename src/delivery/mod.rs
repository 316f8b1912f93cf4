//! Messages, and the ways they leave: SES, or the outbox folder. Knows nothing of reports.
