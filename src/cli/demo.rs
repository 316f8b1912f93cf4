//! `demo`: a simulated company, from its runs to its mail, with nothing but this program.
//!
//! The runs are made up; everything else is what production does, over an embedded store of its
//! own.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::ToSpan;
use jiff::tz::TimeZone;

use super::chargeback;
use super::export::{self, Output};
use super::log::say;
use super::output::{data, progress};
use super::period::PeriodArguments;
use super::report::write_files;
use super::{Exit, Failure, World};
use crate::analysis::Edition;
use crate::app::App;
use crate::config::Config;
use crate::demo;
use crate::model::{BillSource, Period, Teller, utc_day};
use crate::store::{RealClock, StoreLocation};
use crate::tables::{Format, Table};
use crate::tasks::alerts::Telling;
use crate::tasks::chargeback::{Files, open_month};
use crate::tasks::deliver::{Order, Terms, Verdict, deliver};
use crate::tasks::export::target::Target;
use crate::tasks::publish::{Publication, mails};
use crate::tasks::quota::keep_peaks;
use crate::tasks::report::figures;
use crate::tasks::roll_up::roll_up;
use crate::tasks::used;

/// The demo's own store. Not the name of the default one: `--out .` must leave that alone.
const DATABASE: &str = "demo.db";
/// What the company's configuration is called; not as the one that is found by itself, likewise.
const CONFIGURATION: &str = "demo.toml";
/// Runs stored at once.
const BATCH_RUNS: usize = 20_000;

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Complete weeks to simulate
    #[arg(long, value_name = "N", default_value_t = demo::DemoSettings::WEEKS,
          value_parser = clap::value_parser!(u32).range(2..=16))]
    weeks: u32,
    /// What the company's fate is drawn from
    #[arg(long, value_name = "N", default_value_t = demo::DemoSettings::SEED)]
    seed: u64,
    /// Where everything goes
    #[arg(long, value_name = "DIR", default_value = "runledger-demo")]
    out: PathBuf,
}

impl Demo {
    pub(super) async fn run(self, world: &World) -> Result<Exit, Failure> {
        let cannot = |error: std::io::Error| {
            Failure::failed(format!("cannot write {}: {error}", self.out.display()))
        };
        std::fs::create_dir_all(&self.out).map_err(cannot)?;
        let database = self.out.join(DATABASE);
        // A demo begins from nothing, and the file is its own.
        for companion in ["", "-wal", "-shm"] {
            match std::fs::remove_file(self.out.join(format!("{DATABASE}{companion}"))) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(cannot(error));
                }
                _ => {}
            }
        }
        let config = company(&self.out)?;
        let app = App::open(config, Some(StoreLocation::Embedded(database))).await?;
        self.store_runs(&app, world).await?;
        self.store_bill(&app, world).await?;
        self.chargeback(&app, world).await?;
        self.export(&app, world).await?;
        self.alerts(&app, world).await?;
        self.report(&app, world).await
    }

    /// Last week's tables, for a spreadsheet and for finance's programs.
    async fn export(&self, app: &App, world: &World) -> Result<(), Failure> {
        let order = export::order(app, world, &PeriodArguments::default())?;
        let files = [
            ("tables", Format::Xlsx, vec![Table::Runs, Table::Jobs, Table::Teams, Table::Quota]),
            ("focus", Format::Parquet, vec![Table::Focus]),
        ];
        for (name, format, tables) in files {
            let file = format!("{name}-{}.{}", order.period.name, format.word());
            let target = Target::File(self.out.join(file));
            export::write(app, world, &order, &Output { tables, target, format, bom: false })
                .await?;
        }
        Ok(())
    }

    /// What is wrong now, told to the platform's people and to owners.
    async fn alerts(&self, app: &App, world: &World) -> Result<(), Failure> {
        let (alerting, books) = (app.alerting(world.who()).await?, app.books().await?);
        let at = (&app.store, &books);
        let told = alerting.tell(at, &RealClock, false, true, world.now).await?;
        let (found, Telling::Done(deliveries)) = (told.evaluation.alerts.len(), &told.telling)
        else {
            return Err(Failure::failed("another demo is running in the same folder"));
        };
        let mails = deliveries.sent_now();
        say(world.quiet, &format!("found {found} alerts, told in {mails} mails"));
        Ok(())
    }

    /// The last whole month, as finance would get it.
    async fn chargeback(&self, app: &App, world: &World) -> Result<(), Failure> {
        let this = world.now.to_zoned(TimeZone::UTC).strftime("%Y-%m").to_string();
        let month = Period::month(&this, &TimeZone::UTC)?.previous()?;
        let asked = chargeback::request(app, &month, world.now);
        let open = open_month(&app.store, &app.books().await?, &asked).await?;
        let files = Files::of(&open.statement, &app.templates()?)?;
        chargeback::write_files(&self.out, &month.name, &files, world)
    }

    async fn store_runs(&self, app: &App, world: &World) -> Result<(), Failure> {
        let settings = demo::DemoSettings { weeks: self.weeks, seed: self.seed, now: world.now };
        let bar = progress(world.quiet, "runs stored");
        let mut stored = 0;
        let mut batch = Vec::with_capacity(BATCH_RUNS);
        for mut run in demo::runs(&settings) {
            run.told(Teller::Demo, world.now);
            batch.push(run);
            if batch.len() == BATCH_RUNS {
                stored += batch.len();
                app.store.save_runs(std::mem::take(&mut batch), world.now).await?;
                bar.set_position(stored as u64);
            }
        }
        stored += batch.len();
        app.store.save_runs(batch, world.now).await?;
        bar.finish_and_clear();
        let books = app.books().await?;
        roll_up(&app.store, &books, world.now).await?;
        keep_peaks(&app.store, &books, world.now).await?;
        say(world.quiet, &format!("stored {stored} runs of a simulated company"));
        Ok(())
    }

    /// The company's bill, put where a bill that was read is kept.
    async fn store_bill(&self, app: &App, world: &World) -> Result<(), Failure> {
        let books = app.books().await?;
        let today = utc_day(world.now);
        let weeks = i64::from(self.weeks) + 1;
        let days = today.saturating_sub((7 * weeks).days())..today;
        let mut bill = demo::DemoBill::new(&books.pricing);
        used::read(&app.store, &books, days.clone(), world.now, |used| {
            bill.add(&used.stored.run, &used.priced, &used.shares);
        })
        .await?;
        for day in bill.days(days, world.now) {
            app.store.put_bill_day(demo::PAYER, &day).await?;
        }
        let source = BillSource {
            account: demo::PAYER.to_owned(),
            payer: true,
            attempted_at: world.now,
            problem: None,
            requests: 0,
        };
        app.store.put_bill_source(&source).await?;
        Ok(())
    }

    async fn report(&self, app: &App, world: &World) -> Result<Exit, Failure> {
        let settings = app.config.report("weekly").unwrap_or_default();
        let period = Period::last_week(world.now, &settings.zone()?)?;
        let request = app.report_request(&settings, period, world.now).await?;
        let (templates, books, ledger) = (app.templates()?, app.books().await?, app.ledger());
        let all = figures(&app.store, &books, &request, &[Edition::default()]).await?;
        let Some(figures) = all.first() else { return Ok(Exit::Failed) };
        write_files(&self.out, "weekly", &templates, figures, world)?;
        let Some(mail) = &app.config.mail else { return Ok(Exit::Failed) };
        let publication = Publication {
            report: "weekly",
            settings: &settings,
            request: &request,
            team: None,
            copy_to: None,
            restate: false,
            attachments: &[],
        };
        let mails = mails(&app.store, &ledger, &books, &templates, mail, &publication).await?;
        let terms = Terms {
            by: world.who(),
            order: Order::Send,
            lease: mail.lease,
            on_unknown: mail.on_unknown,
            size_max: mail.size_max(),
        };
        let sender = app.sender(mail).await;
        let deliveries = deliver(&ledger, &sender, mails, &terms, &RealClock).await?;
        data(&templates.render(figures)?.text)?;
        let web = format!("weekly-{}.web.html", request.period.name);
        say(
            world.quiet,
            &format!(
                "\n{} reports, and what was told as alerts, are in {}. Open {} in a browser, \
                 or ask further:\n  runledger --config {} report --last-week --format json",
                deliveries.sent_now(),
                self.out.join("outbox").display(),
                self.out.join(web).display(),
                self.out.join(CONFIGURATION).display(),
            ),
        );
        Ok(if deliveries.verdict() == Verdict::Done { Exit::Done } else { Exit::Failed })
    }
}

/// The company's configuration: its store, its quotas, its leaders, the owners of its teams. It is
/// written down, so that whoever looks further sees the same company.
fn company(out: &Path) -> Result<Config, Failure> {
    let text = |value: String| toml::Value::from(value).to_string();
    let place = |name: &str| out.join(name).display().to_string();
    let mut lines = vec![
        "# The demo's company, for `runledger --config`.".to_owned(),
        format!("[store]\nlocation = {}", text(format!("embedded:{}", place(DATABASE)))),
        // Nobody waits for the reports of the days before the demo.
        "[alerts.rules.report-overdue]\nenabled = false".to_owned(),
        "[alerts]\nrecipients = [\"data-platform@example.com\"]".to_owned(),
        "[mail]\nvia = \"outbox\"\nfrom = \"Runledger <runledger@example.com>\"".to_owned(),
        format!("outbox = {}", text(place("outbox"))),
        "[reports.weekly]\nrecipients = [\"data-leaders@example.com\"]".to_owned(),
        "[reports.weekly.teams]".to_owned(),
    ];
    lines.extend(demo::team_names().map(|team| {
        let owners = text(format!("{}-owners@example.com", team.replace(' ', "-")));
        format!("{} = [{owners}]", text(team.to_owned()))
    }));
    lines.extend(demo::quotas().into_iter().map(|quota| {
        let demo::Quota { account, region, key, value } = quota;
        format!(
            "[[quotas]]\naccount = \"{account}\"\nregion = \"{region}\"\nquota = \"{key}\"\n\
             value = {value}"
        )
    }));
    let (lines, file) = (lines.join("\n") + "\n", out.join(CONFIGURATION));
    let config = Config::parse(&lines, &file)?;
    std::fs::write(&file, lines)
        .map_err(|error| Failure::failed(format!("cannot write {}: {error}", file.display())))?;
    Ok(config)
}
