//! What may still start: the accounts' quotas, how teams share them, and when one will be reached.
//! Pure: what runs now and what is reserved is told by the caller, and nothing is read here.

mod answer;
mod fits;
mod forecast;
mod settings;
mod window;

pub use answer::{Answer, QuotaAnswer, Standing, TeamRoom, TeamStanding, Verdict};
pub use fits::{Ask, Facts, Running, Units, decide, standings};
pub use forecast::{Forecast, NoForecast, WeeklyPeak, forecast};
pub use settings::{QuotaCheckSettings, QuotaSetting, ShareSetting};
pub use window::WindowSetting;
