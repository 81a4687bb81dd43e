//! Which image a task gets, case by case.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;

use super::choice::*;
use super::lacking::newest;
use super::outside::Elsewhere;
use super::registry::{Answer, Ask, By, Held, Registry};
use super::running::Running;
use crate::config::ImageRef;
use crate::model::ImageOrigin;
use crate::stack::Scope;
use crate::stack::facts::TaskImage;

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const OTHER_HOST: &str = "210987654321.dkr.ecr.us-east-1.amazonaws.com";
const OLD: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
const NEW: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn scope() -> Scope {
    Scope { partition: "aws".into(), region: "eu-west-1".into(), account: "123456789012".into() }
}

fn source(text: &str, running: Option<Running>) -> Source {
    let reference = ImageRef::parse(text).unwrap();
    let registry = match &reference.registry {
        Some(host) => Registry::from_host(host),
        None => Some(Registry { account: "123456789012".into(), region: "eu-west-1".into() }),
    };
    Source {
        task: "web".into(),
        text: text.into(),
        reference,
        registry,
        running,
        anew: false,
        required: false,
    }
}

fn running(image: String, recorded: Option<(&str, &str)>) -> Running {
    Running {
        image,
        source: recorded.map(|(source, _)| source.to_owned()),
        tag: recorded.map(|(_, tag)| tag.to_owned()),
        commit: None,
        cpu_architecture: None,
    }
}

/// `helloworld` runs with the old digest, found for `helloworld:latest`.
fn deployed() -> Running {
    running(format!("{HOST}/helloworld@{OLD}"), Some(("helloworld:latest", "latest")))
}

/// Asks and decides, with this ECR: what is not in it is a missing tag, and what is `None` is a missing repository.
fn decided(
    source: &Source,
    pin: Option<&str>,
    ecr: &[(&str, Option<&str>)],
) -> Result<(TaskImage, Option<String>), Missing> {
    let answer = |ask: &Ask| {
        let id = ask.by.text();
        let repository =
            ecr.iter().filter(|(name, _)| name.split(['#', '=']).next() == Some(&ask.repository));
        let mut repository = repository.peekable();
        if repository.peek().is_none() {
            return Answer::NoRepository;
        }
        let held = repository.find(|(name, _)| name.split('#').nth(1) == Some(id));
        held.and_then(|(_, digest)| *digest).map_or(Answer::NoImage, |digest| {
            Answer::Image(Held { digest: digest.to_owned(), ..Held::default() })
        })
    };
    let ecr: BTreeMap<Ask, Answer> = asks(source, pin)
        .into_iter()
        .map(|ask| {
            let said = answer(&ask);
            (ask, said)
        })
        .collect();
    decide(source, pin, &scope(), &Answers { ecr, ..Answers::default() })
        .map(|choice| (choice.image, choice.warning))
}

/// Decides about an image that is not in ECR, with what its registry says.
fn elsewhere(source: &Source, answer: Elsewhere) -> Result<Choice, Missing> {
    let no_repository = asks(source, None).into_iter().map(|ask| (ask, Answer::NoRepository)).collect();
    let mut answers = Answers { ecr: no_repository, ..Answers::default() };
    assert!(asks_outside(source, None, &answers), "{}", source.text);
    answers.outside.insert(source.text.clone(), answer);
    decide(source, None, &scope(), &answers)
}

fn found_elsewhere() -> Elsewhere {
    Elsewhere::Image { digest: NEW.into(), platforms: std::collections::BTreeSet::new() }
}

const HELLO: &[(&str, Option<&str>)] = &[("helloworld#latest", Some(NEW)), ("helloworld#v2", Some(OLD))];

#[test]
fn a_short_name_resolves_to_the_own_registry_by_digest_and_the_tag_is_not_doubled() {
    let (found, warning) = decided(&source("helloworld:latest", None), None, HELLO).unwrap();
    assert_eq!(found.image.image, format!("{HOST}/helloworld@{NEW}"));
    assert_eq!(found.image.digest.as_deref(), Some(NEW));
    assert_eq!(found.image.tag.as_deref(), Some("latest"));
    assert_eq!(found.image.origin, ImageOrigin::Configured);
    assert_eq!(
        found.repository_arn.as_deref(),
        Some("arn:aws:ecr:eu-west-1:123456789012:repository/helloworld")
    );
    assert_eq!((found.source.as_str(), found.commit, warning), ("helloworld:latest", None, None));
}

#[test]
fn a_name_without_a_tag_means_latest() {
    let (found, _) = decided(&source("helloworld", None), None, HELLO).unwrap();
    assert_eq!((found.image.digest.as_deref(), found.image.tag.as_deref()), (Some(NEW), Some("latest")));
}

#[test]
fn a_nested_repository_of_another_account_and_region_is_found_by_its_whole_path() {
    let text = format!("{OTHER_HOST}/team/api/web:v1");
    let source = source(&text, None);
    let asked = asks(&source, None);
    assert_eq!(asked[0].registry, Registry { account: "210987654321".into(), region: "us-east-1".into() });
    let (found, _) = decided(&source, None, &[("team/api/web#v1", Some(NEW))]).unwrap();
    assert_eq!(found.image.image, format!("{OTHER_HOST}/team/api/web@{NEW}"));
    assert_eq!(
        found.repository_arn.as_deref(),
        Some("arn:aws:ecr:us-east-1:210987654321:repository/team/api/web")
    );
}

#[test]
fn what_runs_stays_without_asking_ecr_although_the_tag_moved() {
    let source = source("helloworld:latest", Some(deployed()));
    assert_eq!(asks(&source, None), []);
    let (found, warning) = decided(&source, None, HELLO).unwrap();
    assert_eq!((found.image.digest.as_deref(), found.image.origin), (Some(OLD), ImageOrigin::Running));
    assert_eq!((found.image.tag.as_deref(), warning), (Some("latest"), None));
}

#[test]
fn what_runs_stays_when_nothing_is_recorded_but_the_repository_is_the_same() {
    let unrecorded = Some(running(format!("{HOST}/helloworld@{OLD}"), None));
    let (found, _) = decided(&source("helloworld:latest", unrecorded), None, HELLO).unwrap();
    assert_eq!(found.image.origin, ImageOrigin::Running);
}

#[test]
fn a_running_tag_without_a_digest_is_resolved() {
    let by_tag = Some(running(format!("{HOST}/helloworld:latest"), None));
    let (found, _) = decided(&source("helloworld:latest", by_tag), None, HELLO).unwrap();
    assert_eq!((found.image.digest.as_deref(), found.image.origin), (Some(NEW), ImageOrigin::Configured));
}

#[test]
fn another_tag_or_repository_in_the_configuration_is_resolved_anew() {
    let (found, _) = decided(&source("helloworld:v2", Some(deployed())), None, HELLO).unwrap();
    assert_eq!((found.image.tag.as_deref(), found.image.origin), (Some("v2"), ImageOrigin::Configured));
    let (found, _) =
        decided(&source("other:latest", Some(deployed())), None, &[("other#latest", Some(NEW))]).unwrap();
    assert_eq!(found.image.image, format!("{HOST}/other@{NEW}"));
}

#[test]
fn the_wished_tag_pins_the_image_and_tells_its_commit() {
    let ecr = [("helloworld#latest", Some(OLD)), (&format!("helloworld#{COMMIT}"), Some(NEW))];
    for now in [None, Some(deployed())] {
        let (found, warning) = decided(&source("helloworld:latest", now), Some(COMMIT), &ecr).unwrap();
        assert_eq!((found.image.digest.as_deref(), found.image.origin), (Some(NEW), ImageOrigin::Pinned));
        assert_eq!((found.image.tag.as_deref(), found.commit.as_deref()), (Some(COMMIT), Some(COMMIT)));
        assert_eq!(warning, None);
    }
}

#[test]
fn a_repository_without_the_wished_tag_keeps_what_runs_with_a_warning() {
    let (found, warning) =
        decided(&source("helloworld:latest", Some(deployed())), Some("abc1234"), HELLO).unwrap();
    assert_eq!((found.image.digest.as_deref(), found.image.origin), (Some(OLD), ImageOrigin::Running));
    insta::assert_snapshot!(warning.unwrap(), @"the ECR repository `helloworld` has no image tagged `abc1234`: the image that runs now stays");
}

#[test]
fn a_repository_without_the_wished_tag_gives_the_configured_one_when_nothing_runs() {
    let (found, warning) = decided(&source("helloworld:latest", None), Some("abc1234"), HELLO).unwrap();
    assert_eq!((found.image.digest.as_deref(), found.image.origin), (Some(NEW), ImageOrigin::Configured));
    insta::assert_snapshot!(warning.unwrap(), @"the ECR repository `helloworld` has no image tagged `abc1234`: `helloworld:latest` is taken");
}

#[test]
fn a_pinned_image_is_still_there_in_the_next_plan_without_a_wish() {
    let pinned = Some(Running {
        commit: Some(COMMIT.into()),
        ..running(format!("{HOST}/helloworld@{OLD}"), Some(("helloworld:latest", COMMIT)))
    });
    let (found, _) = decided(&source("helloworld:latest", pinned), None, HELLO).unwrap();
    assert_eq!((found.image.digest.as_deref(), found.image.origin), (Some(OLD), ImageOrigin::Running));
    assert_eq!((found.image.tag.as_deref(), found.commit.as_deref()), (Some(COMMIT), Some(COMMIT)));
}

#[test]
fn a_digest_in_the_configuration_is_used_as_it_is_and_no_wish_changes_it() {
    let text = format!("{HOST}/helloworld:v1@{NEW}");
    let source = source(&text, Some(deployed()));
    assert_eq!(asks(&source, Some("abc1234")), []);
    let (found, warning) = decided(&source, Some("abc1234"), &[]).unwrap();
    assert_eq!(found.image.image, format!("{HOST}/helloworld@{NEW}"));
    assert_eq!(
        (found.image.tag.as_deref(), found.image.origin, warning),
        (Some("v1"), ImageOrigin::Configured, None)
    );
}

#[test]
fn a_short_name_with_a_digest_is_looked_for_in_the_own_registry() {
    let text = format!("helloworld@{NEW}");
    let held = format!("helloworld#{NEW}");
    let (found, _) = decided(&source(&text, None), None, &[(&held, Some(NEW))]).unwrap();
    assert_eq!(found.image.image, format!("{HOST}/helloworld@{NEW}"));
    let (found, warning) = decided(&source(&text, None), None, &[]).unwrap();
    assert_eq!((found.image.image.as_str(), found.image.origin), (text.as_str(), ImageOrigin::Outside));
    assert_eq!(warning, None, "a digest cannot move");
}

#[test]
fn a_short_name_that_is_no_repository_stays_as_written_with_a_warning() {
    for pin in [None, Some("abc1234")] {
        let (found, warning) = decided(&source("nginx:1.27", None), pin, HELLO).unwrap();
        assert_eq!((found.image.image.as_str(), found.image.origin), ("nginx:1.27", ImageOrigin::Outside));
        assert_eq!((found.repository_arn, found.image.digest), (None, None));
        assert!(warning.unwrap().starts_with("the image `nginx:1.27` is no repository of the account's ECR"));
    }
}

#[test]
fn an_image_of_another_registry_is_never_asked_for() {
    for text in
        ["public.ecr.aws/docker/library/nginx:1", "ghcr.io/octocat/app", "registry.example.com:5000/app:1"]
    {
        let source = source(text, None);
        assert_eq!(asks(&source, Some("abc1234")), []);
        let (found, warning) = decided(&source, Some("abc1234"), HELLO).unwrap();
        assert_eq!((found.image.image.as_str(), found.image.origin), (text, ImageOrigin::Outside));
        assert!(warning.unwrap().contains("is outside ECR"));
    }
}

#[test]
fn a_missing_tag_and_a_missing_repository_are_told_apart() {
    let missing = decided(&source("helloworld:v9", None), None, HELLO).unwrap_err();
    let Missing::Ecr { ask, answer, .. } = missing else { panic!("{missing:?}") };
    assert_eq!((answer, ask.by), (Answer::NoImage, By::Tag("v9".into())));
    let text = format!("{HOST}/absent:v1");
    for pin in [None, Some("abc1234")] {
        let missing = decided(&source(&text, None), pin, HELLO).unwrap_err();
        let Missing::Ecr { ask, answer, .. } = missing else { panic!("{missing:?}") };
        assert_eq!((answer, ask.repository), (Answer::NoRepository, "absent".into()));
    }
}

#[test]
fn a_repository_of_another_account_that_may_not_be_asked_keeps_what_runs() {
    let text = format!("{OTHER_HOST}/base:v1");
    let now = Some(running(format!("{OTHER_HOST}/base@{OLD}"), Some((&text, "v1"))));
    let source = source(&text, now);
    let ecr = asks(&source, Some("abc1234")).into_iter().map(|ask| (ask, Answer::Denied)).collect();
    let answers = Answers { ecr, ..Answers::default() };
    let Choice { image, warning, .. } = decide(&source, Some("abc1234"), &scope(), &answers).unwrap();
    assert_eq!(image.image.origin, ImageOrigin::Running);
    assert!(warning.unwrap().contains("of another account may not be asked"));
}

#[test]
fn an_error_lists_the_likeliest_tag_and_then_the_newest() {
    let tags = ["d4", "c3", "v1.2.3", "b2", "a1", "z0"].map(str::to_owned).to_vec();
    assert_eq!(newest("v1.2.4", tags), ["v1.2.3", "d4", "c3", "b2", "a1"]);
}

#[test]
fn a_required_image_that_is_not_there_is_an_error_and_not_a_warning() {
    let source = Source { required: true, ..source("helloworld:latest", Some(deployed())) };
    let missing = decided(&source, Some("abc1234"), HELLO).unwrap_err();
    let Missing::Ecr { ask, answer, required } = missing else { panic!("{missing:?}") };
    assert_eq!((ask.by, answer, required), (By::Commit("abc1234".into()), Answer::NoImage, true));
    // A short name of Docker Hub and a digest expect no image of the commit.
    let hub = Source { required: true, ..self::source("nginx:1.27", None) };
    assert!(decided(&hub, Some("abc1234"), HELLO).is_ok());
    let fixed = Source { required: true, ..self::source(&format!("{HOST}/helloworld@{NEW}"), None) };
    assert!(decided(&fixed, Some("abc1234"), &[]).is_ok());
}

#[test]
fn the_tag_that_was_really_found_is_kept_with_the_whole_commit() {
    let source = source("helloworld:latest", Some(deployed()));
    let [ask] = asks(&source, Some(COMMIT)).try_into().unwrap();
    let held = Held { digest: NEW.into(), tag: Some("sha-0123456".into()), tags: vec![] };
    let ecr = BTreeMap::from([(ask, Answer::Image(held))]);
    let answers = Answers { ecr, ..Answers::default() };
    let found = decide(&source, Some(COMMIT), &scope(), &answers).unwrap().image;
    assert_eq!((found.image.tag.as_deref(), found.commit.as_deref()), (Some("sha-0123456"), Some(COMMIT)));
}

#[test]
fn only_what_a_build_may_still_push_is_awaited() {
    let running = source("helloworld:latest", Some(deployed()));
    let ecr = |answer: &Answer| {
        let ecr = asks(&running, Some(COMMIT)).into_iter().map(|ask| (ask, answer.clone())).collect();
        Answers { ecr, ..Answers::default() }
    };
    let by = |answer: Answer| awaited(&running, Some(COMMIT), &ecr(&answer)).map(|ask| ask.by);
    assert_eq!(by(Answer::NoImage), Some(By::Commit(COMMIT.into())));
    for answer in [Answer::NoRepository, Answer::Archived, Answer::Denied] {
        assert_eq!(by(answer), None);
    }
    assert_eq!(awaited(&running, None, &ecr(&Answer::NoImage)), None, "what runs needs no tag");
}

#[test]
fn a_refreshed_task_follows_the_tag_of_the_configuration() {
    let source = Source { anew: true, ..source("helloworld:latest", Some(deployed())) };
    let (found, _) = decided(&source, None, HELLO).unwrap();
    assert_eq!((found.image.digest.as_deref(), found.image.origin), (Some(NEW), ImageOrigin::Configured));
}

#[test]
fn an_image_of_another_registry_is_pinned_under_the_name_that_is_written() {
    for (text, image) in [
        ("public.ecr.aws/nginx/nginx:1.27", format!("public.ecr.aws/nginx/nginx@{NEW}")),
        ("nginx:1.27", format!("nginx@{NEW}")),
        ("docker.io/library/nginx", format!("docker.io/library/nginx@{NEW}")),
    ] {
        let found = elsewhere(&source(text, None), found_elsewhere()).unwrap();
        assert_eq!(
            (&found.image.image.image, found.warning, found.image.repository_arn),
            (&image, None, None)
        );
        assert_eq!(found.image.image.origin, ImageOrigin::Configured);
    }
}

#[test]
fn what_runs_of_another_registry_stays_while_the_file_names_it_so() {
    let runs = |text: &str, name: &str| {
        let now = running(format!("{name}@{OLD}"), Some((text, "1.27")));
        source(text, Some(now))
    };
    for (text, name) in [("ghcr.io/a/b:1.27", "ghcr.io/a/b"), ("nginx:1.27", "nginx")] {
        let source = runs(text, name);
        assert_eq!(asks(&source, None), []);
        assert!(!asks_outside(&source, None, &Answers::default()));
        let found = decide(&source, None, &scope(), &Answers::default()).unwrap().image;
        assert_eq!(found.image.image, format!("{name}@{OLD}"));
        assert_eq!((found.image.origin, found.image.tag.as_deref()), (ImageOrigin::Running, Some("1.27")));
        assert_eq!(found.repository_arn, None);
    }
    let moved = Source { text: "ghcr.io/a/b:1.28".into(), ..runs("ghcr.io/a/b:1.27", "ghcr.io/a/b") };
    assert_eq!(elsewhere(&moved, found_elsewhere()).unwrap().image.image.digest.as_deref(), Some(NEW));
}

#[test]
fn what_a_registry_will_not_tell_is_a_warning_and_what_it_has_not_an_error() {
    let told = |text: &str, answer: Elsewhere| {
        let choice = elsewhere(&source(text, None), answer).unwrap();
        assert_eq!((choice.image.image.image.as_str(), choice.image.image.digest), (text, None));
        choice.warning.unwrap()
    };
    insta::assert_snapshot!(told("ghcr.io/a/b:v1", Elsewhere::Refused { signed_in: false }), @"the image `ghcr.io/a/b:v1` is outside ECR, and `ghcr.io` refuses to tell its digest without signing in (`docker login ghcr.io`): its tag is kept as it is, so a new image under that tag goes unnoticed");
    insta::assert_snapshot!(told("nginx:1", Elsewhere::Limited), @"the image `nginx:1` is no repository of the account's ECR and is pulled from Docker Hub, and Docker Hub's limit for pulls without an account is reached (`docker login` raises it): its tag is kept as it is, so a new image under that tag goes unnoticed");
    insta::assert_snapshot!(told("quay.io/a/b", Elsewhere::Unreachable("no connection".into())), @"the image `quay.io/a/b` is outside ECR, and `quay.io` could not be asked (no connection): its tag is kept as it is, so a new image under that tag goes unnoticed");
    assert_eq!(elsewhere(&source("ghcr.io/a/b:v9", None), Elsewhere::NoImage), Err(Missing::Outside));
}
