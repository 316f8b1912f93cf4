//! What may start: whether a planned start fits, places held for it, and the use of quotas over
//! time. Nothing is started or stopped here.

mod desk;
mod measured;
mod peaks;
mod settle;
mod show;
mod standing;

pub use desk::{Checked, Desk, Held, Reserved, Wish};
pub use measured::{Asked, add_measured};
pub use peaks::{PeaksKept, add_forecasts, keep_peaks};
pub use settle::settle;
pub use show::Shown;
pub(super) use standing::Everywhere;
pub use standing::StandingNow;
