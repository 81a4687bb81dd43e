//! Words → stack file, and every word that cannot be taken.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Write as _;

use super::*;
use crate::config;

fn words(text: &[&str]) -> Vec<String> {
    text.iter().map(|word| (*word).to_owned()).collect()
}

fn yaml(text: &[&str]) -> String {
    read(&words(text)).unwrap().outline.yaml()
}

#[test]
fn every_kind_gives_a_stack_file_that_loads() {
    let mut report = String::new();
    for text in [
        &["app", "daemon:worker", "image:helloworld:1.27", "env:A=b", "environment:URL=http://x:80/?a=b c"][..],
        &["app", "task:migrate", "image:team/app"],
        &["app", "task:nightly", "image:helloworld", "schedule:cron(0 2 * * ? *)"],
        &["app", "scheduled:nightly", "schedule:rate(5 minutes)", "image:localhost:5000/x:1"],
        &["app", "http:web", "image:http-test", "domain:http-test.example.com"],
        &["app", "https:web", "domain:web.example.com", "image:public.ecr.aws/nginx/nginx:1.27"],
        &["app", "https:a", "image:a", "domain:a.example.com", "https:b", "image:b", "domain:b.example.com"],
        &["task:only", "image:helloworld"],
    ] {
        let said = read(&words(text)).unwrap();
        let yaml = said.outline.yaml();
        let config = config::parse("fargate-stack.yml", &yaml).unwrap();
        assert_eq!(config.tasks.len(), said.outline.tasks.len());
        let _ = writeln!(report, "──── {}\n{yaml}{}", text.join(" "), said.warnings.join("\n"));
        assert_eq!(yaml, super::tests::yaml(text), "the same words give the same text");
    }
    insta::assert_snapshot!("stack files from words", report);
}

#[test]
fn values_survive_with_everything_in_them() {
    let value = "p@ss:w=rd with 'quotes', \"more\" and \\ {}[]#,*&!|>% ä\u{202e}\ttab";
    let yaml =
        yaml(&["app", "daemon:w", "image:x", &format!("env:A={value}"), "env:B=", "env:C=1.10", "env:D=no"]);
    let config = config::parse("x.yml", &yaml).unwrap();
    let got = &config.tasks["w"].environment;
    assert_eq!((got["A"].as_str(), got["B"].as_str()), (value, ""));
    assert_eq!((got["C"].as_str(), got["D"].as_str()), ("1.10", "no"));
}

#[test]
fn scaling_and_the_firewall_are_written_as_app_fargatestack_reads_them() {
    let yaml = yaml(&[
        "app",
        "https:web",
        "image:x",
        "domain:a.example.com",
        "autoscaling:requests=900",
        "waf:base,-php",
        "daemon:worker",
        "image:x",
        "autoscaling:cpu",
    ]);
    insta::assert_snapshot!(yaml, @r#"
    app:
      name: app
    domain: a.example.com
    alb:
      waf:
        enabled: true
        managed_rules:
          - base
          - "-php"
    tasks:
      web:
        type: https
        image: x:latest
        autoscaling:
          min_capacity: 1
          max_capacity: 2
          requests: 900
          scale_out_cooldown: 60
          scale_in_cooldown: 300
      worker:
        type: daemon
        image: x:latest
        autoscaling:
          min_capacity: 1
          max_capacity: 2
          cpu: 60
          scale_out_cooldown: 60
          scale_in_cooldown: 300
    "#);
}

#[test]
fn every_word_that_cannot_be_taken_is_named_with_its_place() {
    let mut report = String::new();
    for text in [
        &["app"][..],
        &["my app", "task:a", "image:x"],
        &["app", "image:x"],
        &["app", "job:a", "image:x"],
        &["app", "task:", "image:x"],
        &["app", "task:a b", "image:x"],
        &["app", "task:a", "image:x", "task:a", "image:x"],
        &["app", "task:a"],
        &["app", "task:a", "image:"],
        &["app", "task:a", "image:x:1:1"],
        &["app", "task:a", "image:x", "image:y"],
        &["app", "task:a", "image:x", "imgae:y"],
        &["app", "task:a", "image:x", "nothing"],
        &["app", "scheduled:a", "image:x"],
        &["app", "scheduled:a", "image:x", "schedule:daily"],
        &["app", "daemon:a", "image:x", "schedule:rate(1 day)"],
        &["app", "http:a", "image:x"],
        &["app", "task:a", "image:x", "domain:a.example.com"],
        &["app", "task:a", "image:x", "env:hunter2"],
        &["app", "task:a", "image:x", "env:A=hunter2", "env:A=hunter3"],
        &["app", "task:a", "image:x", "autoscaling:cpu"],
        &["app", "daemon:a", "image:x", "autoscaling:requests"],
        &["app", "daemon:a", "image:x", "autoscaling:memory"],
        &["app", "daemon:a", "image:x", "autoscaling:cpu=many"],
        &["app", "daemon:a", "image:x", "autoscaling:cpu=101"],
        &["app", "http:a", "image:x", "domain:a.example.com", "waf:default"],
        &["app", "https:a", "image:x", "domain:a.example.com", "waf:base,-phq"],
    ] {
        let error = read(&words(text)).unwrap_err();
        let _ = writeln!(
            report,
            "{}\n  {}: `{}` {}\n  hint: {}",
            text.join(" | "),
            error.position,
            error.word,
            error.message,
            error.hint
        );
        assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
    }
    insta::assert_snapshot!("words that cannot be taken", report);
}

#[test]
fn a_tag_is_never_doubled() {
    for (image, wanted) in [
        ("nginx:1.27", "nginx:1.27"),
        ("nginx", "nginx:latest"),
        ("host:5000/nginx", "host:5000/nginx:latest"),
        ("host:5000/nginx:1", "host:5000/nginx:1"),
        ("a/b@sha256:00", "a/b@sha256:00"),
    ] {
        assert_eq!(tagged(image), wanted);
        assert_eq!(tagged(&tagged(image)), wanted);
    }
    assert_eq!(short("nginx:1.27"), Some(("nginx", "1.27")));
    assert_eq!(short("a/b"), None);
}
