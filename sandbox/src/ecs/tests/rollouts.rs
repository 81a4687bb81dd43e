use serde_json::{Value, json};

use super::{Bench, GROUP, SLOW, definition, network, service, with};
use crate::ecs::Pace;

/// Desired, pending and running tasks.
fn counts(of: &Value) -> (i64, i64, i64) {
    let count = |key: &str| of[key].as_i64().unwrap();
    (count("desiredCount"), count("pendingCount"), count("runningCount"))
}

#[test]
fn a_first_deployment_goes_from_pending_to_running_to_completed() {
    let mut bench = Bench::ready();
    let made = bench.ok("CreateService", service())["service"].clone();
    let deployment = &made["deployments"][0];
    assert_eq!(
        (&deployment["status"], &deployment["rolloutState"]),
        (&json!("PRIMARY"), &json!("IN_PROGRESS"))
    );
    assert_eq!(counts(&made), (2, 0, 0), "the scheduler works after the answer");
    bench.after(1.0);
    assert_eq!(counts(&bench.service()), (2, 2, 0));
    bench.after(1.0);
    let running = bench.service();
    assert_eq!(counts(&running), (2, 0, 2));
    assert_eq!(counts(&running["deployments"][0]), (2, 0, 2));
    assert_eq!(running["deployments"][0]["rolloutState"], "IN_PROGRESS");
    bench.after(1.0);
    let done = bench.service()["deployments"][0].clone();
    assert_eq!(done["rolloutState"], "COMPLETED");
    assert_eq!(
        done["rolloutStateReason"],
        format!("ECS deployment {} completed.", done["id"].as_str().unwrap())
    );
    assert_eq!(done["updatedAt"], json!(1_800_000_003.0), "at its own time, not at that of the call");
}

#[test]
fn a_deployment_id_has_nineteen_digits() {
    let mut bench = Bench::running();
    let id = bench.service()["deployments"][0]["id"].as_str().unwrap().to_owned();
    let digits = id.strip_prefix("ecs-svc/").unwrap();
    assert!(digits.len() == 19 && digits.chars().all(|char| char.is_ascii_digit()), "{id}");
}

#[test]
fn events_tell_the_story_newest_first() {
    let mut bench = Bench::running();
    let id = bench.service()["deployments"][0]["id"].as_str().unwrap().to_owned();
    let events = bench.events();
    assert_eq!(events[0], "(service web) has reached a steady state.");
    assert_eq!(events[1], format!("(service web) (deployment {id}) deployment completed."));
    assert!(events[2].starts_with("(service web) has started 2 tasks: (task "), "{}", events[2]);
    assert_eq!(events.len(), 3);
}

#[test]
fn a_long_pause_and_many_short_looks_come_to_the_same() {
    let story = |step: f64| {
        let mut bench = Bench::running();
        bench.ok("RegisterTaskDefinition", definition());
        bench.update(json!({ "taskDefinition": "web:2" }));
        let looks = (20.0 / step).round();
        let mut done = 0.0;
        while done < looks {
            bench.after(step);
            bench.service();
            done += 1.0;
        }
        bench.service()
    };
    assert_eq!(story(20.0), story(0.5));
}

#[test]
fn the_old_deployment_stays_until_its_tasks_are_gone() {
    let mut bench = Bench::running();
    let old = bench.service()["deployments"][0]["id"].clone();
    bench.ok("RegisterTaskDefinition", definition());
    let answer = bench.update(json!({ "taskDefinition": "web:2" }));
    assert_eq!(answer["deployments"][0]["taskDefinition"], answer["taskDefinition"]);
    bench.after(1.0);
    let both = bench.service();
    let (new, last) = (&both["deployments"][0], &both["deployments"][1]);
    assert_eq!((&new["status"], &last["status"], &last["id"]), (&json!("PRIMARY"), &json!("ACTIVE"), &old));
    assert_eq!((counts(new), counts(last)), ((2, 2, 0), (2, 0, 2)));
    assert_eq!(counts(&both), (2, 2, 2), "old tasks run until the new ones do");
    bench.after(1.0);
    let both = bench.service();
    assert_eq!(both["deployments"].as_array().unwrap().len(), 2, "the old tasks are still stopping");
    assert_eq!(counts(&both["deployments"][1]), (0, 0, 0));
    bench.after(1.0);
    let done = bench.service();
    assert_eq!(done["deployments"].as_array().unwrap().len(), 1);
    assert_eq!(done["deployments"][0]["rolloutState"], "COMPLETED");
    let events = bench.events();
    assert!(events.iter().any(|one| one.starts_with("(service web) has stopped 2 running tasks: (task ")));
}

#[test]
fn tasks_of_a_new_deployment_use_the_new_definition_and_name_the_deployment() {
    let mut bench = Bench::running();
    bench.ok("RegisterTaskDefinition", definition());
    let id = bench.update(json!({ "taskDefinition": "web:2" }))["deployments"][0]["id"].clone();
    bench.after(10.0);
    let tasks = bench.tasks("RUNNING");
    assert_eq!(tasks.len(), 2);
    for task in &tasks {
        assert_eq!(task["startedBy"], id);
        assert!(task["taskDefinitionArn"].as_str().unwrap().ends_with("/web:2"));
    }
}

#[test]
fn a_second_deployment_supersedes_one_that_has_not_finished() {
    let mut bench = Bench::running();
    bench.update(json!({ "forceNewDeployment": true }));
    bench.after(1.0);
    bench.update(json!({ "forceNewDeployment": true }));
    bench.after(0.5);
    assert_eq!(bench.service()["deployments"].as_array().unwrap().len(), 3);
    bench.after(10.0);
    let seen = bench.service();
    assert_eq!(seen["deployments"].as_array().unwrap().len(), 1);
    assert_eq!((counts(&seen), &seen["deployments"][0]["rolloutState"]), ((2, 0, 2), &json!("COMPLETED")));
}

#[test]
fn with_no_room_above_old_tasks_go_before_new_ones_come() {
    let mut bench = Bench::running();
    let config = json!({ "maximumPercent": 100, "minimumHealthyPercent": 50 });
    bench.update(json!({ "deploymentConfiguration": config, "forceNewDeployment": true }));
    bench.after(1.0);
    assert_eq!(counts(&bench.service()), (2, 1, 1), "one at a time");
    bench.after(20.0);
    let seen = bench.service();
    assert_eq!((counts(&seen), &seen["deployments"][0]["rolloutState"]), ((2, 0, 2), &json!("COMPLETED")));
}

#[test]
fn percentages_that_round_to_a_deadlock_never_move() {
    let mut bench = Bench::ready();
    let config = json!({ "maximumPercent": 150, "minimumHealthyPercent": 100 });
    bench.ok(
        "CreateService",
        with(service(), json!({ "desiredCount": 1, "deploymentConfiguration": config })),
    );
    bench.after(10.0);
    bench.update(json!({ "forceNewDeployment": true }));
    bench.after(600.0);
    let seen = bench.service();
    assert_eq!(seen["deployments"][0]["rolloutState"], "IN_PROGRESS");
    assert_eq!(seen["deployments"].as_array().unwrap().len(), 2);
    assert!(bench.events()[0].contains("was unable to stop or start tasks during a deployment"));
}

#[test]
fn scaling_starts_and_stops_tasks_without_a_deployment() {
    let mut bench = Bench::running();
    let id = bench.service()["deployments"][0]["id"].clone();
    bench.update(json!({ "desiredCount": 5 }));
    bench.after(10.0);
    assert_eq!(counts(&bench.service()), (5, 0, 5));
    bench.update(json!({ "desiredCount": 1 }));
    bench.after(10.0);
    let seen = bench.service();
    assert_eq!(counts(&seen), (1, 0, 1));
    assert_eq!(
        (&seen["deployments"][0]["id"], &seen["deployments"][0]["rolloutState"]),
        (&id, &json!("COMPLETED"))
    );
    let steady = bench.events().iter().filter(|one| one.ends_with("has reached a steady state.")).count();
    assert_eq!(steady, 3, "each change ends in a steady state of its own");
}

#[test]
fn a_service_of_no_tasks_completes_too() {
    let mut bench = Bench::ready();
    bench.ok("CreateService", with(service(), json!({ "desiredCount": 0 })));
    bench.after(5.0);
    let seen = bench.service();
    assert_eq!((counts(&seen), &seen["deployments"][0]["rolloutState"]), ((0, 0, 0), &json!("COMPLETED")));
}

#[test]
fn targets_are_registered_and_deregistered() {
    let mut bench = Bench::ready();
    let balancers = json!([{ "targetGroupArn": GROUP, "containerName": "web", "containerPort": 80 }]);
    bench.ok("CreateService", with(service(), json!({ "loadBalancers": balancers })));
    bench.after(1.9);
    assert_eq!(bench.events().len(), 1, "not before they run");
    bench.after(0.1);
    assert_eq!(bench.events()[0], format!("(service web) registered 2 targets in (target-group {GROUP})"));
    bench.after(10.0);
    bench.update(json!({ "desiredCount": 1 }));
    bench.after(10.0);
    assert!(
        bench.events().contains(&format!("(service web) deregistered 1 targets in (target-group {GROUP})"))
    );
}

#[test]
fn the_pace_of_a_rollout_can_be_set() {
    let mut bench = Bench::ready();
    bench.ecs.set_pace(Pace { running_s: 60.0, settle_s: 30.0, ..SLOW });
    bench.ok("CreateService", service());
    bench.after(59.0);
    assert_eq!(counts(&bench.service()), (2, 2, 0));
    bench.after(30.0);
    assert_eq!(bench.service()["deployments"][0]["rolloutState"], "IN_PROGRESS");
    bench.after(1.0);
    assert_eq!(bench.service()["deployments"][0]["rolloutState"], "COMPLETED");
}

#[test]
fn a_service_remembers_a_hundred_events() {
    let mut bench = Bench::running();
    for turn in 0..60 {
        bench.update(json!({ "desiredCount": 1 + turn % 2 }));
        bench.after(10.0);
    }
    let events = bench.service()["events"].as_array().unwrap().clone();
    assert_eq!(events.len(), 100);
    let times: Vec<f64> = events.iter().map(|one| one["createdAt"].as_f64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] >= pair[1]));
}

#[test]
fn tasks_are_spread_over_the_subnets() {
    let mut bench = Bench::running();
    let mut zones: Vec<String> = bench
        .tasks("RUNNING")
        .iter()
        .map(|task| task["availabilityZone"].as_str().unwrap().to_owned())
        .collect();
    zones.sort();
    assert_eq!(zones, ["eu-west-1a", "eu-west-1b"]);
    bench.update(json!({ "networkConfiguration": network(&["subnet-b"]) }));
    bench.after(10.0);
    assert!(bench.tasks("RUNNING").iter().all(|task| task["availabilityZone"] == "eu-west-1b"));
}

#[test]
fn a_clock_that_goes_back_changes_nothing() {
    let mut bench = Bench::running();
    let before = bench.service();
    bench.after(-100.0);
    assert_eq!(bench.service(), before);
}
