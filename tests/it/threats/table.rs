//! Every threat names what tests its control.

use std::collections::BTreeSet;
use std::path::Path;

/// Every test function of the workspace.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = vec![root.join("src"), root.join("tests"), root.join("sandbox/src")];
    let mut found = BTreeSet::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            for (at, line) in lines.iter().enumerate() {
                let name = line
                    .trim_start_matches("async ")
                    .strip_prefix("fn ")
                    .and_then(|rest| rest.split('(').next());
                let is_test = lines[at.saturating_sub(4)..at]
                    .iter()
                    .any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
                    || lines[at.saturating_sub(12)..at].iter().any(|line| line.starts_with("proptest!"));
                found.extend(name.filter(|_| is_test).map(str::to_owned));
            }
        }
    }
    found
}

#[test]
fn every_threat_has_a_control_and_tests_that_exist() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/concept/threats.md");
    let page = std::fs::read_to_string(page).unwrap();
    let known = tests();
    assert!(known.len() > 500, "{}", known.len());
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes().get(2).is_some_and(u8::is_ascii_digit))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    let numbers: Vec<String> = rows.iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(numbers, (1..=32).map(|n| n.to_string()).collect::<Vec<_>>());
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        let named: Vec<&str> = row[3].split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "threat {} names no test", row[0]);
        for name in named {
            let last = name.rsplit("::").next().unwrap();
            assert!(known.contains(last), "threat {} names the test `{name}`, which does not exist", row[0]);
        }
    }
}
