//! Rollouts and their causes in every document.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::documents::links;
use super::hostile::{nasty, shape};
use super::plans::{ACCOUNT, HOSTILE};
use crate::model::{Cause, ContainerLog, RolloutOutcome, RolloutReport, ServiceRollout};
use crate::render::{Budget, Links, Style, cause_text, escape, rollout_json, rollout_markdown, rollout_text};

fn crash() -> Cause {
    Cause {
        class: "essential-exited".to_owned(),
        summary: "container `worker` exited with 1 (the program failed). The program ended by itself; its last lines tell why.".to_owned(),
        remedy: "fix what the last lines of the log name, in the program or in `tasks.worker.environment`".to_owned(),
        evidence: vec![
            "3 tasks stopped with EssentialContainerExited".to_owned(),
            format!("log of container `proxy`: not read: logs:GetLogEvents refused for arn:aws:logs:eu-west-1:{ACCOUNT}:x"),
        ],
        tasks: 3,
        container: Some("worker".to_owned()),
        exit_code: Some(1),
        exit_meaning: Some("the program failed".to_owned()),
        reason: Some("Essential container in task exited".to_owned()),
        log: vec!["starting".to_owned(), "\u{1b}[31mfatal\u{1b}[0m:\tno database".to_owned()],
        other_logs: vec![ContainerLog { container: "proxy".to_owned(), lines: vec!["bye".to_owned()] }],
        more: Some("fargate-stack logs worker".to_owned()),
    }
}

fn rollout(service: &str, outcome: RolloutOutcome, cause: Option<Cause>) -> ServiceRollout {
    let good = outcome == RolloutOutcome::Succeeded;
    ServiceRollout {
        service: service.to_owned(),
        deployment: "ecs-svc/1".to_owned(),
        revision: format!("{service}:8"),
        outcome,
        seconds: 72.0,
        status_reason: (!good).then(|| "the circuit breaker threshold was exceeded.".to_owned()),
        digests: if good {
            BTreeMap::from([(service.to_owned(), format!("sha256:{}", "ab".repeat(32)))])
        } else {
            BTreeMap::new()
        },
        running: (!good).then(|| format!("{service}:7")),
        cause,
        next: if good { vec![] } else { vec![format!("fargate-stack status {service}")] },
    }
}

fn two() -> RolloutReport {
    RolloutReport::new(vec![
        rollout("worker", RolloutOutcome::RolledBack, Some(crash())),
        rollout("web", RolloutOutcome::Succeeded, None),
    ])
}

#[test]
fn a_rollout_that_failed_says_what_to_change_before_everything_else() {
    insta::assert_snapshot!("rollout_text", rollout_text(&two(), Style::PLAIN));
    let markdown = rollout_markdown(&two(), ACCOUNT, &links(), Budget::comment(0));
    insta::assert_snapshot!("rollout_markdown", markdown);
    assert!(!markdown.contains(ACCOUNT));
}

#[test]
fn a_rollout_that_succeeded_names_the_digest_that_runs() {
    let report = RolloutReport::new(vec![rollout("web", RolloutOutcome::Succeeded, None)]);
    insta::assert_snapshot!(rollout_text(&report, Style::PLAIN), @r"
    ✓ web: released in 1 min 12 s
      web:8 runs: web sha256:abababababab
    ");
    let ascii = Style { color: false, width: None, unicode: false };
    assert!(rollout_text(&report, ascii).is_ascii());
    let failed = RolloutReport::new(vec![rollout("web", RolloutOutcome::Failed, Some(crash()))]);
    assert!(rollout_text(&failed, ascii).is_ascii(), "{}", rollout_text(&failed, ascii));
    assert!(rollout_text(&failed, Style { color: true, ..Style::PLAIN }).contains("\u{1b}[1mfix what"));
}

#[test]
fn nothing_to_roll_out_and_every_outcome_have_their_document() {
    let nothing = RolloutReport::new(vec![]);
    assert_eq!(rollout_text(&nothing, Style::PLAIN), "nothing to roll out\n");
    for outcome in RolloutOutcome::ALL {
        let report = RolloutReport::new(vec![rollout("web", outcome, None)]);
        for document in [
            rollout_text(&report, Style::PLAIN),
            rollout_markdown(&report, ACCOUNT, &Links::default(), Budget::comment(0)),
        ] {
            assert!(!document.contains("this is a bug"), "{document}");
            assert_eq!(document.contains("released"), outcome == RolloutOutcome::Succeeded, "{document}");
        }
        let markdown = rollout_markdown(&report, ACCOUNT, &links(), Budget::comment(0));
        assert!(markdown.contains(&format!("**Status: {}**", outcome.word())), "{markdown}");
    }
}

#[test]
fn the_document_for_machines_is_the_report_without_credentials() {
    let key = format!("ASIA{}", "ABCDEFGHIJKLMNOP");
    let mut cause = crash();
    cause.log = vec![format!("using {key}")];
    let value = rollout_json(&RolloutReport::new(vec![rollout("web", RolloutOutcome::Failed, Some(cause))]));
    assert_eq!(value["outcome"], "failed");
    let service = &value["services"][0];
    let keys: Vec<&str> = service["cause"].as_object().unwrap().keys().map(String::as_str).collect();
    for key in ["class", "summary", "remedy", "evidence", "tasks", "container", "exit_code", "reason", "log"]
    {
        assert!(keys.contains(&key), "no {key} in {keys:?}");
    }
    assert_eq!(service["cause"]["log"][0], "using (removed)");
    assert_eq!((&service["service"], &service["deployment"]), (&"web".into(), &"ecs-svc/1".into()));
}

#[test]
fn credentials_in_a_log_are_shown_nowhere() {
    let key = format!("AKIA{}", "ABCDEFGHIJKLMNOP");
    let said = format!("x {key} y");
    let mut cause = crash();
    cause.summary = format!("the image may not be pulled with {key}. It is {said}.");
    cause.evidence = vec![said.clone()];
    cause.reason = Some(said.clone());
    cause.log = vec![said.clone()];
    cause.other_logs[0].lines = vec![said.clone()];
    let mut failed = rollout("web", RolloutOutcome::Failed, Some(cause.clone()));
    failed.status_reason = Some(said);
    let report = RolloutReport::new(vec![failed]);
    let documents = [
        (7, rollout_text(&report, Style::PLAIN)),
        (7, rollout_markdown(&report, ACCOUNT, &links(), Budget::comment(0))),
        (6, cause_text(&cause, Style::PLAIN)),
        (7, rollout_json(&report).to_string()),
    ];
    for (times, document) in documents {
        assert!(!document.contains(&key), "{document}");
        assert_eq!(
            document.replace("\\(removed\\)", "(removed)").matches("(removed)").count(),
            times,
            "{document}"
        );
    }
}

#[test]
fn a_report_that_is_too_long_loses_evidence_and_logs_before_remedies() {
    let services: Vec<ServiceRollout> = (0..40)
        .map(|n| {
            let mut cause = crash();
            cause.log = vec!["l".repeat(400); 20];
            cause.evidence = vec!["e".repeat(500); 20];
            rollout(&format!("service-{n:02}"), RolloutOutcome::Failed, Some(cause))
        })
        .collect();
    let report = RolloutReport::new(services);
    let document = rollout_markdown(&report, ACCOUNT, &links(), Budget::comment(0));
    assert!(document.len() <= 60_000, "{}", document.len());
    assert_eq!(document.matches("**Change:**").count(), 40);
    let tiny = Budget { limit: 4_000, reserved: 0 };
    let document = rollout_markdown(&report, ACCOUNT, &links(), tiny);
    assert!(document.len() <= 4_000 && document.contains("more that are not told here"), "{document}");
}

/// A report in which every text is this one; the summary always has a second sentence.
fn hostile(text: &str) -> RolloutReport {
    let text = text.to_owned();
    let cause = Cause {
        class: text.clone(),
        summary: format!("{text}. {text}."),
        remedy: text.clone(),
        evidence: vec![text.clone()],
        tasks: 1,
        container: Some(text.clone()),
        exit_code: Some(1),
        exit_meaning: Some(text.clone()),
        reason: Some(text.clone()),
        log: vec![text.clone()],
        other_logs: vec![ContainerLog { container: text.clone(), lines: vec![text.clone()] }],
        more: Some(text.clone()),
    };
    RolloutReport::new(vec![ServiceRollout {
        service: text.clone(),
        deployment: text.clone(),
        revision: text.clone(),
        outcome: RolloutOutcome::RolledBack,
        seconds: 1.0,
        status_reason: Some(text.clone()),
        digests: BTreeMap::from([(text.clone(), text.clone())]),
        running: Some(text.clone()),
        cause: Some(cause),
        next: vec![text],
    }])
}

fn all(text: &str) -> (String, [String; 2]) {
    let report = hostile(text);
    let markdown = rollout_markdown(&report, ACCOUNT, &links(), Budget::summary(0));
    let cause = report.services[0].cause.clone().unwrap();
    (markdown, [rollout_text(&report, Style::PLAIN), cause_text(&cause, Style::PLAIN)])
}

#[test]
fn hostile_text_changes_the_shape_of_no_rollout() {
    let (hostile, _) = all(HOSTILE);
    let (harmless, _) = all("harmless");
    assert_eq!(shape(&hostile), shape(&harmless), "{hostile}");
    assert!(!hostile.contains("<!--") && !hostile.contains(['\u{1b}', '\u{202e}']));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_changes_the_shape_of_a_rollout(text in nasty()) {
        let (markdown, texts) = all(&text);
        let (harmless_markdown, harmless_texts) = all("harmless");
        prop_assert!(!markdown.contains("this is a bug"), "{markdown}");
        prop_assert_eq!(shape(&markdown), shape(&harmless_markdown), "{}", markdown);
        for (nasty, harmless) in texts.iter().zip(&harmless_texts) {
            prop_assert!(!nasty.chars().any(|c| c.is_control() && c != '\n'), "{nasty:?}");
            prop_assert_eq!(nasty.lines().count(), harmless.lines().count(), "{}", nasty);
        }
        let value = rollout_json(&hostile(&text));
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&escape::json(&value)).unwrap(), value);
    }
}
