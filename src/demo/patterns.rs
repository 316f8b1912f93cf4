//! The kinds of jobs that companies have many of, as a table: data alone, for `catalogue` to deal
//! out.

use super::job::Metering;
use super::teams::{IRELAND, VIRGINIA};
use crate::model::{Architecture, JobKind};

/// A kind of job.
pub(super) struct Pattern {
    /// How many jobs there are of it.
    pub(super) jobs: usize,
    /// What the names of its jobs end with. No two patterns share one.
    pub(super) actions: &'static [&'static str],
    /// The only region that has it, where not all do.
    pub(super) only: Option<&'static str>,
    /// What it runs on.
    pub(super) on: On,
    /// When it runs.
    pub(super) when: When,
    /// The median run time of its jobs, in seconds, at least and at most.
    pub(super) seconds: (u32, u32),
}

/// What a kind of job runs on: each list holds what its jobs choose from.
pub(super) enum On {
    /// Glue with workers.
    Workers {
        kind: JobKind,
        types: &'static [&'static str],
        workers: (u32, u32),
        versions: &'static [&'static str],
        metering: Metering,
    },
    /// Glue with `MaxCapacity` alone.
    TenThousandthDpus { kind: JobKind, parts: &'static [u32], versions: &'static [&'static str] },
    /// EMR Serverless.
    Emr { architecture: Architecture, vcpus: &'static [u32], flex: bool },
}

/// When a kind of job runs.
#[derive(Clone, Copy)]
pub(super) enum When {
    QuarterHourly,
    Hourly,
    Nightly,
    Weekly,
    MonthEnd,
    Stream,
}

impl When {
    /// What the names of triggers end with.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::QuarterHourly => "quarter-hourly",
            Self::Hourly => "hourly",
            Self::Nightly => "nightly",
            Self::Weekly => "weekly",
            Self::MonthEnd => "month-end",
            Self::Stream => "streams",
        }
    }
}

const fn spark(
    types: &'static [&'static str],
    workers: (u32, u32),
    versions: &'static [&'static str],
    metering: Metering,
) -> On {
    On::Workers { kind: JobKind::Spark, types, workers, versions, metering }
}

const fn emr(vcpus: &'static [u32]) -> On {
    emr_on(Architecture::X86, vcpus)
}

const fn shell(parts: &'static [u32]) -> On {
    On::TenThousandthDpus { kind: JobKind::PythonShell, parts, versions: &["1.0", "3.0"] }
}

const fn ray(workers: (u32, u32)) -> On {
    let (types, versions) = (&["Z.2X"], &["4.0"]);
    On::Workers { kind: JobKind::Ray, types, workers, versions, metering: FIXED }
}

const fn stream(types: &'static [&'static str], metering: Metering) -> On {
    let versions = &["3.0", "4.0", "5.0"];
    On::Workers { kind: JobKind::Streaming, types, workers: (2, 4), versions, metering }
}

const fn emr_on(architecture: Architecture, vcpus: &'static [u32]) -> On {
    On::Emr { architecture, vcpus, flex: false }
}

/// A row of the table.
const fn pattern(
    jobs: usize,
    actions: &'static [&'static str],
    only: Option<&'static str>,
    when: When,
    seconds: (u32, u32),
    on: On,
) -> Pattern {
    Pattern { jobs, actions, only, on, when, seconds }
}

const FIXED: Metering = Metering::Fixed;
const AUTO: Metering = Metering::AutoScaled;
const CURRENT: &[&str] = &["3.0", "4.0", "4.0", "5.0", "5.1"];
const BOTH: Option<&str> = None;
const EAST: Option<&str> = Some(VIRGINIA);
const WEST: Option<&str> = Some(IRELAND);

/// The table. Python shell and Ray run in the one region whose rates are known for them, but for
/// one Ray job, and Glue 6.0 has begun in the other region too: those are honestly unpriced.
pub(super) static PATTERNS: [Pattern; 24] = [
    pattern(
        63,
        &["build", "merge", "snapshot"],
        BOTH,
        When::Nightly,
        (480, 2_400),
        spark(&["G.1X"], (4, 14), CURRENT, FIXED),
    ),
    pattern(
        32,
        &["aggregate", "enrich"],
        BOTH,
        When::Nightly,
        (600, 3_000),
        spark(&["G.1X", "G.2X"], (5, 20), CURRENT, AUTO),
    ),
    pattern(
        8,
        &["join"],
        BOTH,
        When::Nightly,
        (900, 2_700),
        spark(&["G.4X", "G.8X"], (5, 10), &["4.0", "5.0", "5.1"], FIXED),
    ),
    pattern(
        18,
        &["archive", "compact"],
        BOTH,
        When::Nightly,
        (1_200, 3_600),
        spark(&["G.1X"], (5, 12), &["3.0", "4.0", "5.0"], Metering::Flex),
    ),
    pattern(30, &["load"], BOTH, When::Hourly, (90, 420), spark(&["G.1X"], (2, 5), CURRENT, FIXED)),
    pattern(
        4,
        &["poll"],
        BOTH,
        When::QuarterHourly,
        (62, 70),
        spark(&["G.1X"], (2, 2), CURRENT, FIXED),
    ),
    pattern(18, &["fetch", "notify"], EAST, When::Nightly, (30, 600), shell(&[625, 625, 10_000])),
    pattern(7, &["check"], EAST, When::Hourly, (20, 120), shell(&[625])),
    pattern(
        8,
        &["model"],
        BOTH,
        When::Nightly,
        (900, 2_700),
        spark(&["R.1X", "R.2X"], (4, 8), &["4.0", "5.0"], FIXED),
    ),
    pattern(5, &["stream"], BOTH, When::Stream, (0, 0), stream(&["G.025X"], FIXED)),
    pattern(1, &["stream-wide"], BOTH, When::Stream, (0, 0), stream(&["G.1X"], AUTO)),
    pattern(3, &["forecast"], EAST, When::Nightly, (900, 2_400), ray((3, 6))),
    pattern(1, &["simulate"], WEST, When::Weekly, (900, 1_800), ray((3, 4))),
    pattern(
        4,
        &["dump"],
        BOTH,
        When::Nightly,
        (150, 900),
        On::TenThousandthDpus {
            kind: JobKind::Spark,
            parts: &[20_000, 50_000],
            versions: &["0.9", "1.0"],
        },
    ),
    pattern(
        5,
        &["copy"],
        BOTH,
        When::Nightly,
        (300, 1_500),
        spark(&["Standard", "G.1X"], (3, 8), &["2.0"], FIXED),
    ),
    pattern(
        12,
        &["refine"],
        EAST,
        When::Nightly,
        (600, 2_400),
        spark(&["G.1X", "G.2X"], (4, 10), &["6.0"], AUTO),
    ),
    pattern(
        3,
        &["curate"],
        WEST,
        When::Nightly,
        (600, 1_500),
        spark(&["G.1X"], (4, 8), &["6.0"], FIXED),
    ),
    pattern(
        12,
        &["rollup"],
        BOTH,
        When::Weekly,
        (2_400, 7_200),
        spark(&["G.2X"], (6, 15), &["4.0", "5.0", "5.1"], AUTO),
    ),
    pattern(
        9,
        &["month-close"],
        BOTH,
        When::MonthEnd,
        (2_400, 5_400),
        spark(&["G.2X"], (8, 16), &["4.0", "5.1"], FIXED),
    ),
    pattern(28, &["publish", "index"], BOTH, When::Nightly, (600, 2_700), emr(&[20, 36, 52, 68])),
    pattern(9, &["sync"], BOTH, When::Hourly, (150, 500), emr(&[8, 12, 20])),
    pattern(
        5,
        &["classify"],
        WEST,
        When::Nightly,
        (600, 1_800),
        emr_on(Architecture::Arm, &[20, 36]),
    ),
    pattern(
        2,
        &["backtest"],
        BOTH,
        When::Weekly,
        (1_800, 3_600),
        On::Emr { architecture: Architecture::X86, vcpus: &[36], flex: true },
    ),
    pattern(6, &["train"], BOTH, When::Weekly, (2_400, 7_200), emr(&[68, 100, 132])),
];
