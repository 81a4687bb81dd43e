//! `action.yml`: every input reaches the binary, every output comes back, and no expression stands in a script.

use std::collections::BTreeSet;

use serde_json::Value;

use super::runner::root;

fn action() -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(root().join("action.yml")).unwrap()).unwrap()
}

fn variable(input: &str) -> String {
    if input == "github-token" {
        return "GITHUB_TOKEN".to_owned();
    }
    format!("FARGATE_STACK_{}", input.to_uppercase().replace('-', "_"))
}

#[test]
fn every_input_reaches_the_binary_on_every_system() {
    let action = action();
    let steps = action["runs"]["steps"].as_array().unwrap();
    let inputs = action["inputs"].as_object().unwrap();
    assert_eq!(inputs.len(), 40);
    for step in &steps[..2] {
        let env = step["env"].as_object().unwrap();
        for name in inputs.keys() {
            assert_eq!(env[&variable(name)], format!("${{{{ inputs.{name} }}}}"), "{name}");
        }
        assert_eq!(env["FARGATE_STACK_ACTION_REPOSITORY"], "${{ github.action_repository }}");
        assert_eq!(env.len(), inputs.len() + 1);
    }
    assert_eq!(steps[0]["env"], steps[1]["env"]);
}

#[test]
fn every_output_comes_from_the_step_that_ran() {
    let action = action();
    let outputs = action["outputs"].as_object().unwrap();
    assert_eq!(outputs.len(), 17);
    for (name, output) in outputs {
        let value = format!("${{{{ steps.u.outputs.{name} || steps.w.outputs.{name} }}}}");
        assert_eq!(output["value"], value, "{name}");
    }
}

#[test]
fn no_script_holds_an_expression_and_each_ends_as_the_binary_does() {
    let action = action();
    let mut seen = BTreeSet::new();
    for step in action["runs"]["steps"].as_array().unwrap() {
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "{script}");
        let shell = step["shell"].as_str().unwrap();
        let last = script.trim_end().lines().last().unwrap();
        match shell {
            "sh" => assert!(last.starts_with("exec "), "{script}"),
            "pwsh" => assert_eq!(last, "exit $LASTEXITCODE"),
            other => panic!("{other}"),
        }
        seen.insert(shell);
    }
    assert_eq!(seen, BTreeSet::from(["sh", "pwsh"]));
}

#[test]
fn the_end_of_a_cancelled_job_is_told_and_fails_nothing() {
    let action = action();
    let steps = action["runs"]["steps"].as_array().unwrap();
    for (id, run, end) in [("u", &steps[0], &steps[2]), ("w", &steps[1], &steps[3])] {
        assert_eq!(run["id"], id);
        assert_eq!(end["if"], format!("always() && steps.{id}.outputs.binary != ''"));
        assert_eq!(end["continue-on-error"], true);
        assert!(end["run"].as_str().unwrap().contains(" finalize"));
        let env = end["env"].as_object().unwrap();
        assert_eq!(env["FARGATE_STACK_BIN"], format!("${{{{ steps.{id}.outputs.binary }}}}"));
        assert_eq!(env["FARGATE_STACK_STEP_OUTCOME"], format!("${{{{ steps.{id}.outcome }}}}"));
    }
}
