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

/// How the runner looks for the beginnings of commands.
#[derive(Clone, Copy, PartialEq)]
enum Search {
    /// Character by character.
    Exact,
    /// By the rules of a language: characters without width are passed over, positions are not corrected for it.
    Linguistic,
}

const IGNORED: [char; 6] = ['\u{200b}', '\u{200d}', '\u{ad}', '\u{feff}', '\u{2060}', '\u{34f}'];

/// Where a word begins in the characters of a line, from a position on.
fn find(line: &[char], word: &str, from: usize, search: Search) -> Option<usize> {
    let begins = |at: usize| {
        let passed = |c: &&char| search == Search::Linguistic && IGNORED.contains(c);
        let mut rest = line[at..].iter().filter(|c| !passed(c));
        word.chars().all(|wanted| rest.next() == Some(&wanted))
    };
    (from..line.len()).find(|at| begins(*at))
}

fn text(chars: &[char]) -> String {
    chars.iter().collect()
}

/// Name and properties, when a command of that name is registered; names are compared without regard to case.
fn named(info: &str, separator: char, known: &[String]) -> Option<(String, Vec<(String, String)>)> {
    let (name, rest) = info.split_once(' ').unwrap_or((info, ""));
    let pairs = rest.trim().split(separator).filter_map(|pair| pair.split_once('='));
    let pairs = pairs.filter(|(key, value)| !key.is_empty() && !value.is_empty());
    known
        .iter()
        .any(|one| one.eq_ignore_ascii_case(name))
        .then(|| (name.to_owned(), pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()))
}

/// Undoes escapes in the order in which the runner does: the per cent sign comes last.
fn unescape(text: &str, escapes: &[(&str, &str)]) -> String {
    let all = escapes.iter().chain(&[("%0D", "\r"), ("%0A", "\n")]);
    all.fold(text.to_owned(), |text, (escape, sign)| text.replace(escape, sign)).replace("%25", "%")
}

/// The form with colons: at the start of the line, after white space.
fn colons(line: &str, known: &[String], search: Search) -> Option<Command> {
    let line: Vec<char> = line.trim_start().chars().collect();
    if find(&line, "::", 0, search) != Some(0) {
        return None;
    }
    let end = find(&line, "::", 2, search)?;
    let (name, pairs) = named(&text(&line[2..end]), ',', known)?;
    let data = text(&line[end + 2..]);
    let pairs = pairs.into_iter().map(|(key, value)| (key, unescape(&value, &[("%3A", ":"), ("%2C", ",")])));
    Some((name, pairs.collect(), unescape(&data, &[])))
}

/// The form with brackets: anywhere in the line, the first one only.
fn brackets(line: &str, known: &[String], search: Search) -> Option<Command> {
    let line: Vec<char> = line.chars().collect();
    let start = find(&line, "##[", 0, search)?;
    let end = start + line[start..].iter().position(|c| *c == ']')?;
    let info = line.get(start + 3..end)?;
    let escapes = [("%3B", ";"), ("%5D", "]")];
    let (name, pairs) = named(&text(info), ';', known)?;
    let pairs = pairs.into_iter().map(|(key, value)| (key, unescape(&value, &escapes)));
    Some((name, pairs.collect(), unescape(&text(&line[end + 1..]), &escapes)))
}

/// What a runner does with a log: the commands it obeys, in order. `blocks` tells whether it knows stop-commands.
fn obeyed_by(log: &str, blocks: bool, commands: &[&str], search: Search) -> Vec<Command> {
    let mut known: Vec<String> = commands.iter().map(|name| (*name).to_owned()).collect();
    let (mut found, mut until): (Vec<Command>, Option<String>) = (Vec::new(), None);
    for line in log.split(['\n', '\r']) {
        // A line whose first form is of no registered command is looked at for the second form as well.
        let Some(command) = colons(line, &known, search).or_else(|| brackets(line, &known, search)) else {
            continue;
        };
        match &until {
            Some(word) if command.0.eq_ignore_ascii_case(word) => {
                known.retain(|name| name != word);
                until = None;
            }
            Some(_) => {}
            None if blocks && command.0.eq_ignore_ascii_case("stop-commands") => {
                known.push(command.2.clone());
                until = Some(command.2);
            }
            None => found.push(command),
        }
    }
    assert_eq!(until, None, "the block is closed");
    found
}

fn obeyed(log: &str, blocks: bool, commands: &[&str]) -> Vec<Command> {
    let found = obeyed_by(log, blocks, commands, Search::Exact);
    assert_eq!(found, obeyed_by(log, blocks, commands, Search::Linguistic), "{log:?}");
    found
}

const HOSTILE: &str = "::error::boo\n  ::set-output name=a::b\n\t::add-mask::e\r::warning::x\r\ntext ##[error]y\n\
    ##[add-mask]z ##[set-env name=PATH]q\n####[group]g\n::stop-commands::w\n::w::\n::::\n##[[[error]x\n\
    ::x::##[error]y\n::ERROR::y\n:\u{ad}:error::z\n\u{200b}::error::z\n::\u{200b}::error::z\n##\u{ad}[error]z\n#\u{200b}#[error]z";

#[test]
fn hostile_text_holds_no_command_after_neutralising() {
    for search in [Search::Exact, Search::Linguistic] {
        let before = obeyed_by(HOSTILE, false, &COMMANDS, search);
        assert!(before.len() >= 9, "the parser sees them before: {before:?}");
    }
    assert_eq!(obeyed(&neutralise(HOSTILE), false, &COMMANDS), []);
}

#[test]
fn the_parser_is_the_runners() {
    let names = |line: &str| -> Vec<String> {
        obeyed_by(line, false, &COMMANDS, Search::Exact).into_iter().map(|command| command.0).collect()
    };
    assert_eq!(names("::ERROR::x"), ["ERROR"], "without regard to case");
    assert_eq!(names("::foo::bar ##[error]x"), ["error"], "the second form when the first is of no command");
    assert_eq!(names("::error::x ##[warning]y"), ["error"], "and not when it is");
    assert_eq!(names("##[foo]##[error]x"), Vec::<String>::new(), "only the first bracket counts");
    assert_eq!(names("x ::error::y"), Vec::<String>::new());
    assert_eq!(names("\u{200b}::error::y"), Vec::<String>::new());
    let (_, pairs, data) =
        obeyed_by("a ##[error file=x%3By;line=3]b%5D%250A", false, &COMMANDS, Search::Exact).remove(0);
    assert_eq!(pairs, [("file".to_owned(), "x;y".to_owned()), ("line".to_owned(), "3".to_owned())]);
    assert_eq!(data, "b]%0A");
    let stop = "::stop-commands::Word\n::error::hidden\n##[word]\n::error::seen";
    assert_eq!(obeyed_by(stop, true, &COMMANDS, Search::Exact).len(), 1, "the word ends it in both forms");
}

#[test]
fn a_block_is_closed_when_it_is_dropped_even_by_a_panic() {
    let log = std::sync::Mutex::new(String::new());
    let write = |part: &str| log.lock().unwrap().push_str(part);
    let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut block = Block::open(write).unwrap();
        block.text(HOSTILE);
        block.text("");
        block.text("::error::without a line break");
        std::panic::resume_unwind(Box::new("over"));
    }));
    assert!(broken.is_err());
    let log = log.into_inner().unwrap() + &Annotation::new(Level::Notice, "after").command();
    assert_eq!(obeyed(&log, true, &COMMANDS), [("notice".to_owned(), vec![], "after".to_owned())]);
    assert!(
        obeyed(&log, false, &COMMANDS).len() <= 2,
        "a runner that knows no blocks sees our own lines at most: {log}"
    );
    let word = log.lines().next().and_then(|line| line.strip_prefix("::stop-commands::fs-")).unwrap();
    assert!(word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()), "{word}");
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
    let (name, properties, message) = obeyed(&command, false, &COMMANDS).remove(0);
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
    fn no_text_becomes_a_command(text in "(::|##\\[|\\]|error|stop-commands| |\t|\n|\r|\u{a0}|\u{feff}|\u{200b}|\u{ad}|#|:|\\PC){0,40}") {
        prop_assert_eq!(obeyed(&neutralise(&text), false, &COMMANDS), vec![]);
        prop_assert_eq!(obeyed(&foreign(&text).unwrap(), true, &COMMANDS), vec![]);
    }

    #[test]
    fn every_message_survives(message in "(%|%25|%0A|\n|\r|::|,|\\PC){0,40}") {
        let command = Annotation::new(Level::Error, message.clone()).command();
        let (_, _, read) = obeyed(&command, false, &COMMANDS).remove(0);
        prop_assert_eq!(read, message);
    }
}
