//! Text that tries to be more than text.

use std::sync::LazyLock;

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::documents::links;
use super::plans::{ACCOUNT, HOSTILE, complete, empty, hostile, one_of_each, step};
use crate::model::{Address, ApplyReport, CallError, Outcome, StepError, Verb};
use crate::render::{
    Budget, Context, Difference, Links, Refusal, Style, apply_markdown, apply_text, apply_view, escape,
    plan_json, plan_markdown, plan_text, refusal_markdown, refusal_text, view,
};

/// What a reader's browser makes of a document.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    headings: usize,
    fences: usize,
    tables: usize,
    rows: usize,
    cells: usize,
    links: usize,
    images: usize,
    items: usize,
    quotes: usize,
    html: Vec<String>,
}

pub(super) fn shape(document: &str) -> Shape {
    let mut shape = Shape::default();
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM
        | Options::ENABLE_MATH;
    let mut fenced = false;
    for event in Parser::new_ext(document, options) {
        match event {
            Event::Start(Tag::Heading { .. }) => shape.headings += 1,
            Event::Start(Tag::CodeBlock(_)) => {
                shape.fences += 1;
                fenced = true;
            }
            Event::End(TagEnd::CodeBlock) => fenced = false,
            Event::Start(Tag::Table(_)) => shape.tables += 1,
            Event::Start(Tag::TableRow) => shape.rows += 1,
            Event::Start(Tag::TableCell) => shape.cells += 1,
            Event::Start(Tag::Link { .. }) => shape.links += 1,
            Event::Start(Tag::Image { .. }) => shape.images += 1,
            Event::Start(Tag::Item) => shape.items += 1,
            Event::Start(Tag::BlockQuote(_)) => shape.quotes += 1,
            Event::Start(Tag::FootnoteDefinition(_)) | Event::FootnoteReference(_) => {
                shape.html.push("footnote".to_owned());
            }
            Event::InlineMath(math) | Event::DisplayMath(math) => shape.html.push(format!("math {math}")),
            Event::Html(html) | Event::InlineHtml(html) => shape.html.push(unnamed(&html)),
            // GitHub links bare addresses, mentions and references in text, not in code.
            Event::Text(text) if !fenced => {
                for sign in ["://", "www.e"] {
                    assert!(!text.contains(sign), "a bare address in {text:?}");
                }
            }
            _ => {}
        }
    }
    shape
}

/// An element of HTML without the name that it shows, in which nothing may be an element.
fn unnamed(html: &str) -> String {
    let Some((before, rest)) = html.split_once("<b>") else { return html.to_owned() };
    let (name, after) = rest.split_once("</b>").expect("what is bold ends");
    assert!(!name.contains(['<', '>']), "{name}");
    format!("{before}<b>name</b>{after}")
}

fn plan_document(text: &str) -> String {
    plan_markdown(&view::plan(&hostile(text), &Context::default()), &links(), Budget::summary(0))
}

fn refusal(text: &str) -> Refusal {
    let difference = Difference {
        address: text.to_owned(),
        path: text.to_owned(),
        approved: Some(text.to_owned()),
        now: Some(text.to_owned()),
    };
    Refusal {
        stack: text.to_owned(),
        why: text.to_owned(),
        differences: vec![difference],
        next: text.to_owned(),
    }
}

fn report(text: &str) -> ApplyReport {
    let source = CallError {
        op: text.to_owned(),
        code: "AccessDenied".to_owned(),
        message: text.to_owned(),
        request_id: Some(text.to_owned()),
        unanswered: false,
    };
    let error = StepError { address: Address::new("schedule", text), doing: "create", source };
    let mut failing = step("service.web", Verb::Make);
    failing.address = error.address.clone();
    let mut waiting = failing.clone();
    waiting.verb = Verb::Remove;
    let outcomes =
        [(waiting, Outcome::Skipped { because: failing.clone() }), (failing, Outcome::Failed(error))];
    ApplyReport { outcomes: outcomes.into_iter().collect(), ..ApplyReport::default() }
}

fn all_markdown(text: &str) -> [String; 3] {
    let applied = apply_view::apply(&hostile(text), &report(text), None);
    [
        plan_document(text),
        apply_markdown(&applied, &links(), Budget::comment(0)),
        refusal_markdown(&refusal(text), ACCOUNT, &links(), Budget::comment(0)),
    ]
}

fn all_text(text: &str, style: Style) -> [String; 3] {
    let applied = apply_view::apply(&hostile(text), &report(text), None);
    [
        plan_text(&view::plan(&hostile(text), &Context::default()), style),
        apply_text(&applied, style),
        refusal_text(&refusal(text), style),
    ]
}

#[test]
fn hostile_text_changes_the_shape_of_no_document() {
    for (hostile, harmless) in all_markdown(HOSTILE).iter().zip(&all_markdown("harmless")) {
        assert_eq!(shape(hostile), shape(harmless), "{hostile}");
    }
    let shape = shape(&plan_document(HOSTILE));
    assert_eq!((shape.headings, shape.fences, shape.tables, shape.images, shape.links), (1, 1, 1, 0, 3));
}

#[test]
fn a_hostile_address_is_one_link_and_shows_what_it_is() {
    let done = |text: &str| {
        let view = apply_view::apply(&hostile(text), &ApplyReport::default(), None);
        apply_markdown(&view, &Links::default(), Budget::comment(0))
    };
    assert_eq!(shape(&done(HOSTILE)), shape(&done("harmless")), "{}", done(HOSTILE));
    assert_eq!(shape(&done(HOSTILE)).links, 1);
    let view = apply_view::apply(&hostile(HOSTILE), &ApplyReport::default(), None);
    assert!(!apply_text(&view, Style::PLAIN).contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn hostile_text_in_markdown_is_seen_for_what_it_is() {
    let document = plan_document(HOSTILE);
    insta::assert_snapshot!("hostile_markdown", document.replace('\u{200b}', "ZWSP"));
    let hidden = ["<!-- fs:v -->", "<!-- /fs:v -->"];
    assert!(document.lines().all(|line| hidden.contains(&line) || !line.contains("<!--")));
    assert!(!document.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn mentions_references_and_commits_are_broken_outside_code() {
    let zero = |text: &str| escape::markdown(text).replace('\u{200b}', "|");
    assert_eq!(zero("@octocat o/r#12 gh-7 www.a.b http://c"), r"@|octocat o/r\#|12 gh-|7 www.|a.b http:|//c");
    assert_eq!(zero("0123abcdef 0123abcdefg abc"), "0123|abcdef 0123abcdefg abc");
    assert_eq!(zero("- a"), r"\- a");
    assert_eq!(zero("12. a"), r"12\. a");
    assert_eq!(zero("1.2"), "1.2");
    assert_eq!(zero("<b>&amp;"), "&lt;b&gt;&amp;amp;");
}

#[test]
fn what_a_sentence_quotes_becomes_code_and_nothing_else_does() {
    assert_eq!(escape::prose("lack `ecs:X` and `a_b`: see"), "lack `ecs:X` and `a_b`: see");
    assert_eq!(escape::prose("an odd ` and <b>"), "an odd \\` and &lt;b&gt;");
    assert_eq!(escape::prose("nothing `` between"), "nothing \\`\\` between");
    assert_eq!(escape::prose("    `a` # b"), "`a` \\#\u{200b} b");
}

#[test]
fn a_code_span_is_longer_than_any_run_of_backticks_in_it() {
    assert_eq!(escape::code("a``b"), "```a``b```");
    assert_eq!(escape::code("`a"), "`` `a ``");
    assert_eq!(escape::code(""), "(empty)");
    assert_eq!(escape::code_cell("a|b"), "a&#124;b");
    assert_eq!(escape::fence("diff", &["+ ````".to_owned()]), "`````diff\n+ ````\n`````");
    assert_eq!(escape::fence("diff", &["+ a\n- b".to_owned()]), "```diff\n+ a\\n- b\n```");
}

#[test]
fn colour_sequences_disappear_from_markdown_and_are_spelled_out_on_a_terminal() {
    assert_eq!(escape::markdown("a\u{1b}[31;1mb\u{1b}]8;;x\u{7}c\u{9b}2Jd\u{1b}e\u{7f}"), "abcde");
    assert_eq!(escape::markdown("a\u{1b}]hidden for ever"), "ahidden for ever");
    assert_eq!(escape::terminal("a\u{1b}[31mb\n\u{9b}c\u{202e}"), "a\\u{1b}[31mb\\n\\u{9b}c\\u{202e}");
}

#[test]
fn every_format_character_is_made_visible() {
    use unicode_general_category::{GeneralCategory, get_general_category};
    let missed: Vec<char> = (char::MIN..=char::MAX)
        .filter(|c| {
            let category = get_general_category(*c);
            let hides = matches!(
                category,
                GeneralCategory::Format
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator
            );
            hides && !escape::is_invisible(*c)
        })
        .collect();
    assert_eq!(missed, Vec::<char>::new());
}

#[test]
fn a_link_to_anything_but_a_web_address_is_no_link() {
    assert_eq!(escape::url("javascript:alert(1)"), None);
    assert_eq!(
        escape::url("https://a.example/x) [y](z\n").unwrap(),
        "https://a.example/x%29%20%5By%5D%28z%0A"
    );
}

#[test]
fn documents_without_links_are_whole() {
    let document = plan_markdown(
        &view::plan(&one_of_each(), &Context::default()),
        &Links::default(),
        Budget::comment(0),
    );
    assert_eq!(shape(&document).links, 0);
    let applied = apply_view::apply(&one_of_each(), &complete(), None);
    assert!(apply_markdown(&applied, &Links::default(), Budget::comment(0)).contains("**Status: applied**"));
    assert!(!document.contains("this is a bug"));
    let refused = refusal_markdown(&refusal("x"), ACCOUNT, &Links::default(), Budget::comment(0));
    assert!(refused.contains("**Status: refused**"), "{refused}");
}

#[test]
fn a_json_document_parses_back_and_shows_nothing_invisible() {
    let value = plan_json(&hostile(HOSTILE));
    let text = escape::json(&value);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    assert!(!text.contains("##["), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']));
}

/// What the documents look like when nobody means harm: shapes of the Markdown, line counts of the text by style.
static HARMLESS: LazyLock<(Vec<Shape>, Vec<usize>)> = LazyLock::new(|| {
    let shapes = all_markdown("harmless").iter().map(|document| shape(document)).collect();
    let lines = STYLES.iter().flat_map(|style| all_text("harmless", *style)).map(|text| text.lines().count());
    (shapes, lines.collect())
});

const STYLES: [Style; 2] = [Style::PLAIN, Style { color: false, width: None, unicode: false }];

/// Strings of the characters that mean something somewhere, mixed with any others.
pub(super) fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[`|<>@#*_\\[\\]()!~$&\\\\:/.= \\n\\r\\t-]{1,6}",
        "[a-f0-9]{1,9}",
        "\\PC{1,4}",
        any::<char>().prop_map(String::from),
        Just("\u{1b}[31m".to_owned()),
        Just("</details>".to_owned()),
        Just("<!--".to_owned()),
        Just("\n\n# x\n".to_owned()),
        Just("```\n".to_owned()),
        Just("https://e.example".to_owned()),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_changes_the_shape_of_a_markdown_document(text in nasty()) {
        for (nasty, harmless) in all_markdown(&text).iter().zip(&HARMLESS.0) {
            prop_assert!(!nasty.contains("this is a bug"), "{nasty}");
            prop_assert_eq!(&shape(nasty), harmless, "{}", nasty);
        }
    }

    #[test]
    fn a_plain_document_holds_no_control_character_but_line_breaks_and_as_many_lines_as_a_harmless_one(text in nasty()) {
        let documents = STYLES.iter().flat_map(|style| all_text(&text, *style));
        for (nasty, harmless) in documents.zip(&HARMLESS.1) {
            prop_assert!(!nasty.chars().any(|c| c.is_control() && c != '\n'), "{nasty:?}");
            prop_assert_eq!(nasty.lines().count(), *harmless, "{}", nasty);
        }
    }

    #[test]
    fn a_json_document_parses_back_whatever_it_holds(text in nasty()) {
        let value = plan_json(&hostile(&text));
        let document = escape::json(&value);
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&document).unwrap(), value);
        prop_assert!(!document.chars().any(|c| (c.is_control() && c != '\n') || escape::is_invisible(c)));
        prop_assert!(!document.contains("##["));
    }

    #[test]
    fn no_line_of_a_workflow_log_is_a_command(text in nasty(), command in "(::|##\\[)[a-z]{1,5}(::|\\])") {
        let log = escape::workflow_lines(&format!("{text}\n{command}x\r {command} {text}{command}"));
        for line in log.split(['\n', '\r']) {
            prop_assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line:?}");
        }
    }
}

#[test]
fn an_empty_plan_with_a_hostile_name_is_still_one_heading_and_one_table() {
    let plan = crate::model::Plan { stack: HOSTILE.to_owned(), ..empty() };
    let document = plan_markdown(&view::plan(&plan, &Context::default()), &links(), Budget::comment(0));
    let shape = shape(&document);
    assert_eq!((shape.headings, shape.tables, shape.rows, shape.fences), (1, 1, 1, 0), "{document}");
}
