//! How long the chain of calls is that a plan waits for: with the distance to AWS it is what a plan's time is made of.

use serde_json::{Value, json};

use super::harness::World;
use super::stacks::example;

/// Milliseconds before each answer: far more than the machine's own delays, so that calls which are made together overlap.
const LATENCY: u64 = 300;

/// The longest chain of calls of which none began before the one before it had ended.
fn rounds(calls: &[Value]) -> usize {
    let mut spans: Vec<(f64, f64)> = calls
        .iter()
        .map(|call| {
            let begin = call["time"].as_f64().unwrap();
            (begin, begin + call["ms"].as_f64().unwrap() / 1000.0)
        })
        .collect();
    spans.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut chain = (0, 0.0);
    for (begin, end) in spans {
        if begin >= chain.1 {
            chain = (chain.0 + 1, end);
        }
    }
    chain.0
}

/// Calls and rounds of a plan of this stack, which was applied before.
fn unchanged(stack: &str) -> (usize, usize) {
    let world = World::applied(stack);
    world.control("POST", "latency", &json!({"account": world.account, "ms": LATENCY}));
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
    let calls = world.calls();
    (calls.len(), rounds(&calls))
}

/// Services behind two host names.
fn services(count: usize) -> String {
    let service = |number| {
        let host = format!("h{}.example.com", number % 2);
        format!(
            "  s{number}: {{type: https, image: 'http-test:latest', domain: {host}, path: '/s{number}/*'}}\n"
        )
    };
    let services: String = (0..count).map(service).collect();
    format!("app: {{name: many}}\ntasks:\n{services}")
}

#[test]
fn a_chain_is_made_of_calls_that_do_not_overlap() {
    let call = |begin: f64, ms: u64| json!({"time": begin, "ms": ms});
    assert_eq!(rounds(&[]), 0);
    assert_eq!(rounds(&[call(0.0, 50), call(0.01, 50), call(0.02, 50)]), 1);
    assert_eq!(rounds(&[call(0.0, 50), call(0.06, 50), call(0.01, 200), call(0.12, 50)]), 3);
}

#[test]
fn the_plan_of_an_unchanged_worker_stack_waits_for_few_calls_in_a_row() {
    let (calls, rounds) = unchanged(&example("worker"));
    assert!(rounds <= 6, "{rounds} rounds of {calls} calls");
}

#[test]
fn the_plan_of_an_unchanged_web_stack_waits_for_few_calls_in_a_row() {
    let (calls, rounds) = unchanged(&example("multi"));
    assert!(rounds <= 8, "{rounds} rounds of {calls} calls");
}

#[test]
fn many_services_are_read_together() {
    const COUNT: usize = 12;
    let world = World::applied(&services(COUNT));
    world.control("POST", "latency", &json!({"account": world.account, "ms": LATENCY}));
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
    let calls = world.calls();
    let rounds = rounds(&calls);
    assert!(rounds <= 8, "{rounds} rounds of {} calls", calls.len());
    // Ten services a call, twenty target groups, rules or tags a call, a page of records; late ones may need one more.
    for (operation, most) in [
        ("DescribeServices", 4),
        ("DescribeTargetGroups", 4),
        ("DescribeRules", 6),
        ("DescribeTags", 10),
        ("ListResourceRecordSets", 6),
    ] {
        let asked = calls.iter().filter(|call| call["operation"] == operation).count();
        assert!(asked <= most, "{asked} times {operation} for {COUNT} services");
    }
}
