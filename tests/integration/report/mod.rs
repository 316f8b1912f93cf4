//! What people read, from a company's figures: the numbers, the safety, the size.

mod company;

use runledger::report::{RenderedReport, Templates};

fn rendered() -> RenderedReport {
    Templates::load(None).unwrap().render(&company::figures()).unwrap()
}

#[test]
fn first_look() {
    let report = rendered();
    println!("{}\n{}", report.subject, report.text);
    std::fs::write("/tmp/mail.html", &report.html).unwrap();
    println!("{}", report.html.len());
}
