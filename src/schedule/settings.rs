//! Schedules as files: those that ship, or those of a folder in their place; and the changes that
//! the configuration makes to them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use super::cron::{Cron, CronError};
use crate::delivery::OnUnknown;
use crate::model::{Address, Period};

/// Every schedule that ships, by its name.
const SHIPPED: [(&str, &str); 6] = [
    ("alerts", include_str!("../../schedules/alerts.toml")),
    ("bill", include_str!("../../schedules/bill.toml")),
    ("chargeback", include_str!("../../schedules/chargeback.toml")),
    ("collect", include_str!("../../schedules/collect.toml")),
    ("prices", include_str!("../../schedules/prices.toml")),
    ("weekly-report", include_str!("../../schedules/weekly-report.toml")),
];

/// Stands for the last whole week, as `2026-W46`.
const LAST_WEEK: &str = "{last_week}";
/// The report that always exists.
const WEEKLY: &str = "weekly";

/// The schedules, by the order of their names.
#[derive(Clone, Debug)]
pub struct Schedules(Vec<Schedule>);

/// One schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name: the file's, without `.toml`.
    pub name: String,
    /// The command line, after the program's name. `{last_week}`, `{last_month}` and `{yesterday}`
    /// stand for the period that was the last one when it was due, whenever it is done.
    pub task: Vec<String>,
    /// When it is due.
    pub cron: Cron,
    /// By which clock.
    pub zone: TimeZone,
    /// By which clock the weeks and days are that its task speaks of: those of the report that it
    /// sends begin and end by the report's own.
    pub periods: TimeZone,
    /// Begun later than this after it was due, it is late.
    pub window: Duration,
    /// What becomes of those that were missed.
    pub missed: Missed,
    /// How far back one that was missed is made up for.
    pub catch_up: Duration,
    /// Whether it is in force.
    pub enabled: bool,
    /// A report: who gets the whole of it, in place of the report's own recipients.
    pub recipients: Option<Vec<Address>>,
    /// A report: which editions go out (`all`, and teams by name); every one where not said.
    pub editions: Option<Vec<String>>,
    /// A report: the tables that go with its mails, as `runs.csv`.
    pub attachments: Vec<String>,
    /// A mail of which it is not known whether it left, in place of the mail settings' own policy.
    pub on_unknown: Option<OnUnknown>,
}

/// What becomes of due times at which nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missed {
    /// Each of them is made up for, the oldest first.
    Each,
    /// The newest of them stands for all.
    Latest,
}

/// A schedule that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// A file or the folder cannot be read.
    #[error("cannot read {}: {reason}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// A file says something that it cannot.
    #[error("schedule {origin}: {reason}")]
    Invalid {
        /// The file, or the shipped schedule.
        origin: String,
        /// What is wrong, with the key.
        reason: String,
    },
    /// There is none in the folder.
    #[error("there is no schedule in {}: its files end in .toml", .0.display())]
    Empty(PathBuf),
}

/// A schedule's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    task: Vec<String>,
    #[serde(deserialize_with = "cron")]
    cron: Cron,
    #[serde(default = "utc")]
    zone: String,
    #[serde(default = "an_hour", deserialize_with = "span")]
    window: Duration,
    #[serde(default = "latest")]
    missed: Missed,
    #[serde(default = "two_weeks", deserialize_with = "span")]
    catch_up: Duration,
    #[serde(default = "yes")]
    enabled: bool,
    recipients: Option<Vec<Address>>,
    editions: Option<Vec<String>>,
    #[serde(default)]
    attachments: Vec<String>,
    on_unknown: Option<OnUnknown>,
}

/// A change of one schedule in the main configuration.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleChange {
    /// Whether it is in force, in place of what the schedule says.
    pub enabled: Option<bool>,
    /// When it is due: a cron line of five fields, as `0 8 * * MON`.
    pub cron: Option<String>,
    /// By which clock: a time zone, as `Europe/Berlin`.
    pub zone: Option<String>,
    /// The tables that go with a report's mails.
    pub attachments: Option<Vec<String>>,
}

impl Schedules {
    /// Reads every `.toml` file of a folder, or the schedules that ship where there is no folder.
    ///
    /// # Errors
    /// When one cannot be read or used, with its file and key.
    pub fn load(folder: Option<&Path>) -> Result<Self, ScheduleError> {
        let Some(folder) = folder else {
            let shipped = SHIPPED.iter().map(|(name, text)| read(name, text, &format!("`{name}`")));
            return shipped.collect::<Result<_, _>>().map(Self);
        };
        let cannot = |path: &Path, reason| ScheduleError::Read { path: path.to_owned(), reason };
        let mut schedules = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|error| cannot(folder, error))? {
            let path = entry.map_err(|error| cannot(folder, error))?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
            let is_schedule = path.extension().is_some_and(|extension| extension == "toml");
            if let (true, Some(name)) = (is_schedule, name) {
                let text = std::fs::read_to_string(&path).map_err(|error| cannot(&path, error))?;
                schedules.push(read(&name, &text, &path.display().to_string())?);
            }
        }
        if schedules.is_empty() {
            return Err(ScheduleError::Empty(folder.to_owned()));
        }
        schedules.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self(schedules))
    }

    /// The same with the changes that the configuration makes, by name.
    ///
    /// # Errors
    /// When there is no schedule of a name, or a change cannot be used.
    pub fn changed<'a>(
        mut self,
        changes: impl IntoIterator<Item = (&'a String, &'a ScheduleChange)>,
    ) -> Result<Self, ScheduleError> {
        for (name, change) in changes {
            let invalid = |reason: String| ScheduleError::Invalid {
                origin: format!("`{name}` in the configuration"),
                reason,
            };
            let known = self.0.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
            let schedule = self.0.iter_mut().find(|schedule| schedule.name == *name);
            let schedule =
                schedule.ok_or_else(|| invalid(format!("there is none; there are {known}")))?;
            if let Some(text) = &change.cron {
                schedule.cron = Cron::parse(text).map_err(|e| invalid(format!("cron: {e}")))?;
            }
            if let Some(name) = &change.zone {
                schedule.zone = zone(name).map_err(invalid)?;
            }
            if let Some(names) = &change.attachments {
                schedule.attachments.clone_from(names);
            }
            schedule.enabled = change.enabled.unwrap_or(schedule.enabled);
        }
        Ok(self)
    }

    /// The same with the clocks of the reports: of the one that a task is, else of the weekly one,
    /// by which every other command counts weeks too. Where there is none of a name it stays UTC.
    #[must_use]
    pub fn with_periods_of(mut self, clock: impl Fn(&str) -> Option<TimeZone>) -> Self {
        for schedule in &mut self.0 {
            if let Some(clock) = clock(schedule.report().unwrap_or(WEEKLY)) {
                schedule.periods = clock;
            }
        }
        self
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Schedule> {
        self.0.iter()
    }

    /// The one of a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Schedule> {
        self.iter().find(|schedule| schedule.name == name)
    }
}

impl Schedule {
    /// The due times after an instant, the earliest first.
    pub fn after(&self, instant: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        self.cron.after(instant, &self.zone)
    }

    /// The name of the report that its task is, where it is one.
    #[must_use]
    pub fn report(&self) -> Option<&str> {
        let (command, rest) = self.task.split_first()?;
        let name = rest.first().map(String::as_str).filter(|word| !word.starts_with('-'));
        (command == "report").then_some(name.unwrap_or(WEEKLY))
    }

    /// Whether its task sends the report of a name.
    #[must_use]
    pub fn sends(&self, report: &str) -> bool {
        self.report() == Some(report) && self.task.iter().any(|word| word == "--send")
    }

    /// Whether its task is about the last week, whichever that is.
    #[must_use]
    pub fn is_weekly(&self) -> bool {
        self.task.iter().any(|word| word == LAST_WEEK)
    }

    /// The end of the week that is under way at a due time, where its task is weekly and that end
    /// is less than a day off: then it is due before what it is meant for.
    #[must_use]
    pub fn ends_soon_after(&self, due: Timestamp) -> Option<Timestamp> {
        // Six days on, a week that ends within a day is over, and the one after it is not.
        let then = due.checked_add(SignedDuration::from_hours(6 * 24)).ok()?;
        let end = Period::last_week(then, &self.periods).ok().filter(|_| self.is_weekly())?.end;
        let soon = due..due.checked_add(SignedDuration::from_hours(24)).ok()?;
        (end != due && soon.contains(&end)).then_some(end)
    }

    /// The task as of one of its due times: placeholders replaced by the periods that were the last
    /// whole ones then, by the clock of the report (months of finance are UTC's).
    #[must_use]
    pub fn task_at(&self, due: Timestamp) -> Vec<String> {
        let week = || Period::last_week(due, &self.periods).map(|week| week.name);
        let yesterday = due.to_zoned(self.periods.clone()).date().yesterday();
        let of_month = |day: jiff::civil::Date| day.first_of_month().yesterday();
        let month = of_month(crate::model::utc_day(due));
        let replaced = |word: &String| match word.as_str() {
            LAST_WEEK => week().unwrap_or_default(),
            "{last_month}" => month
                .as_ref()
                .map_or_else(|_| String::new(), |day| day.strftime("%Y-%m").to_string()),
            "{yesterday}" => yesterday.as_ref().map_or_else(|_| String::new(), ToString::to_string),
            word => word.to_owned(),
        };
        self.task.iter().map(replaced).collect()
    }

    /// The zone's name.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

fn read(name: &str, text: &str, origin: &str) -> Result<Schedule, ScheduleError> {
    let invalid = |reason: String| ScheduleError::Invalid { origin: origin.to_owned(), reason };
    let file: File = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
        let reason = "its name is to be small letters, digits and `-`, at most 40";
        return Err(invalid(reason.to_owned()));
    }
    let braces = |word: &&String| word.contains(['{', '}']);
    let known = [LAST_WEEK, "{last_month}", "{yesterday}"];
    if let Some(word) = file.task.iter().filter(braces).find(|w| !known.contains(&w.as_str())) {
        let known = known.join(", ");
        return Err(invalid(format!("task: `{word}` stands for nothing; there are {known}")));
    }
    Ok(Schedule {
        name: name.to_owned(),
        task: file.task,
        cron: file.cron,
        zone: zone(&file.zone).map_err(invalid)?,
        periods: TimeZone::UTC,
        window: file.window,
        missed: file.missed,
        catch_up: file.catch_up,
        enabled: file.enabled,
        recipients: file.recipients,
        editions: file.editions,
        attachments: file.attachments,
        on_unknown: file.on_unknown,
    })
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name)
        .map_err(|_| format!("zone: `{name}` is no time zone; write it like Europe/Berlin"))
}

fn cron<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cron, D::Error> {
    let text = String::deserialize(deserializer)?;
    Cron::parse(&text).map_err(|error: CronError| de::Error::custom(error))
}

/// A span of at least a minute: due times are told by minutes.
fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let minute = Duration::from_mins(1);
    let days = text.strip_suffix('d').and_then(|days| days.parse::<i64>().ok());
    let span = days.map_or_else(
        || text.parse::<SignedDuration>().ok(),
        |days| SignedDuration::try_from_hours(days.checked_mul(24)?),
    );
    span.and_then(|span| Duration::try_from(span).ok()).filter(|span| *span >= minute).ok_or_else(
        || de::Error::custom(format!("`{text}` is no span: write it like 30m, 6h or 14d")),
    )
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn yes() -> bool {
    true
}

const fn an_hour() -> Duration {
    Duration::from_hours(1)
}

const fn two_weeks() -> Duration {
    Duration::from_hours(14 * 24)
}

const fn latest() -> Missed {
    Missed::Latest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read("x", text, "x.toml").unwrap_err().to_string()
    }

    #[test]
    fn what_ships_can_be_used_and_is_named_by_its_file() {
        let schedules = Schedules::load(None).unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schedules");
        let from_files = Schedules::load(Some(&folder)).unwrap();
        let names = |s: &Schedules| s.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&schedules), names(&from_files));
        let weekly = schedules.named("weekly-report").unwrap();
        assert_eq!((weekly.zone_name(), weekly.missed), ("Europe/London", Missed::Each));
    }

    #[test]
    fn periods_are_those_of_the_due_time_whenever_it_is_done() {
        let text = "task = ['x', '{last_week}', '{last_month}', '{yesterday}']\n\
                    cron = '0 0 * * *'\nzone = 'Asia/Tokyo'";
        let mut schedule = read("x", text, "x.toml").unwrap();
        schedule.periods = schedule.zone.clone();
        // Monday, 2026-11-16 00:00 in Tokyo is still Sunday in UTC.
        let words = schedule.task_at("2026-11-15T15:00:00Z".parse().unwrap());
        assert_eq!(words, ["x", "2026-W46", "2026-10", "2026-11-15"]);
        // The first of March in Tokyo: the UTC month before February's end is January.
        let words = schedule.task_at("2027-02-28T15:00:00Z".parse().unwrap());
        assert_eq!(words, ["x", "2027-W08", "2027-01", "2027-02-28"]);
    }

    #[test]
    fn weeks_are_those_of_the_report_and_not_of_the_schedule() {
        let file = |task: &str| format!("task = [{task}]\ncron = '0 7 * * MON'\nzone = 'UTC'");
        let of = |task: &str| Schedules(vec![read("x", &file(task), "x.toml").unwrap()]);
        let clock = |report: &str| {
            let name = if report == "weekly" { "America/Los_Angeles" } else { "Asia/Tokyo" };
            TimeZone::get(name).ok()
        };
        // Monday at seven is still Sunday on the Pacific: the week before is the last whole one.
        let due = "2026-11-16T07:00:00Z".parse().unwrap();
        for (task, week) in [
            ("'report', '--send', '--week', '{last_week}'", "2026-W45"),
            ("'report', 'weekly', '{last_week}'", "2026-W45"),
            ("'report', 'far-east', '{last_week}'", "2026-W46"),
            ("'export', 'runs', '{last_week}'", "2026-W45"),
        ] {
            let schedules = of(task).with_periods_of(clock);
            let words = schedules.named("x").unwrap().task_at(due);
            assert_eq!(words.last().unwrap(), week, "{task}");
            let end = schedules.named("x").unwrap().ends_soon_after(due);
            let pacific = "2026-11-16T08:00:00Z".parse().unwrap();
            assert_eq!(end, (week == "2026-W45").then_some(pacific), "{task}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        assert!(refused("task = []\ncron = 'x'").contains("no cron line"));
        assert!(refused("task = []\ncron = '0 0 * * *'\nzone = 'X'").contains("zone: `X`"));
        assert!(refused("task = ['{week}']\ncron = '0 0 * * *'").contains("`{week}`"));
        assert!(refused("task = []\ncron = '0 0 * * *'\nwindow = '5s'").contains("no span"));
        assert!(refused("task = []\ncron = '0 0 * * *'\nwho = 1").contains("unknown field"));
        let unknown = "task = []\ncron = '0 0 * * *'\non_unknown = 'drop'";
        assert!(refused(unknown).contains("`drop`"));
    }

    #[test]
    fn the_configuration_changes_what_ships() {
        let change: ScheduleChange = toml::from_str("enabled = true\nzone = 'UTC'").unwrap();
        let changes = [("bill".to_owned(), change.clone())];
        let of = changes.iter().map(|(name, change)| (name, change));
        let schedules = Schedules::load(None).unwrap().changed(of).unwrap();
        assert!(schedules.named("bill").unwrap().enabled);
        let nobody = [("nobody".to_owned(), change)];
        let of = nobody.iter().map(|(name, change)| (name, change));
        let error = Schedules::load(None).unwrap().changed(of).unwrap_err().to_string();
        assert!(error.contains("`nobody`") && error.contains("weekly-report"), "{error}");
    }
}
