//! Delivery from outside: mails as others parse them, SES as it speaks on the wire, and starts that
//! race and crash over one ledger.

mod crashes;
mod mime;
mod races;
mod ses;
pub(crate) mod ses_fake;
mod stage;
