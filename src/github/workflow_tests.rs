#![allow(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;

/// Commands that the runner knows; it ignores all others.
const COMMANDS: [&str; 16] = [
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
    "internal-set-repo-path",
];

/// A command as the runner understands it: name, properties, message.
type Command = (String, Vec<(String, String)>, String);

fn parts(name_and_properties: &str) -> (String, Vec<(String, String)>) {
    let (name, rest) = name_and_properties.split_once(' ').unwrap_or((name_and_properties, ""));
    (
        name.to_owned(),
        rest.split(',').filter_map(|p| p.trim().split_once('=')).map(|(k, v)| (k.into(), v.into())).collect(),
    )
}

/// The form with colons: at the start of the line, after white space.
fn colons(line: &str) -> Option<Command> {
    let line = line.trim_start();
    let rest = line.strip_prefix("::")?;
    let (head, data) = rest.split_once("::")?;
    let (name, properties) = parts(head);
    let unescape = |text: &str| {
        text.replace("%0D", "\r")
            .replace("%0A", "\n")
            .replace("%3A", ":")
            .replace("%2C", ",")
            .replace("%25", "%")
    };
    let properties = properties.into_iter().map(|(key, value)| (key, unescape(&value))).collect();
    Some((name, properties, data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")))
}

/// The form with brackets: anywhere in the line.
fn brackets(line: &str) -> Option<Command> {
    let start = line.find("##[")?;
    let rest = line.get(start + 3..)?;
    let (head, data) = rest.split_once(']')?;
    let (name, properties) = parts(head);
    Some((name, properties, data.to_owned()))
}

/// What a runner does with a log: the commands it obeys, in order. `blocks` tells whether it knows stop-commands.
fn obeyed(log: &str, blocks: bool, known: &[&str]) -> Vec<Command> {
    let (mut found, mut until): (Vec<Command>, Option<String>) = (Vec::new(), None);
    for line in log.split(['\n', '\r']) {
        let Some(command) = colons(line).or_else(|| brackets(line)) else {
            continue;
        };
        if let Some(word) = &until {
            if command.0 == *word {
                until = None;
            }
            continue;
        }
        if command.0 == "stop-commands" && blocks {
            until = Some(command.2);
        } else if known.contains(&command.0.as_str()) {
            found.push(command);
        }
    }
    assert_eq!(until, None, "the block is closed");
    found
}

const HOSTILE: &str = "::error::boo\n  ::set-output name=a::b\n\t::add-mask::e\r::warning::x\r\ntext ##[error]y\n\
    ##[add-mask]z ##[set-env name=PATH]q\n####[group]g\n::stop-commands::w\n::w::\n::::\n##[[[error]x";

#[test]
fn hostile_text_holds_no_command_after_neutralising() {
    assert!(obeyed(HOSTILE, false, &COMMANDS).len() >= 6, "the parser sees them before");
    assert_eq!(obeyed(&neutralise(HOSTILE), false, &COMMANDS), []);
}

#[test]
fn foreign_text_is_kept_in_a_block_that_is_closed() {
    let log = format!("{}{}", foreign(HOSTILE).unwrap(), Annotation::new(Level::Notice, "after").command());
    let found = obeyed(&log, true, &COMMANDS);
    assert_eq!(found, [("notice".to_owned(), vec![], "after".to_owned())]);
    assert_eq!(foreign("").unwrap(), "");
    assert_ne!(foreign("x").unwrap(), foreign("x").unwrap(), "the word is random");
    assert!(foreign("x").unwrap().starts_with("::stop-commands::fs-"));
}

#[test]
fn harmless_text_stays_as_it_is() {
    for text in ["", "plain\n", "a::b", "# heading\n## [link]", "std::vec\n  indented", "x: ::y"] {
        assert_eq!(neutralise(text), text);
    }
}

#[test]
fn an_annotation_is_read_back_with_its_place() {
    let annotation = Annotation {
        title: Some("a, b: 100%".into()),
        file: Some("stacks/x,y:z.yml".into()),
        line: Some(3),
        column: Some(7),
        ..Annotation::new(Level::Error, "first\r\nsecond: 50%, %0A, done")
    };
    let command = annotation.command();
    assert_eq!(command.matches('\n').count(), 1);
    let (name, properties, message) = colons(command.trim_end()).unwrap();
    assert_eq!((name.as_str(), message.as_str()), ("error", "first\r\nsecond: 50%, %0A, done"));
    let properties: Vec<_> = properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(
        properties,
        [("file", "stacks/x,y:z.yml"), ("title", "a, b: 100%"), ("line", "3"), ("col", "7")]
    );
}

#[test]
fn escapes_are_exact() {
    let annotation =
        Annotation { title: Some("a:b,c%".into()), ..Annotation::new(Level::Warning, "a:b,c%\r\n") };
    assert_eq!(annotation.command(), "::warning title=a%3Ab%2Cc%25::a:b,c%25%0D%0A\n");
    assert_eq!(Annotation::new(Level::Notice, "x").command(), "::notice::x\n");
}

#[test]
fn an_annotation_is_cut_at_the_length_that_github_keeps() {
    let command = Annotation::new(Level::Error, "ü".repeat(5_000)).command();
    assert_eq!(command.chars().filter(|c| *c == 'ü').count(), LONGEST_MESSAGE);
}

#[test]
fn too_many_annotations_end_with_how_many_are_missing() {
    let mut all: Vec<Annotation> =
        (1..=12).map(|n| Annotation::new(Level::Warning, format!("w{n}"))).collect();
    all.push(Annotation::new(Level::Error, "e"));
    let text = annotations(&all, 10);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.first(), Some(&"::error::e"), "the worst comes first");
    assert_eq!((lines.len(), lines.last()), (11, Some(&"::warning::and 3 more")));
    assert_eq!(annotations(&all, 12).lines().count(), 13);
}

#[test]
fn a_group_is_one_line_whatever_its_title() {
    let text = format!("{}{}", group("a\n::error::b ##[error]c"), endgroup());
    let names: Vec<String> = obeyed(&text, true, &COMMANDS).into_iter().map(|command| command.0).collect();
    assert_eq!(names, ["group", "endgroup"]);
    assert!(!text.contains("##["));
}

#[test]
fn each_line_of_a_secret_is_masked_and_short_ones_are_not() {
    assert_eq!(mask("first%\nab\n  third \n"), "::add-mask::first%25\n::add-mask::third\n");
    assert_eq!(mask("abc"), "");
}

proptest! {
    #[test]
    fn no_text_becomes_a_command(text in "(::|##\\[|\\]|error|stop-commands| |\t|\n|\r|\u{a0}|\u{feff}|#|:|\\PC){0,40}") {
        prop_assert_eq!(obeyed(&neutralise(&text), false, &COMMANDS), vec![]);
        prop_assert_eq!(obeyed(&foreign(&text).unwrap(), true, &COMMANDS), vec![]);
    }

    #[test]
    fn every_message_survives(message in "(%|%25|%0A|\n|\r|::|,|\\PC){0,40}") {
        let command = Annotation::new(Level::Error, message.clone()).command();
        let (_, _, read) = colons(command.trim_end_matches('\n')).unwrap();
        prop_assert_eq!(read, message);
    }
}
