//! Closing a month: when it is refused, and that nothing changes it afterwards.

use super::{FORMATS, chargeback, close, company, formats, glue_run, import};

const NOW: &str = "2026-11-06T00:00:00Z";

#[test]
fn a_month_is_closed_when_it_is_over_and_its_bill_is_final_or_somebody_says_why() {
    let sandbox = company();
    let early = chargeback(&sandbox, "2026-10-31T23:59:59Z", "2026-10", &["--close"]).exits(2);
    assert!(early.stderr.contains("2026-11-01T00:00:00Z"), "{}", early.stderr);
    let forced = close(&sandbox, "2026-10-31T23:59:59Z", "2026-10").exits(2);
    assert!(forced.stderr.contains("is not closed before"), "{}", forced.stderr);
    let no_bill = chargeback(&sandbox, NOW, "2026-10", &["--close"]).exits(1);
    assert!(no_bill.stderr.contains("not final"), "{}", no_bill.stderr);
    assert!(no_bill.stderr.contains("--force --why"), "{}", no_bill.stderr);
    chargeback(&sandbox, NOW, "2026-10", &["--close", "--force"]).exits(2);
    chargeback(&sandbox, NOW, "2026-10", &["--force", "--why", "x"]).exits(2);
    chargeback(&sandbox, NOW, "2026-10", &["--close", "--force", "--why", " "]).exits(2);
    let json = super::json(&sandbox, NOW, "2026-10");
    assert_eq!(json["closed"], false, "a refusal closes nothing");

    close(&sandbox, NOW, "2026-10").exits(0);
    let json = super::json(&sandbox, NOW, "2026-10");
    assert_eq!(json["closed"], true);
    assert_eq!(json["closing"]["forced_because"], "no bill here");
    assert_eq!(json["closing"]["at"], NOW);
    assert!(!json["closing"]["by"].as_str().unwrap().is_empty());
    // Whoever comes later finds it done.
    for more in [&["--close"][..], &["--close", "--force", "--why", "another reason"]] {
        let again = chargeback(&sandbox, "2026-12-01T00:00:00Z", "2026-10", more).exits(0);
        assert!(again.stderr.contains("closed already, since 2026-11-06"), "{}", again.stderr);
        let text = again.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("because: no bill here.") && !text.contains("another"), "{text}");
    }
}

#[test]
fn a_closed_month_is_the_same_bytes_whatever_changes() {
    let sandbox = company();
    close(&sandbox, NOW, "2026-10").exits(0);
    let before = formats(&sandbox, NOW, "2026-10");
    assert!(before[0].contains("$18.48"), "{}", before[0]);

    // More runs and another end of a known one.
    let runs = [
        glue_run("jr_7", "orders-late", "2026-10-11T10:00:00Z", "2026-10-11T12:00:00Z"),
        glue_run("jr_4", "stray", "2026-10-20T10:00:00Z", "2026-10-20T15:00:00Z"),
    ];
    import(&sandbox, "2026-11-20T00:00:00Z", &runs);
    // Other owners, names, rates, budgets and rules.
    let config = std::fs::read_to_string(sandbox.path("runledger.toml")).unwrap();
    let config = config.replace("team = \"claims\"", "team = \"somebody\"")
        + "[budgets]\norders = '5.00'\n\
           [chargeback.split]\ntax = 'none'\n\
           [[jobs.fold]]\npattern = 'load'\nreplace = 'x'\n\
           [[pricing.rates]]\nengine = 'glue'\ncomponent = 'DPU'\nkinds = ['spark']\n\
           execution_class = 'STANDARD'\nfrom_version = '2.0'\nsource = 'agreement'\n\
           as_of = '2026-01'\nusd = { us-east-1 = '0.10' }\n";
    // Other templates.
    copy_templates(&sandbox.path("templates"));
    let body = sandbox.path("templates/chargeback/body.txt");
    let text = std::fs::read_to_string(&body).unwrap();
    std::fs::write(&body, text.replace("Chargeback", "Weiterbelastung")).unwrap();
    sandbox.write("runledger.toml", format!("templates = \"templates\"\n{config}"));

    for now in [NOW, "2026-11-20T00:00:00Z", "2031-01-01T00:00:00Z"] {
        let after = formats(&sandbox, now, "2026-10");
        for (format, (before, after)) in FORMATS.iter().zip(before.iter().zip(&after)) {
            assert_eq!(before, after, "{format} at {now}");
        }
    }
    // All of that does change a month that is open.
    let open = chargeback(&sandbox, "2026-11-20T00:00:00Z", "2026-11", &[]).exits(0).stdout;
    assert!(open.contains("Weiterbelastung") && open.contains("BUDGETS"), "{open}");
}

fn copy_templates(to: &std::path::Path) {
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("report_templates");
    for folder in ["", "weekly", "chargeback", "alerts"] {
        std::fs::create_dir_all(to.join(folder)).unwrap();
        for entry in std::fs::read_dir(from.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, to.join(folder).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
}
