//! Walks the fixtures: every file in `good` loads, every file in `bad` is refused with the messages of the snapshot.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config")
}

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(root().join(kind)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.iter().all(|file| file.extension().is_some_and(|extension| extension == "yml")));
    files
}

fn checked_in_schema() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/fargate-stack.schema.json")
}

/// Whether the checked-in schema accepts a text as it stands, as an editor would say. `None`: the text is not YAML.
fn schema_accepts(text: &str) -> Option<bool> {
    let schema: Value = serde_json::from_str(&fs::read_to_string(checked_in_schema()).unwrap()).unwrap();
    let document: Value = serde_yaml::from_str(text).ok()?;
    Some(jsonschema::draft202012::new(&schema).unwrap().is_valid(&document))
}

#[test]
fn the_checked_in_schema_is_the_one_of_the_types() {
    let wanted = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    #[allow(clippy::disallowed_methods, reason = "only the one who runs the tests sets it")]
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        let fresh = checked_in_schema().with_extension("fresh");
        fs::write(&fresh, &wanted).unwrap();
        fs::rename(fresh, checked_in_schema()).unwrap();
    }
    assert_eq!(fs::read_to_string(checked_in_schema()).unwrap(), wanted, "run `make gen`");
}

#[test]
fn every_bad_file_is_refused_with_a_place_and_a_reason() {
    let mut report = String::new();
    let files = fixtures("bad");
    assert!(files.len() >= 70, "{} bad files", files.len());
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let error = load_within(&root().join("bad"), Path::new(name)).expect_err(name);
        for diagnostic in error.diagnostics() {
            assert!(diagnostic.line >= 1 && diagnostic.column >= 1 && diagnostic.width >= 1, "{name}");
            assert!(
                diagnostic.caret + diagnostic.width <= diagnostic.source_line.chars().count().max(1),
                "{name}"
            );
            assert!(!diagnostic.message.contains("is a bug"), "{name}: {}", diagnostic.message);
            assert!(diagnostic.hint.as_deref() != Some("this is a bug"), "{name}: {}", diagnostic.message);
        }
        let schema = match fs::read_to_string(&file).ok().and_then(|text| schema_accepts(&text)) {
            Some(true) => "accepts",
            Some(false) => "refuses",
            None => "cannot read",
        };
        writeln!(report, "──── {name} (the schema {schema} it)\n{error}\n").unwrap();
    }
    insta::assert_snapshot!("bad_files", report);
}

#[test]
fn every_good_file_loads_and_pleases_the_schema() {
    let files = fixtures("good");
    assert!(files.len() >= 6);
    for file in files {
        let loaded = load(&file).unwrap_or_else(|error| panic!("{}:\n{error}", file.display()));
        assert_eq!(schema_accepts(&loaded.text), Some(true), "{}", file.display());
        // What was read can be written and read again.
        let text = serde_yaml::to_string(&loaded.config).unwrap();
        let again = parse("again.yml", &text).unwrap_or_else(|errors| panic!("{text}\n{}", errors[0]));
        assert_eq!(again, loaded.config, "{}", file.display());
    }
}

#[test]
fn every_way_of_writing_a_value_gives_the_same_types() {
    let config = load(&root().join("good/several_tasks.yml")).unwrap().config;
    assert_eq!(config.account.as_deref(), Some("123456789012"));
    assert_eq!(config.app.version.as_deref(), Some("1.10"));
    assert_eq!(config.tags["cost-centre"], "0042");
    let nightly = &config.tasks["nightly"];
    assert_eq!(nightly.kind, TaskType::Task);
    assert_eq!(nightly.command.as_deref().unwrap(), ["./run", "--jobs", "4"]);
    assert_eq!(nightly.capacity(), Capacity { cpu: 1024, memory: 3072 });
    assert_eq!(nightly.schedule.as_ref().unwrap().to_string(), "cron(00 23 * * ? *)");
    let worker = &config.tasks["worker"];
    assert_eq!(
        (worker.kind, worker.desired_count, worker.assign_public_ip),
        (TaskType::Daemon, Some(2), Some(true))
    );
    assert_eq!(worker.command.as_deref().unwrap(), ["sh", "-c", "while true; do sleep 60; done"]);
    assert_eq!(worker.environment["GREETING"], "hello=world");
    assert_eq!(worker.environment["VERSION"], "1.10");
    let secrets: Vec<&str> = worker.secrets.iter().map(|secret| secret.env.as_str()).collect();
    assert_eq!(secrets, ["PASSWORD", "API_TOKEN", "SIGNING-KEY", "OTHER_KEY"]);
    let odd = load(&root().join("good/with_anchors_and_odd_spelling.yml")).unwrap().config;
    for task in ["a", "b"] {
        let environment = &odd.tasks[task].environment;
        let written: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            written,
            [("EMPTY", ""), ("FLAG", "true"), ("HEX", "0x1F"), ("OCTAL", "007"), ("WORD", "yes")]
        );
    }
}

#[test]
fn what_is_for_all_web_services_holds_unless_one_says_otherwise() {
    let config = load(&root().join("good/several_web_services.yml")).unwrap().config;
    let [site, api, admin] = ["site", "api", "admin"].map(|key| &config.tasks[key]);
    assert_eq!(config.domains_of(site), ["shop.example.com", "www.shop.example.com"]);
    assert_eq!(config.domains_of(admin), ["*.admin.example.com"]);
    assert_eq!((site.listens_on(), api.listens_on(), admin.listens_on()), (80, 8080, 3000));
    assert_eq!((site.stickiness, api.stickiness, admin.stickiness), (None, Some(86_400), Some(600)));
    assert_eq!(admin.health_check.matcher.as_deref(), Some("401"));
    assert_eq!(config.reach_of(site), AlbType::Public);
    let multi = load(&root().join("good/multi_tasks.yml")).unwrap().config;
    assert_eq!(multi.reach_of(&multi.tasks["http-test"]), AlbType::Private);
    assert_eq!(multi.alb.create, Some(true));
}

#[test]
fn what_the_predecessor_wrote_back_is_read_and_its_state_is_not() {
    let config = load(&root().join("good/written_back_by_the_predecessor.yml")).unwrap().config;
    assert_eq!(config.log_group.name.as_deref(), Some("/ecs/app-fargatestack/my-stack"));
    assert_eq!(config.role.name.as_deref(), Some("FargateMyStackRole"));
    assert_eq!(config.security_groups.fargate.group_name.as_deref(), Some("my-stack-sg"));
    assert_eq!(config.tasks["my-daemon"].secrets[0].env, "DB_PASSWORD");
    let text = serde_json::to_string(&config).unwrap();
    for state in ["task-definition", "sha256", "sg-0123", "last_updated"] {
        assert!(!text.contains(state), "{state}");
    }
    let plain = load(&root().join("good/http_written_back_by_the_predecessor.yml")).unwrap().config;
    let web = &plain.tasks["http-test"];
    assert_eq!((web.listens_on(), web.health_check.enabled), (80, Some(true)));
    assert_eq!(web.target_group_name.as_deref(), Some("http-test-tg"));
    assert_eq!(plain.route53.zone_id.as_deref(), Some("Z0123456789ABCDEFGHIJ"));
    assert_eq!((plain.alb.create, plain.alb.port), (Some(true), Some(80)));
    let secure = load(&root().join("good/https_written_back_by_the_predecessor.yml")).unwrap().config;
    assert_eq!(secure.alb.redirect_80, Some(true));
    let text = serde_json::to_string(&secure.tasks).unwrap();
    assert!(!text.contains("arn"), "{text}");
    let old = load(&root().join("good/oldest_form.yml")).unwrap().config;
    assert_eq!(old.role.name.as_deref(), Some("ecsTaskExecutionRole"));
    assert_eq!(old.tasks["batch"].capacity(), Capacity { cpu: 1024, memory: 2048 });
}

#[test]
fn sizes_have_their_defaults_by_the_kind_of_task() {
    for (file, capacity) in [
        ("minimal_task", Capacity { cpu: 256, memory: 512 }),
        ("minimal_scheduled_task", Capacity { cpu: 1024, memory: 2048 }),
        ("minimal_daemon", Capacity { cpu: 1024, memory: 2048 }),
        ("minimal_http", Capacity { cpu: 1024, memory: 2048 }),
        ("minimal_https", Capacity { cpu: 1024, memory: 2048 }),
    ] {
        let config = load(&root().join(format!("good/{file}.yml"))).unwrap().config;
        assert_eq!(config.tasks.values().next().unwrap().capacity(), capacity, "{file}");
    }
}

#[test]
fn every_size_is_a_pair_that_fargate_has() {
    for name in ["tiny", "small", "medium", "large", "xlarge", "2xlarge"] {
        let size: Size = serde_json::from_value(name.into()).unwrap();
        let Capacity { cpu, memory } = size.capacity();
        assert!(valid_memory(cpu).unwrap().contains(memory), "{name}");
    }
    assert_eq!(valid_cpus().last(), Some(32768));
    assert!(
        valid_memory(32768).unwrap().contains(249_856) && !valid_memory(32768).unwrap().contains(131_072)
    );
}

#[test]
fn only_regular_files_of_a_bounded_size_below_the_root_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let (root, outside) = (directory.path().join("root"), directory.path().join("outside.yml"));
    fs::create_dir(&root).unwrap();
    let text = "app: {name: a}\ntasks: {a: {image: a}}\n";
    for file in [&outside, &root.join("inside.yml")] {
        fs::write(file, text).unwrap();
    }
    fs::write(root.join("large.yml"), format!("{text}#{}", "x".repeat(usize::try_from(MAX_BYTES).unwrap())))
        .unwrap();
    std::os::unix::fs::symlink(&outside, root.join("link.yml")).unwrap();
    std::os::unix::fs::symlink(root.join("inside.yml"), root.join("inner.yml")).unwrap();
    let load = |path: &str| load_within(&root, Path::new(path));
    assert_eq!(load("inside.yml").unwrap().path, Path::new("inside.yml"));
    assert_eq!(load("inner.yml").unwrap().text, text);
    assert!(matches!(load("link.yml"), Err(ConfigError::Outside(_))));
    assert!(matches!(load("../outside.yml"), Err(ConfigError::Outside(_))));
    assert!(matches!(load_within(&root, &outside), Err(ConfigError::Outside(_))));
    assert!(matches!(load("."), Err(ConfigError::NotAFile(_))));
    assert!(matches!(load("large.yml"), Err(ConfigError::TooLarge(_))));
    let absent = load("absent.yml").unwrap_err();
    assert!(absent.hint().unwrap().contains("--config") && absent.diagnostics().is_empty());
    assert!(matches!(super::load(Path::new("/dev/zero")), Err(ConfigError::NotAFile(_))));
}

/// Texts near to real ones: a fixture with some pieces cut out or put in.
fn damaged() -> impl Strategy<Value = String> {
    let texts: Vec<String> = ["good", "bad"]
        .iter()
        .flat_map(|kind| fixtures(kind))
        .filter_map(|file| fs::read_to_string(file).ok())
        .filter(|text| text.len() < 4000)
        .collect();
    let piece = prop_oneof![
        Just(String::new()),
        "[ -~]{1,3}",
        proptest::sample::select(vec![
            "\n",
            "\n\n",
            "  ",
            "\t",
            ": ",
            "- ",
            "{",
            "}",
            "[",
            "]",
            "*a",
            "&a ",
            "!t ",
            "|\n",
            ">\n",
            "\"",
            "'",
            "#",
            "? ",
            ",",
            "---\n",
            "...\n",
            "%YAML 1.2\n",
            "<<: *a\n",
            "\u{feff}",
            "é",
            "\u{2028}",
            "\r",
            "\0",
        ])
        .prop_map(str::to_owned),
    ];
    let cut = (any::<prop::sample::Index>(), 0..12_usize, piece);
    (proptest::sample::select(texts), prop::collection::vec(cut, 1..5)).prop_map(|(text, cuts)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (at, length, piece) in cuts {
            let at = at.index(chars.len() + 1);
            let end = (at + length).min(chars.len());
            chars.splice(at..end, piece.chars());
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn no_text_brings_the_reader_down(text in damaged()) {
        match parse("damaged.yml", &text) {
            Ok(config) => {
                let changes = [
                    (vec!["region"], "eu-west-1".into()),
                    (vec!["security_groups", "fargate", "group_name"], "changed".into()),
                ];
                if let Ok(text) = update(&text, &changes) {
                    let changed = parse("changed.yml", &text).unwrap();
                    prop_assert_eq!(changed.tasks, config.tasks);
                    prop_assert_eq!(changed.region.as_deref(), Some("eu-west-1"));
                }
            }
            Err(diagnostics) => {
                prop_assert!(!diagnostics.is_empty());
                for diagnostic in diagnostics {
                    prop_assert!(diagnostic.line <= text.split('\n').count());
                    prop_assert!(!diagnostic.to_string().contains("is a bug"), "{diagnostic}");
                }
            }
        }
    }
}
