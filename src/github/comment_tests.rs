use crate::github::graphql::{self, Edits, Login};

use super::*;

fn login(name: &str) -> Login {
    Login { login: name.into() }
}

fn node(id: u64, body: &str) -> Node {
    Node {
        database_id: id,
        id: format!("IC_{id}"),
        viewer_did_author: true,
        author: Some(login("github-actions")),
        body: body.into(),
        ..Node::default()
    }
}

fn marked(id: u64, scope: &str) -> Node {
    node(id, &marker::mark(&json!({"scope": scope}), "text"))
}

fn ids(own: &Own) -> (Option<u64>, Vec<u64>) {
    (own.kept.as_ref().map(|found| found.id), own.duplicates.iter().map(|found| found.id).collect())
}

#[test]
fn a_comment_is_ours_only_with_the_marker_and_our_authorship() {
    let forged = Node { viewer_did_author: false, author: Some(login("stranger")), ..marked(1, ".") };
    let plain = node(2, "I approve");
    let quoted = node(3, &format!("> {}", marker::encode(&json!({"scope": "."}))));
    assert_eq!(own(vec![forged, plain, quoted], "."), Own::default());
}

#[test]
fn the_oldest_is_kept_and_later_ones_are_duplicates() {
    assert_eq!(ids(&own(vec![marked(9, "."), marked(4, "."), marked(7, ".")], ".")), (Some(4), vec![7, 9]));
}

#[test]
fn comments_of_another_scope_are_left_alone() {
    let nodes = vec![marked(1, "a"), marked(2, "b")];
    assert_eq!(ids(&own(nodes, "b")), (Some(2), vec![]));
}

#[test]
fn a_damaged_marker_is_taken_over_only_when_there_is_no_whole_one() {
    let damaged = node(1, "<!-- fargate-stack:v1 ???? -->\ntext");
    assert_eq!(ids(&own(vec![damaged.clone()], ".")), (Some(1), vec![]));
    assert_eq!(ids(&own(vec![damaged, marked(2, ".")], ".")), (Some(2), vec![]));
}

#[test]
fn an_edit_by_somebody_else_shows() {
    let by = |editor: Option<Login>| {
        let at = Some("2025-01-01T00:00:00Z".to_owned());
        found(Node { editor, last_edited_at: at, ..marked(1, ".") }).edited_by_other
    };
    assert!(!found(marked(1, ".")).edited_by_other, "never edited");
    assert!(!by(Some(login("github-actions"))), "edited by the tool itself");
    assert!(by(Some(login("author"))));
    assert!(by(None), "the editor's account was deleted");
}

#[test]
fn the_history_tells_the_editor_when_the_comment_does_not() {
    let edit = graphql::Edit {
        edited_at: Some("2025-01-01T00:00:00Z".into()),
        editor: Some(login("author")),
        diff: None,
    };
    let node = Node { user_content_edits: Some(Edits { nodes: vec![None, Some(edit)] }), ..marked(1, ".") };
    let found = found(node);
    assert_eq!((found.edited_by_other, found.editor.as_deref()), (true, Some("author")));
}

#[test]
fn only_volatile_parts_may_differ_between_equal_texts() {
    let volatile = Volatile { lines: &["**Status:"], keys: &["run", "attempt"] };
    let text = |marker: Value, body: &str| marker::mark(&marker, body);
    let one = text(json!({"scope": ".", "fp": "a", "run": 1}), "### Plan\n**Status: planned** at 1\nend\n");
    let later =
        text(json!({"run": 2, "fp": "a", "scope": "."}), "### Plan\r\n**Status: planned** at 2\r\nend");
    assert!(same(&one, &later, volatile));
    for other in [
        text(json!({"scope": ".", "fp": "b", "run": 1}), "### Plan\n**Status: planned** at 1\nend"),
        text(json!({"scope": ".", "fp": "a", "run": 1}), "### Plan!\n**Status: planned** at 1\nend"),
        text(json!({"scope": ".", "fp": "a", "run": 1}), "### Plan\n**Status: planned** at 1"),
        "### Plan\n**Status: planned** at 1\nend".to_owned(),
    ] {
        assert!(!same(&one, &other, volatile), "{other}");
    }
    assert!(!same(&one, &later, Volatile::default()));
}

fn run(id: u64, run: u64, attempt: u64) -> Node {
    node(id, &marker::mark(&json!({"scope": ".", "run": run, "attempt": attempt}), "text"))
}

fn folded(node: Node) -> Node {
    Node { is_minimized: true, minimized_reason: Some("outdated".into()), ..node }
}

#[test]
fn the_comment_of_the_newest_run_is_kept_even_when_somebody_hid_it() {
    assert_eq!(ids(&own(vec![run(1, 5, 1), run(2, 6, 1)], ".")), (Some(2), vec![1]));
    assert_eq!(ids(&own(vec![run(1, 5, 2), run(2, 5, 1)], ".")), (Some(1), vec![2]));
    assert_eq!(ids(&own(vec![folded(run(1, 5, 1)), run(2, 6, 1)], ".")), (Some(2), vec![1]), "mode new");
    let hidden = own(vec![run(1, 5, 1), folded(run(2, 6, 1))], ".");
    assert_eq!(ids(&hidden), (Some(2), vec![1]), "an older plan does not come back by hiding the newer one");
    assert!(hidden.kept.is_some_and(|kept| kept.minimized));
    assert_eq!(ids(&own(vec![folded(marked(1, ".")), marked(2, ".")], ".")), (Some(2), vec![1]));
}

fn version(at: u64, editor: &str, body: Option<&str>) -> graphql::Edit {
    graphql::Edit {
        edited_at: Some(format!("2025-01-01T00:00:{at:02}Z")),
        editor: Some(login(editor)),
        diff: body.map(str::to_owned),
    }
}

#[allow(clippy::unnecessary_wraps, reason = "what it is compared with may be missing")]
fn at(seconds: u64) -> Option<String> {
    Some(format!("2025-01-01T00:00:{seconds:02}Z"))
}

/// When the text `body` was written, by these versions, when lines with `!` do not count.
fn written(body: &str, versions: Vec<graphql::Edit>) -> Option<String> {
    let last_edited_at = versions.first().and_then(|edit| edit.edited_at.clone());
    let node = Node {
        created_at: at(0),
        last_edited_at,
        user_content_edits: Some(Edits { nodes: versions.into_iter().map(Some).collect() }),
        ..node(1, body)
    };
    let plain = |text: &str| text.lines().filter(|line| !line.starts_with('!')).collect::<String>();
    written_at(&found(node), |left, right| plain(left) == plain(right))
}

#[test]
fn a_text_is_as_old_as_the_first_of_the_versions_that_say_the_same() {
    let us = "github-actions";
    assert_eq!(written("A", vec![]), at(0), "never edited");
    let versions =
        vec![version(9, us, Some("A\n!3")), version(5, us, Some("A\n!2")), version(1, us, Some("A"))];
    assert_eq!(written("A\n!3", versions), at(1), "only the status changed");
    let versions = vec![version(9, us, Some("B\n!2")), version(5, us, Some("B")), version(1, us, Some("A"))];
    assert_eq!(written("B\n!2", versions), at(5));
    let versions = vec![version(9, us, Some("A")), version(5, "octo", Some("B")), version(1, us, Some("A"))];
    assert_eq!(written("A", versions), at(9), "it said something else in between");
}

#[test]
fn a_version_without_its_text_makes_the_text_rather_too_young() {
    let us = "github-actions";
    assert_eq!(written("A", vec![version(9, us, None), version(1, us, Some("A"))]), at(9));
    let versions = vec![version(9, us, Some("A")), version(5, us, None), version(1, us, Some("A"))];
    assert_eq!(written("A", versions), at(9));
    assert_eq!(written("A", vec![version(9, us, Some("B"))]), at(9), "a history that lags behind");
    let backwards = vec![version(1, us, Some("A")), version(9, us, Some("B"))];
    assert_eq!(written("B", backwards), at(9), "whatever order they come in");
}

#[test]
fn all_that_tells_who_changed_a_comment_is_kept() {
    let node = Node {
        user_content_edits: Some(Edits { nodes: vec![Some(version(9, "octo", Some("B"))), None] }),
        last_edited_at: at(9),
        editor: Some(login("octo")),
        ..folded(marked(1, "."))
    };
    let found = found(node);
    assert_eq!((found.author.as_deref(), found.editor.as_deref()), (Some("github-actions"), Some("octo")));
    assert_eq!((found.minimized, found.minimized_reason.as_deref()), (true, Some("outdated")));
    let edit = Edit { at: at(9), editor: Some("octo".into()), body: Some("B".into()) };
    assert_eq!((found.edited_by_other, found.edits), (true, vec![edit]));
}
