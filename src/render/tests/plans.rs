//! Plans and reports to render.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::model::{
    Action, Address, ApplyReport, AttrChange, CallError, Change, Endpoint, Image, ImageOrigin, Input,
    Locator, Observed, Outcome, Owner, Plan, Reason, Resource, Step, StepError, Verb,
};

pub(super) const ACCOUNT: &str = "123456789012";

pub(super) fn digest(fill: char) -> String {
    format!("sha256:{}", fill.to_string().repeat(64))
}

pub(super) fn image(fill: char) -> String {
    format!("{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/http-test@{}", digest(fill))
}

pub(super) fn empty() -> Plan {
    Plan {
        stack: "shop".to_owned(),
        account: ACCOUNT.to_owned(),
        region: "eu-west-1".to_owned(),
        changes: Vec::new(),
        edges: BTreeMap::new(),
        images: Vec::new(),
        endpoints: Vec::new(),
        warnings: Vec::new(),
        fingerprint: "7d41c0ffee99".repeat(6).chars().take(64).collect(),
    }
}

pub(super) fn at(address: &str, name: &str) -> Locator {
    let (kind, key) = address.split_once('.').unwrap();
    Locator {
        address: Address::new(kind, key),
        name: name.to_owned(),
        parent: None,
        id: None,
        stack: "shop".to_owned(),
    }
}

pub(super) fn change(address: &str, name: &str, action: Action, attrs: Vec<AttrChange>) -> Change {
    let reason = match action {
        Action::Create => Reason::Absent,
        Action::Adopt => Reason::Unowned,
        Action::Update => Reason::Differs,
        Action::Replace => Reason::Forced("vpc_id".to_owned()),
        Action::Delete => Reason::Unwanted,
        Action::Keep => Reason::Same,
    };
    Change {
        at: at(address, name),
        action,
        reason,
        want: None,
        seen: None,
        attrs,
        written: vec![],
        restarts_tasks: false,
    }
}

pub(super) fn attr(path: &str, before: Value, after: Value) -> AttrChange {
    let side = |value: Value| if value.is_null() { None } else { Some(value) };
    AttrChange {
        path: path.to_owned(),
        before: side(before),
        after: side(after),
        forces_replace: false,
        sensitive: path.contains("environment"),
        release: false,
    }
}

pub(super) fn reference(address: &str, output: &str) -> Value {
    json!({ "$ref": address, "output": output })
}

fn wanted(change: Change, attrs: Value) -> Change {
    let want = Resource { at: change.at.clone(), attrs, after: BTreeSet::new() };
    Change { want: Some(want), ..change }
}

fn seen(change: Change, attrs: Value) -> Change {
    Change { seen: Some(Observed { attrs, outputs: BTreeMap::new(), owner: Owner::Ours }), ..change }
}

fn definition(image: &str, tag: &str) -> Value {
    json!({
        "cpu": 256, "memory": 512,
        "containers": [{"name": "web", "image": image, "environment": {"MODE": "fast", "KEY": "canary-value"}}],
        "release": {"source": "ecr", "tag": tag, "commit": tag},
    })
}

/// A change of every action, with every form of attribute.
pub(super) fn one_of_each() -> Plan {
    let create = wanted(
        change(
            "log_group.main",
            "/ecs/shop",
            Action::Create,
            vec![attr("retention_days", json!(null), json!(14))],
        ),
        json!({"name": "/ecs/shop", "retention_days": 14}),
    );
    let adopt = change(
        "cluster.main",
        "shop-cluster",
        Action::Adopt,
        vec![attr("tags.team", json!(null), json!("web"))],
    );
    let (before, after) = (image('a'), image('b'));
    let mut definition_attrs = vec![
        attr("containers.0.image", json!(before), json!(after)),
        attr("containers.0.environment.MODE", json!("slow"), json!("fast")),
        attr("containers.0.environment.KEY", json!("old canary"), json!("canary-value")),
        attr("containers.0.environment.NEW_FLAG", json!(null), json!("canary-value")),
        attr("containers.0.environment.OLD_FLAG", json!("old canary"), json!(null)),
        attr("cpu", json!(256), json!(512)),
        attr("tags.old", json!("x"), json!(null)),
    ];
    definition_attrs[0].release = true;
    let update = seen(
        wanted(
            change("task_definition.web", "web", Action::Update, definition_attrs),
            definition(&after, &"9be77d1".repeat(6)[..40]),
        ),
        definition(&before, "v1.4"),
    );
    let service = Change {
        restarts_tasks: true,
        ..change(
            "service.web",
            "web",
            Action::Update,
            vec![attr(
                "task_definition",
                json!(format!("arn:aws:ecs:eu-west-1:{ACCOUNT}:task-definition/web:41")),
                reference("task_definition.web", "arn"),
            )],
        )
    };
    let forced = AttrChange { forces_replace: true, ..attr("vpc_id", json!("vpc-1"), json!("vpc-2")) };
    let replace = change("security_group.tasks", "shop-sg", Action::Replace, vec![forced]);
    let delete = change("schedule.old", "old-schedule", Action::Delete, vec![]);
    let keep = change("iam_role.task", "FargateShopTaskRole", Action::Keep, vec![]);
    Plan {
        changes: vec![adopt, create, keep, replace, update, service, delete],
        images: vec![Image {
            task: "web".to_owned(),
            image: after,
            tag: Some("9be77d1".repeat(6)[..40].to_owned()),
            digest: Some(digest('b')),
            origin: ImageOrigin::Pinned,
        }],
        warnings: vec!["the image of `job` keeps its tag: it is outside ECR".to_owned()],
        ..empty()
    }
}

/// A first plan, in which everything waits for something else.
pub(super) fn all_pending() -> Plan {
    let group =
        wanted(change("security_group.tasks", "shop-sg", Action::Create, vec![]), json!({"vpc_id": "vpc-1"}));
    let definition = wanted(
        change(
            "task_definition.web",
            "web",
            Action::Create,
            vec![attr(
                "containers",
                json!(null),
                json!([{"image": image('a'), "environment": {"KEY": "canary-value"}}]),
            )],
        ),
        definition(&image('a'), "latest"),
    );
    let service = wanted(
        change(
            "service.web",
            "web",
            Action::Create,
            vec![
                attr("task_definition", json!(null), reference("task_definition.web", "arn")),
                attr("security_groups", json!(null), json!([reference("security_group.tasks", "id")])),
            ],
        ),
        json!({"desired_count": 1}),
    );
    let schedule = wanted(
        change("schedule.job", "job-schedule", Action::Create, vec![]),
        json!({"expression": "cron(0 4 * * ? *)"}),
    );
    Plan {
        changes: vec![group, definition, service, schedule],
        images: vec![Image {
            task: "web".to_owned(),
            image: image('a'),
            tag: Some("latest".to_owned()),
            digest: Some(digest('a')),
            origin: ImageOrigin::Configured,
        }],
        ..empty()
    }
}

/// A stack whose services are found by a record of its own, and by a name that somebody else must point to it.
pub(super) fn served() -> Plan {
    let endpoint =
        |task: &str, url: &str, point_to| Endpoint { task: task.to_owned(), url: url.to_owned(), point_to };
    let balancer = Address::new("load_balancer", "public");
    Plan {
        changes: vec![change("load_balancer.public", "shop-alb", Action::Create, vec![])],
        endpoints: vec![
            endpoint("web", "https://shop.example.com", None),
            endpoint("api", "https://api.example.org/v1/", Some(Input::of(balancer, "dns_name"))),
        ],
        ..empty()
    }
}

/// As many changes of an action as asked for.
pub(super) fn many(count: usize, action: Action) -> Plan {
    let changes = (0..count)
        .map(|i| {
            let attrs = vec![attr("description", json!("before".repeat(9)), json!("after".repeat(9))); 3];
            change(&format!("security_group.tasks-{i:05}"), &format!("shop-sg-{i:05}"), action, attrs)
        })
        .collect();
    Plan { changes, ..empty() }
}

/// Text that tries to be something else, in every document at once.
pub(super) const HOSTILE: &str = "x`|\n# h1\n```\n::error::y\n##[add-mask]z\u{1b}[31m\u{202e}@octocat #12 GH-7 \
    <!-- c --> <img src=x> [l](https://evil.example) ![i](u) **b** https://evil.example www.evil.example 0123abcdef $x$ \\| </details>";

/// A plan whose every text was chosen by somebody else.
pub(super) fn hostile(text: &str) -> Plan {
    let attrs = |action| match action {
        Action::Create | Action::Delete => vec![],
        _ => vec![attr(text, json!(text), json!([text, {text: text}])), attr("k", json!(text), json!(null))],
    };
    let changes = [Action::Create, Action::Adopt, Action::Update, Action::Replace, Action::Delete]
        .into_iter()
        .map(|action| {
            let plain = change("kind.name", text, action, attrs(action));
            let mut hostile = wanted(plain, json!({"expression": text, "vpc_id": text}));
            hostile.at.address = Address::new("schedule", text);
            hostile.reason = Reason::Forced(text.to_owned());
            hostile.restarts_tasks = true;
            hostile
        })
        .collect();
    Plan {
        stack: text.to_owned(),
        region: text.to_owned(),
        changes,
        images: vec![Image {
            task: text.to_owned(),
            image: text.to_owned(),
            tag: Some(text.to_owned()),
            digest: None,
            origin: ImageOrigin::Outside,
        }],
        endpoints: vec![Endpoint {
            task: text.to_owned(),
            url: format!("https://{text}"),
            point_to: Some(Input::Known(text.to_owned())),
        }],
        warnings: vec![text.to_owned()],
        ..empty()
    }
}

pub(super) fn step(address: &str, verb: Verb) -> Step {
    Step { address: address.parse().unwrap(), verb }
}

pub(super) fn denied() -> CallError {
    CallError {
        op: "ecs:UpdateService".to_owned(),
        code: "AccessDeniedException".to_owned(),
        message: format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/ci/run is not authorized to perform: ecs:UpdateService"
        ),
        request_id: Some("7c1d2e3f-0a0b".to_owned()),
        unanswered: false,
    }
}

/// The apply of `one_of_each`, with this failure at the service.
pub(super) fn partial() -> ApplyReport {
    let done = || Outcome::Done(BTreeMap::new());
    let service = step("service.web", Verb::Make);
    let error = StepError { address: service.address.clone(), doing: "update", source: denied() };
    let outcomes = BTreeMap::from([
        (step("cluster.main", Verb::Make), done()),
        (step("log_group.main", Verb::Make), done()),
        (step("security_group.tasks", Verb::Make), done()),
        (step("security_group.tasks", Verb::Remove), Outcome::Skipped { because: service.clone() }),
        (step("task_definition.web", Verb::Make), done()),
        (service, Outcome::Failed(error)),
        (step("schedule.old", Verb::Remove), Outcome::NotStarted),
    ]);
    let took = BTreeMap::from([
        (step("cluster.main", Verb::Make), Duration::from_millis(420)),
        (step("task_definition.web", Verb::Make), Duration::from_secs(192)),
    ]);
    ApplyReport { outcomes, took, interrupted: false }
}

pub(super) fn complete() -> ApplyReport {
    let outcomes =
        partial().outcomes.into_keys().map(|step| (step, Outcome::Done(BTreeMap::new()))).collect();
    ApplyReport { outcomes, ..partial() }
}
