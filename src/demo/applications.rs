//! The EMR Serverless applications of the company: some are a team's own, some are shared.

use super::job::Application;
use super::teams::{GOODS, IRELAND, NUMBERS, SHOP, VIRGINIA};
use crate::model::Architecture;

const fn application(
    name: &'static str,
    team: Option<&'static str>,
    place: (&'static str, &'static str),
    architecture: Architecture,
    maximum_vcpus: u32,
    release: &'static str,
) -> Application {
    let (account, region) = place;
    Application { name, team, account, region, architecture, maximum_vcpus, release }
}

/// The EMR Serverless applications.
pub(super) static APPLICATIONS: [Application; 10] = [
    application("shop-batch", None, (SHOP, VIRGINIA), Architecture::X86, 600, "emr-7.9.0"),
    application(
        "fraud-batch",
        Some("fraud"),
        (SHOP, VIRGINIA),
        Architecture::X86,
        400,
        "emr-7.9.0",
    ),
    application("goods-batch", None, (GOODS, VIRGINIA), Architecture::X86, 400, "emr-7.5.0"),
    application(
        "claims-batch",
        Some("claims"),
        (GOODS, IRELAND),
        Architecture::X86,
        300,
        "emr-7.9.0",
    ),
    application(
        "logistics-batch",
        Some("logistics"),
        (GOODS, IRELAND),
        Architecture::X86,
        300,
        "emr-6.15.0",
    ),
    application(
        "marketing-batch",
        Some("marketing"),
        (NUMBERS, IRELAND),
        Architecture::X86,
        400,
        "emr-7.9.0",
    ),
    application(
        "insight-batch",
        Some("customer-insight"),
        (NUMBERS, VIRGINIA),
        Architecture::X86,
        600,
        "emr-7.9.0",
    ),
    application(
        "finance-batch",
        Some("finance-reporting"),
        (NUMBERS, VIRGINIA),
        Architecture::X86,
        200,
        "emr-7.2.0",
    ),
    application("goods-arm", None, (GOODS, IRELAND), Architecture::Arm, 200, "emr-7.9.0"),
    application(
        "marketing-arm",
        Some("marketing"),
        (NUMBERS, IRELAND),
        Architecture::Arm,
        200,
        "emr-7.9.0",
    ),
];
