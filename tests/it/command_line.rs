//! The process as its user meets it: exit code and both streams, word for word, in a clean room.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::account::{block, sdk};
use super::harness::{Run, World};
use super::inspect::secret;

const STACK: &str = "app:\n  name: shop\ntasks:\n  job:\n    image: helloworld:latest\n";

/// A run as one text: what was typed, how it ended, what it wrote.
fn transcript(args: &[&str], run: &Run) -> String {
    let quoted = |word: &&str| match word.escape_debug().to_string() {
        word if word.is_empty() || word.contains(' ') => format!(" '{word}'"),
        word => format!(" {word}"),
    };
    format!(
        "$ fargate-stack{}\n--- exit code {}\n--- stdout\n{}--- stderr\n{}",
        args.iter().map(quoted).collect::<String>(),
        run.code,
        run.stdout,
        run.stderr
    )
}

/// Compares with the snapshot of this name what these command lines do one after the other.
fn shows(name: &str, world: &World, lines: &[&[&str]]) {
    let text: Vec<String> = lines.iter().map(|args| transcript(args, &world.run(args))).collect();
    check(name, world, &text.join("\n"));
}

/// Compares with a snapshot, without what differs from run to run.
fn check(name: &str, world: &World, text: &str) {
    let text =
        text.replace(&world.account, "[ACCOUNT]").replace(&world.folder().display().to_string(), "[FOLDER]");
    insta::with_settings!({
        filters => vec![
            (r"(vpc|subnet|sg)-[0-9a-f]{8,}", "$1-[ID]"),
            (r"sha256:[0-9a-f]{12,}", "sha256:[DIGEST]"),
            (r"Fingerprint: [0-9a-f]+", "Fingerprint: [FINGERPRINT]"),
            (r"127\.0\.0\.1:\d+", "[ENDPOINT]"),
            (r"request id \S+", "request id [ID]"),
        ],
        omit_expression => true,
        prepend_module_to_snapshot => false,
    }, {
        insta::assert_snapshot!(name, text);
    });
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

#[test]
fn help_says_what_there_is() {
    let world = World::seeded("empty");
    let mut lines: Vec<Vec<&str>> = vec![vec!["--help"], vec!["-h"]];
    for command in ["plan", "apply", "destroy", "validate", "schema", "completions", "version", "ci"] {
        lines.push(vec![command, "--help"]);
    }
    let lines: Vec<&[&str]> = lines.iter().map(Vec::as_slice).collect();
    shows("help", &world, &lines);
}

#[test]
fn a_wrong_command_line_is_explained_and_ends_with_2() {
    let world = World::with(STACK);
    shows(
        "wrong command lines",
        &world,
        &[
            &[],
            &["aply"],
            &["plan", "--dryrun"],
            &["plan", "extra"],
            &["plan", "--format", "yaml"],
            &["plan", "--log-level", "loud"],
            &["plan", "--image-tag"],
            &["plan", "--image-tag", ""],
            &["plan", "--image-tag", "no tag"],
            &["plan", "--allow-delete", "web"],
            &["apply", "--yes", "--allow-delete", "bucket.web"],
            &["plan", "--region", ""],
            &["plan", "--region", "us-east-1/../.."],
            &["completions"],
            &["completions", "tcsh"],
        ],
    );
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn a_stack_file_that_cannot_be_used_is_explained_with_every_place_and_ends_with_2() {
    let world = World::seeded("empty");
    world.write("empty.yml", "");
    world.write("list.yml", "- a\n- b\n");
    world.write("broken.yml", "app:\n  name: shop\n tasks: {\n");
    world.write(
        "wrong.yml",
        "app:\n  name: my shop\ntasks:\n  web:\n    image: ''\n    cpus: 3\n    cpu: 300\n    schedule: rate(1 days)\n    environment: [NAME]\nbucket:\n  name: x\n",
    );
    std::fs::write(world.folder().join("bytes.yml"), [0xff, 0xfe, b'a']).unwrap();
    shows(
        "wrong stack files",
        &world,
        &[
            &["validate"],
            &["plan", "--config", "nowhere/stack.yml"],
            &["apply", "--yes", "--config", "."],
            &["destroy", "--yes", "--config", "empty.yml"],
            &["validate", "--config", "list.yml"],
            &["validate", "--config", "broken.yml"],
            &["validate", "--config", "bytes.yml"],
            &["plan", "--config", "wrong.yml"],
            &["validate", "--config", "wrong.yml", "--format", "json"],
            &["ci"],
        ],
    );
    assert_eq!(world.calls(), Vec::<serde_json::Value>::new());
}

#[test]
fn plan_apply_and_destroy_say_what_they_do() {
    let world = World::with(STACK);
    shows(
        "the life of a stack",
        &world,
        &[&["validate"], &["validate", "--format", "json"], &["version"], &["plan"], &["apply"]],
    );
    assert_eq!(world.mutations(), Vec::<String>::new());
    world.run(&["apply", "--yes"]).expect(0);
    world.forget_calls();
    shows("the life of a stack, applied", &world, &[&["plan"], &["apply", "--yes"], &["destroy"]]);
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn without_anybody_to_ask_nothing_is_changed_and_the_exit_code_is_3() {
    let world = World::with(STACK);
    for format in ["text", "json", "markdown"] {
        world.run(&["apply", "--format", format]).expect(3);
    }
    assert_eq!(world.mutations(), Vec::<String>::new());
    world.run(&["apply", "-y"]).expect(0);
    world.forget_calls();
    world.run(&["destroy"]).expect(3);
    assert_eq!(world.mutations(), Vec::<String>::new());
    // Nothing to do needs no consent.
    world.run(&["apply"]).expect(0);
    // A job has nobody to ask, and its workflow is the consent.
    World::output(world.command(&["destroy"]).env("CI", "true")).expect(0);
}

#[test]
fn a_connection_that_fails_is_explained() {
    let world = World::with(STACK);
    let mut text = Vec::new();
    let mut without = |why: &str, args: &[&str], set: &[(&str, &str)], unset: &[&str]| {
        let mut command = world.command(args);
        for name in unset {
            command.env_remove(name);
        }
        let run = World::output(command.envs(set.iter().copied()));
        assert_ne!(run.code, 0, "{why}");
        assert_eq!(run.stdout, "");
        text.push(format!("# {why}\n{}", transcript(args, &run)));
    };
    without("no region", &["plan"], &[], &["AWS_REGION"]);
    without("no credentials", &["plan"], &[], &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
    without("nobody listens", &["plan"], &[("AWS_ENDPOINT_URL", "http://127.0.0.1:9")], &[]);
    without("an endpoint that is none", &["plan"], &[("AWS_ENDPOINT_URL", "")], &[]);
    without("a region that is none", &["plan"], &[("AWS_REGION", "Frankfurt")], &[]);
    let deny = |service: &str, operation: &str| {
        let fault = json!({"account": world.account, "service": service, "operation": operation, "kind": "access_denied", "count": 99});
        world.control("POST", "faults", &fault);
    };
    deny("logs", "DescribeLogGroups");
    without("a read is denied", &["plan"], &[], &[]);
    deny("ec2", "DescribeVpcs");
    without("a look-up is denied", &["plan"], &[], &[]);
    deny("sts", "GetCallerIdentity");
    without("everything is denied", &["apply", "--yes"], &[], &[]);
    check("no connection", &world, &text.join("\n"));
    assert_eq!(world.mutations(), Vec::<String>::new());
}

#[test]
fn the_profile_of_the_command_line_is_used_and_not_the_environments_credentials() {
    let world = World::with(STACK);
    let other = World::with(STACK);
    let keys = format!("[other]\naws_access_key_id = {}\naws_secret_access_key = x\n", other.account);
    world.write(".aws/credentials", &keys);
    let plan = world.run(&["plan", "--profile", "other", "--format", "json"]).expect(0).json();
    assert_eq!(plan["account"], other.account.as_str());
    let run = world.run(&["plan", "--profile", "nobody"]).expect(1);
    assert!(run.stderr.contains("nobody"), "{}", run.stderr);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let world = World::with(STACK);
    let mut command = world.command(&["validate"]);
    World::output(command.env("FARGATE_STACK_CONFIG", "").env("FARGATE_STACK_REGION", "")).expect(0);
    world.write("other.yml", STACK);
    std::fs::remove_file(world.folder().join("fargate-stack.yml")).unwrap();
    World::output(world.command(&["validate"]).env("FARGATE_STACK_CONFIG", "other.yml")).expect(0);
    let run = World::output(world.command(&["validate"]).env("FARGATE_STACK_CONFIG", "")).expect(2);
    assert!(run.stderr.contains("`fargate-stack.yml`"), "{}", run.stderr);
}

#[test]
fn json_is_one_document_on_standard_output_and_nothing_else() {
    let world = World::with(STACK);
    for args in [
        &["version"][..],
        &["schema"],
        &["validate"],
        &["plan"],
        &["apply", "--yes"],
        &["plan"],
        &["apply", "--yes"],
        &["destroy", "--yes"],
        &["destroy", "--yes"],
    ] {
        let run = world.run(&[args, &["--format", "json"]].concat()).expect(0);
        let document = run.json();
        assert!(document.is_object(), "{args:?}: {document}");
        // Pretty-printed, with one line break at its end.
        assert_eq!(run.stdout, format!("{document:#}\n"), "{args:?}");
    }
    for args in [
        &["plan", "--config", "nowhere"][..],
        &["validate", "--config", "nowhere"],
        &["plan", "--image-tag", " "],
    ] {
        let run = world.run(&[args, &["--format", "json"]].concat()).expect(2);
        assert_eq!(run.stdout, "", "{args:?}");
    }
    let fault = json!({"account": world.account, "service": "ecs", "operation": "CreateCluster", "kind": "access_denied"});
    world.control("POST", "faults", &fault);
    let report = world.run(&["apply", "--yes", "--format", "json"]).expect(5).json();
    assert_eq!(report["outcome"], "partial");
    assert!(report["failures"].to_string().contains("ecs:CreateCluster"), "{report:#}");
}

#[test]
fn what_is_no_terminal_gets_no_escape_sequences() {
    let world = World::with(STACK);
    for variables in
        [&[][..], &[("GITHUB_ACTIONS", "true"), ("NO_COLOR", "1")], &[("TERM", "xterm-256color")]]
    {
        for args in [
            &["--help"][..],
            &["plan"],
            &["apply", "--yes"],
            &["plan"],
            &["destroy", "--yes"],
            &["plan", "--bogus"],
            &["validate", "-c", "x"],
        ] {
            let run = World::output(world.command(args).envs(variables.iter().copied()));
            assert!(
                !format!("{}{}", run.stdout, run.stderr).contains('\u{1b}'),
                "{args:?} {variables:?}: {}",
                run.stdout
            );
        }
    }
    let colour = World::output(world.command(&["plan"]).env("GITHUB_ACTIONS", "true")).expect(0);
    assert!(colour.stdout.contains('\u{1b}'), "a workflow's log shows colour");
    let none = World::output(world.command(&["plan", "--no-color"]).env("GITHUB_ACTIONS", "true")).expect(0);
    assert!(!none.stdout.contains('\u{1b}'));
}

#[test]
fn plan_writes_no_file_and_with_update_neither_in_ci() {
    let world = World::with(STACK);
    let before = files(world.folder());
    for format in ["text", "json", "markdown"] {
        world.run(&["plan", "--format", format]).expect(0);
    }
    let ignored = World::output(world.command(&["plan", "--update"]).env("CI", "true")).expect(0);
    assert!(ignored.stderr.contains("`--update` is ignored"), "{}", ignored.stderr);
    World::output(world.command(&["apply", "--update"]).env("CI", "true")).expect(0);
    assert_eq!(files(world.folder()), before);
}

#[test]
fn update_writes_what_was_found_keeps_comments_and_order_and_is_done_after_one_time() {
    let commented = "\
# The shop. Ask the team before you rename it.
tasks:            # in alphabetical order
  job:
    # rebuilt every night
    image: \"helloworld:latest\"

app:
  name: shop      # also the name of the repository
log_group: {retention_days: 30}  # by law
";
    let world = World::with(commented);
    let planned = world.run(&["plan", "--format", "json"]).expect(0).json();
    world.run(&["plan", "--update"]).expect(0);
    let written = world.read("fargate-stack.yml");
    check("an updated stack file", &world, &written);
    let kept: Vec<&str> =
        commented.lines().filter(|line| !line.is_empty() && !line.starts_with("log_group")).collect();
    let lines: Vec<&str> = written.lines().filter(|line| kept.contains(line)).collect();
    assert_eq!(lines, kept);
    assert_eq!(files(world.folder()).len(), 1, "nothing is left beside the file");

    let again = world.run(&["plan", "--update"]).expect(0);
    assert!(again.stderr.contains("holds the resolved values already"), "{}", again.stderr);
    assert_eq!(world.read("fargate-stack.yml"), written);
    let replanned = world.run(&["plan", "--format", "json"]).expect(0).json();
    assert_eq!(replanned, planned, "what was written is what was found");
    world.run(&["apply", "--yes", "--update"]).expect(0);
    assert_eq!(world.read("fargate-stack.yml"), written);
}

#[test]
fn a_detailed_exit_code_tells_whether_there_are_changes() {
    let world = World::with(STACK);
    for format in ["text", "json", "markdown"] {
        world.run(&["plan", "--detailed-exitcode", "--format", format]).expect(6);
    }
    world.run(&["plan"]).expect(0);
    world.run(&["apply", "--yes"]).expect(0);
    world.run(&["plan", "--detailed-exitcode"]).expect(0);
}

#[test]
fn completions_know_every_command() {
    let world = World::seeded("empty");
    for shell in ["bash", "zsh", "fish"] {
        let script = world.run(&["completions", shell]).expect(0).stdout;
        for word in [
            "plan",
            "apply",
            "destroy",
            "validate",
            "schema",
            "completions",
            "version",
            "image-tag",
            "detailed-exitcode",
        ] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let script = world.run(&["completions", "bash"]).expect(0).stdout;
    let path = world.write("completions.bash", &script);
    let checked = std::process::Command::new("bash").arg("-n").arg(path).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn values_of_environment_variables_and_secrets_are_never_shown() {
    let world = World::new();
    let arn = secret(&world, "shop/key", "canary-in-secret");
    let stack = |value: &str| {
        format!(
            "app: {{name: shop}}\ntasks:\n  web: {{type: daemon, image: 'helloworld:latest', secrets: ['shop/key:KEY'], environment: {{PASSWORD: {value}, MODE: canary-fixed}}}}\n"
        )
    };
    let mut seen = String::new();
    let mut all = |world: &World, commands: &[&[&str]]| {
        for format in ["text", "json", "markdown"] {
            for args in commands {
                let run = world.run(&[args, &["--format", format, "--log-level", "trace"][..]].concat());
                seen += &run.stdout;
                seen += &run.stderr;
            }
        }
    };
    world.write("fargate-stack.yml", &stack("canary-one"));
    all(&world, &[&["plan"], &["apply"]]);
    let refused = json!({"account": world.account, "service": "ecs", "operation": "RegisterTaskDefinition", "kind": "access_denied"});
    world.control("POST", "faults", &refused);
    all(&world, &[&["apply", "--yes"]]);
    world.write("fargate-stack.yml", &stack("canary-two"));
    all(&world, &[&["plan"], &["validate"]]);
    all(&world, &[&["apply", "--yes"]]);
    block(async {
        // Somebody else's revision: its values are as secret as ours.
        let ecs = aws_sdk_ecs::Client::new(&sdk(&world));
        let variable =
            aws_sdk_ecs::types::KeyValuePair::builder().name("PASSWORD").value("canary-by-hand").build();
        let container = aws_sdk_ecs::types::ContainerDefinition::builder()
            .name("web")
            .image("x")
            .memory(256)
            .environment(variable)
            .build();
        ecs.register_task_definition().family("web").container_definitions(container).send().await.unwrap();
    });
    all(&world, &[&["plan"], &["apply", "--yes"], &["destroy", "--yes"]]);
    assert!(seen.contains("PASSWORD") && seen.contains(&arn), "names and ARNs are shown");
    let leaks: Vec<&str> = seen.lines().filter(|line| line.contains("canary")).collect();
    assert_eq!(leaks, Vec::<&str>::new());

    // Only who asks for one by its name sees it.
    let shown = world.run(&["plan", "--show-value", "MODE", "--format", "markdown"]).expect(0).stdout;
    assert!(shown.contains("canary-fixed") && !shown.contains("canary-two"), "{shown}");
}

#[test]
fn hostile_text_neither_moves_the_cursor_nor_speaks_to_the_runner() {
    let world = World::with(STACK);
    world.run(&["apply", "--yes"]).expect(0);
    let evil = "x\u{1b}[2J\u{202e}\n::error::pwned\r\n::add-mask::y";
    block(async {
        let config = sdk(&world);
        let ecs = aws_sdk_ecs::Client::new(&config);
        let container = aws_sdk_ecs::types::ContainerDefinition::builder()
            .name("job")
            .image("x")
            .memory(256)
            .command(evil)
            .build();
        ecs.register_task_definition().family("job").container_definitions(container).send().await.unwrap();
    });
    world.write("evil.yml", &format!("app: {{name: shop}}\ntags: {{key: {evil:?}}}\n{evil:?}: 1\ntasks: {{job: {{image: {evil:?}, command: [{evil:?}]}}}}\n").replace("\\u{1b}", "\\e").replace("\\u{202e}", "\\u202e"));
    let lines: [&[&str]; 10] = [
        &["plan"],
        &["plan", "--format", "markdown"],
        &["plan", "--format", "json"],
        &["plan", "--image-tag", evil],
        &["plan", "--config", evil],
        &["plan", "--config", "evil.yml"],
        &["plan", "--allow-delete", evil],
        &["plan", "--region", evil],
        &["plan", "--profile", evil],
        &[evil],
    ];
    for args in lines {
        let mut command = world.command(args);
        let run = World::output(command.env("GITHUB_ACTIONS", "true").env("NO_COLOR", "1"));
        for stream in [&run.stdout, &run.stderr] {
            assert!(
                !stream.contains('\u{1b}') && !stream.contains('\u{202e}') && !stream.contains('\r'),
                "{args:?}:\n{stream:?}"
            );
            for line in stream.lines().filter(|line| line.trim_start().starts_with("::")) {
                let own = line.starts_with("::error title=fargate-stack::") || line.starts_with("::warning");
                assert!(own, "{args:?}: the runner would obey `{line}`");
            }
        }
    }
}
