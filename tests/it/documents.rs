//! What the documents name is there: files, commands and options, make targets, dependencies, and the example.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use fargate_stack::cli::Cli;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Folders of the repository: a word of code that begins with one of them is a path.
const FOLDERS: &[&str] = &[
    "demo",
    "docs",
    "examples",
    "sandbox",
    "schema",
    "src",
    "scripts",
    "templates",
    "tests",
    ".ci",
    ".github",
];

/// Options of other programs that the documents name.
const OTHER_OPTIONS: &[&str] = &["--locked", "--path", "--review", "--test", "--bin", "--jq"];

/// The pages that speak of the command line to users.
const FOR_USERS: &[&str] = &["README.md", "CHANGELOG.md", "SECURITY.md", "docs/guide/", "docs/concept/"];

/// What a page names.
#[derive(Debug, Default)]
struct Page {
    /// Where its links and images lead.
    links: Vec<String>,
    /// Its words in back-ticks, each with everything up to the closing tick.
    code: Vec<String>,
    /// Its fenced blocks: language and text.
    blocks: Vec<(String, String)>,
}

fn page(text: &str) -> Page {
    let mut page = Page::default();
    let mut in_block = false;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.to_string());
            }
            Event::Code(code) => page.code.push(code.to_string()),
            Event::Start(Tag::CodeBlock(kind)) => {
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                page.blocks.push((language, String::new()));
                in_block = true;
            }
            Event::Text(part) if in_block => page.blocks.last_mut().unwrap().1.push_str(&part),
            Event::End(TagEnd::CodeBlock) => in_block = false,
            _ => {}
        }
    }
    page
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

/// Every Markdown file of the repository, by its path.
fn documents() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", ".venv", ".git", "tests/lint/node_modules"].contains(&name.as_str()) {
                    open.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.insert(name, text);
            }
        }
    }
    found
}

/// Every block of YAML in the documents, with its file.
pub fn yaml_blocks() -> Vec<(String, String)> {
    let blocks = documents().into_iter().flat_map(|(file, text)| {
        let blocks = page(&text).blocks.into_iter();
        blocks
            .filter(|(language, _)| language == "yaml" || language == "yml")
            .map(move |(_, text)| (file.clone(), text))
    });
    blocks.collect()
}

/// What the page at `file` names and the repository does not have.
fn broken(file: &str, text: &str) -> Vec<String> {
    let page = page(text);
    let folder = root().join(file).parent().unwrap().to_owned();
    let mut found = vec![];
    for link in &page.links {
        let target = link.split('#').next().unwrap();
        if !link.contains("://") && !target.is_empty() && !folder.join(target).exists() {
            found.push(format!("{file}: the link to `{link}` leads nowhere"));
        }
    }
    // A package of its own may speak of its own files.
    let places = [root(), if file.starts_with("sandbox/") { folder } else { root() }];
    for word in page.code.iter().flat_map(|code| code.split_whitespace()) {
        if let Some(path) = path_of(word)
            && !places.iter().any(|place| place.join(path).exists())
        {
            found.push(format!("{file}: there is no `{word}`"));
        }
    }
    let shell =
        page.blocks.iter().filter(|(language, _)| language == "sh").flat_map(|(_, text)| text.lines());
    let lines: Vec<&str> = page.code.iter().map(String::as_str).chain(shell).collect();
    let makefile = read("Makefile");
    for line in &lines {
        let line = line.split(" #").next().unwrap();
        if let Some(target) = line.strip_prefix("make ").and_then(|rest| rest.split_whitespace().next())
            && !makefile.lines().any(|rule| rule.starts_with(&format!("{target}:")))
        {
            found.push(format!("{file}: the Makefile has no target `{target}`"));
        }
    }
    if FOR_USERS.iter().any(|start| file.starts_with(start)) {
        let command = Cli::command();
        found.extend(
            lines.iter().flat_map(|line| wrong_usage(&command, line)).map(|what| format!("{file}: {what}")),
        );
    }
    found
}

/// The path that a word is, up to the first part that stands for many.
fn path_of(word: &str) -> Option<&str> {
    let (folder, _) = word.split_once('/')?;
    if !FOLDERS.contains(&folder) {
        return None;
    }
    match word.find(['<', '*', '{', '…']) {
        Some(placeholder) => Some(&word[..word[..placeholder].rfind('/')?]),
        None => Some(word.trim_end_matches(['.', ',', ':'])),
    }
}

/// Whether a command has an option, or one of its subcommands does.
fn has(command: &clap::Command, option: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_long().is_some_and(|long| option == format!("--{long}")))
        || command.get_subcommands().any(|subcommand| has(subcommand, option))
}

/// The commands and options in a line of code that the command line does not have.
fn wrong_usage(command: &clap::Command, line: &str) -> Vec<String> {
    let line = line.split(" #").next().unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let own = words.iter().position(|word| *word == "fargate-stack").map(|at| at + 1);
    let is_command = |word: &str| command.find_subcommand(word).is_some();
    let mut found = vec![];
    // `fargate-stack plan`, or only `plan --update`.
    let named = match own {
        Some(at) => words.get(at).copied().filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase())),
        None => words.first().copied().filter(|word| words.len() > 1 && is_command(word)),
    };
    if let Some(name) = named.filter(|name| !is_command(name)) {
        found.push(format!("there is no command `{name}` in `{line}`"));
    }
    // `iam print`: the options are those of the second word.
    let subcommand = named.and_then(|name| command.find_subcommand(name));
    let after = named.and_then(|name| words.iter().skip_while(|word| **word != name).nth(1));
    let nested = subcommand.zip(after).and_then(|(subcommand, word)| subcommand.find_subcommand(word));
    let subcommand = nested.or(subcommand);
    let global = |option: &str| {
        command.get_arguments().any(|arg| arg.get_long().is_some_and(|long| option == format!("--{long}")))
    };
    for option in words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
        let option = option.split('=').next().unwrap();
        let known = match subcommand {
            Some(subcommand) => has(subcommand, option),
            None => command.get_subcommands().any(|subcommand| has(subcommand, option)),
        };
        if !(known || option == "--help" || global(option) || OTHER_OPTIONS.contains(&option)) {
            found.push(format!("there is no option `{option}` in `{line}`"));
        }
    }
    found
}

#[test]
fn everything_that_the_documents_name_is_there() {
    let documents = documents();
    assert!(documents.len() > 20, "the walk found too few documents: {:?}", documents.keys());
    let found: Vec<String> = documents.iter().flat_map(|(file, text)| broken(file, text)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_name_of_what_is_not_there_is_found() {
    for (file, text, complaint) in [
        ("README.md", "[a](docs/none.md)", "the link to `docs/none.md` leads nowhere"),
        ("docs/guide/x.md", "[a](README.md#top)", "the link to `README.md#top` leads nowhere"),
        ("README.md", "see [a][1]\n\n[1]: none.md", "the link to `none.md` leads nowhere"),
        ("README.md", "| a |\n|---|\n| ![a](none.png) |", "the link to `none.png` leads nowhere"),
        ("SECURITY.md", "see `src/none.rs`", "there is no `src/none.rs`"),
        ("SECURITY.md", "a file `src/none/<kind>.rs`", "there is no `src/none/<kind>.rs`"),
        ("SECURITY.md", "run `cat tests/it/none.rs`", "there is no `tests/it/none.rs`"),
        ("SECURITY.md", "see `src/seed/mod.rs`", "there is no `src/seed/mod.rs`"),
        ("ARCHITECTURE.md", "```sh\nmake none # nothing\n```", "the Makefile has no target `none`"),
        ("README.md", "run `make none`", "the Makefile has no target `none`"),
        ("README.md", "`fargate-stack deploy`", "there is no command `deploy`"),
        ("README.md", "```sh\nfargate-stack plan --yes\n```", "there is no option `--yes`"),
        ("docs/concept/x.md", "`plan --dry-run`", "there is no option `--dry-run`"),
        ("docs/guide/x.md", "give `--none`", "there is no option `--none`"),
    ] {
        let found = broken(file, text).join("\n");
        assert!(found.contains(complaint), "{file} with `{text}` passed: {found}");
    }
}

#[test]
fn a_name_of_what_is_there_is_no_complaint() {
    for (file, text) in [
        ("README.md", "[a](docs/guide/stack-file.md#tasks) [b](https://example.com/none) [c](#top)"),
        ("docs/guide/x.md", "[a](stack-file.md) [b](../../README.md)"),
        ("README.md", "`src/kinds/<kind>.rs` and `tests/it/*.rs` and `src/kinds/`, but `text/html`"),
        ("sandbox/README.md", "`src/ecs`, and `src/kinds` of the program"),
        ("README.md", "```sh\nmake demo   # all\nfargate-stack schema > fargate-stack.schema.json\n```"),
        ("README.md", "`fargate-stack completions SHELL`, `fargate-stack COMMAND --help`, `apply --yes`"),
        ("README.md", "```text\n[a](none.md) `src/none.rs` fargate-stack none\n```"),
    ] {
        assert_eq!(broken(file, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_readme_shows_the_example_as_it_is() {
    let yaml: Vec<String> = page(&read("README.md"))
        .blocks
        .into_iter()
        .filter(|(language, _)| language == "yaml")
        .map(|(_, text)| text)
        .collect();
    let [web, stack, workflow] = yaml.as_slice() else {
        panic!("the README has {} blocks of YAML, not 3", yaml.len())
    };
    assert_eq!(*web, read("examples/https/fargate-stack.yml"));
    assert_eq!(*stack, read("examples/worker/fargate-stack.yml"));
    let (comment, jobs) = workflow.split_once("jobs:").unwrap();
    assert!(comment.lines().all(|line| line.starts_with('#')), "{comment}");
    let file = read("examples/worker/.github/workflows/fargate.yml");
    assert_eq!(jobs, file.split_once("\njobs:").unwrap().1);
}

#[test]
fn the_readme_names_every_command_and_every_status() {
    let readme = page(&read("README.md"));
    for command in Cli::command()
        .get_subcommands()
        .filter(|command| command.get_name() != "help" && !command.is_hide_set())
    {
        let named = format!("fargate-stack {}", command.get_name());
        assert!(readme.code.iter().any(|code| code.starts_with(&named)), "the README lacks `{named}`");
    }
    let text = read("README.md");
    let listed = text.split_once("| Exit code | Meaning |").unwrap().1;
    let rows: Vec<&str> = listed.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    for status in fargate_stack::error::ExitStatus::ALL {
        let code = status.code();
        assert!(
            rows.iter().any(|row| row.starts_with(&format!("| {code} |"))),
            "the README lacks status {code}"
        );
    }
    assert_eq!(rows.len(), fargate_stack::error::ExitStatus::ALL.len());
}

#[test]
fn the_architecture_page_says_who_may_use_whom_as_the_test_does() {
    // The test's table, as text: the names in quotes are the module and what it may use.
    let source = read("tests/it/architecture.rs");
    let table = source.split_once("const MAY_USE").unwrap().1.split_once("\n];").unwrap().0;
    let enforced: BTreeMap<String, BTreeSet<String>> = table
        .lines()
        .filter(|line| line.trim_start().starts_with("(\""))
        .map(|line| {
            let mut names = line.split('"').skip(1).step_by(2).map(str::to_owned);
            (names.next().unwrap(), names.collect())
        })
        .collect();
    assert!(enforced.len() > 10, "{enforced:?}");

    let page = read("ARCHITECTURE.md");
    let rows = page.split_once("| Module | What it does | May use |").unwrap().1;
    let ticked = |cell: &str| -> BTreeSet<String> {
        let names = cell.split('`').skip(1).step_by(2).map(str::to_owned);
        names.filter(|name| enforced.contains_key(name)).collect()
    };
    let told: BTreeMap<String, BTreeSet<String>> = rows
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
            (cells[0].trim().trim_matches('`').to_owned(), ticked(cells[2]))
        })
        .filter(|(module, _)| module != "commands")
        .collect();
    assert_eq!(told, enforced);
}

#[test]
fn every_dependency_has_its_reason() {
    let reasons = read("docs/adr/0009-dependencies.md");
    let told: BTreeSet<String> = page(&reasons).code.into_iter().collect();
    let mut named = 0;
    for manifest in ["Cargo.toml", "sandbox/Cargo.toml"] {
        let text = read(manifest);
        let sections = text.split("\n[").filter(|section| {
            section.starts_with("dependencies]") || section.starts_with("dev-dependencies]")
        });
        for line in sections.flat_map(|section| section.lines().skip(1)) {
            if let Some((name, _)) = line.split_once([' ', '.', '=']).filter(|_| !line.starts_with('#')) {
                named += 1;
                assert!(told.contains(name), "{manifest}: ADR 9 gives no reason for `{name}`");
            }
        }
    }
    assert!(named > 40, "found only {named} dependencies");
}
