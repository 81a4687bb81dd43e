//! ECR: archived images, immutable tags, builds that still push; and the health of targets.

use std::time::Duration;

use aws_sdk_ecr::Client as Ecr;
use aws_sdk_ecr::types::{
    DescribeImagesFilter, ImageIdentifier, ImageStatus, ImageStatusFilter, ImageTagMutability,
};
use serde_json::{Value, json};

use super::super::account::block;
use super::{Bench, assert_refused, control};

/// Pushes an image of the repository `app`; its digest.
fn push(bench: &Bench, mut image: Value) -> String {
    image["account"] = json!(bench.world.account);
    image["repository"] = json!("app");
    bench.world.control("POST", "ecr/images", &image)["digest"].as_str().unwrap().to_owned()
}

fn tag(name: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(name).build()
}

#[test]
fn an_archived_image_can_be_described_but_not_pulled_until_it_is_pushed_again() {
    block(async {
        let bench = Bench::empty();
        let ecr = Ecr::new(&bench.config);
        let digest = push(&bench, json!({"tag": "old", "content": "1", "status": "archived"}));
        push(&bench, json!({"tag": "new", "content": "2"}));
        let describe = || ecr.describe_images().repository_name("app");
        let named = describe().image_ids(tag("old")).send().await.unwrap();
        let image = &named.image_details()[0];
        assert_eq!(
            (image.image_digest(), image.image_status()),
            (Some(&*digest), Some(&ImageStatus::Archived))
        );
        assert!(image.last_archived_at().is_some());
        let listed = describe().send().await.unwrap();
        assert_eq!(listed.image_details().len(), 1, "a listing has active images");
        assert_eq!(listed.image_details()[0].image_status(), Some(&ImageStatus::Active));
        let filter = DescribeImagesFilter::builder().image_status(ImageStatusFilter::Archived).build();
        let listed = describe().filter(filter).send().await.unwrap();
        assert_eq!(listed.image_details()[0].image_digest(), Some(&*digest));
        let pull = || ecr.batch_get_image().repository_name("app").image_ids(tag("old"));
        let pulled = pull().send().await.unwrap();
        assert!(pulled.images().is_empty());
        assert_eq!(pulled.failures()[0].failure_code().unwrap().as_str(), "ImageNotFound");

        push(&bench, json!({"tag": "old", "content": "1"}));
        assert_eq!(pull().send().await.unwrap().images().len(), 1);
    });
}

#[test]
fn an_immutable_tag_stays_on_its_image() {
    block(async {
        let bench = Bench::empty();
        let ecr = Ecr::new(&bench.config);
        let first = push(&bench, json!({"tag": "1", "content": "1"}));
        let settings = ecr.put_image_tag_mutability().repository_name("app");
        settings.image_tag_mutability(ImageTagMutability::Immutable).send().await.unwrap();
        let again = json!({"account": bench.world.account, "repository": "app", "tag": "1", "content": "2"});
        let (status, said) = control("ecr/images", &again);
        assert_eq!(status, 409, "{said}");
        let pulled = ecr.batch_get_image().repository_name("app").image_ids(tag("1")).send().await.unwrap();
        assert_eq!(pulled.images()[0].image_id().unwrap().image_digest(), Some(&*first));
        let other =
            pulled.images()[0].image_manifest().unwrap().replace(' ', "").replace("\"size\":", "\"size\": ");
        let put = ecr.put_image().repository_name("app").image_manifest(other).image_tag("1").send().await;
        assert_refused(put, "ImageTagAlreadyExistsException: The image tag '1' already exists");
        let repository = ecr.describe_repositories().repository_names("app").send().await.unwrap();
        assert_eq!(repository.repositories()[0].image_tag_mutability(), Some(&ImageTagMutability::Immutable));
    });
}

#[test]
fn a_tag_moves_and_the_image_that_had_it_stays() {
    block(async {
        let bench = Bench::empty();
        let ecr = Ecr::new(&bench.config);
        let first = push(&bench, json!({"tag": "latest", "content": "1"}));
        let second = push(&bench, json!({"tag": "latest", "content": "2"}));
        let by = |id: ImageIdentifier| ecr.describe_images().repository_name("app").image_ids(id).send();
        assert_eq!(by(tag("latest")).await.unwrap().image_details()[0].image_digest(), Some(&*second));
        let old = by(ImageIdentifier::builder().image_digest(&first).build()).await.unwrap();
        assert!(old.image_details()[0].image_tags().is_empty());
    });
}

#[test]
fn an_image_that_is_still_being_pushed_appears_later() {
    block(async {
        let bench = Bench::empty();
        let ecr = Ecr::new(&bench.config);
        push(&bench, json!({"tag": "old"}));
        let digest = push(&bench, json!({"tag": "new", "delay_s": 1.0}));
        let find = || ecr.describe_images().repository_name("app").image_ids(tag("new")).send();
        assert_refused(find().await, "ImageNotFoundException");
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(find().await.unwrap().image_details()[0].image_digest(), Some(&*digest));
    });
}

#[test]
fn a_lifecycle_policy_is_read_back() {
    block(async {
        let bench = Bench::empty();
        let ecr = Ecr::new(&bench.config);
        push(&bench, json!({"tag": "1"}));
        let get = || ecr.get_lifecycle_policy().repository_name("app").send();
        assert_refused(get().await, "LifecyclePolicyNotFoundException");
        let rule = json!({"rulePriority": 1, "selection": {
            "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}, "action": {"type": "expire"}});
        let text = json!({"rules": [rule]}).to_string();
        let put = ecr.put_lifecycle_policy().repository_name("app").lifecycle_policy_text(&text);
        put.send().await.unwrap();
        assert_eq!(get().await.unwrap().lifecycle_policy_text(), Some(&*text));
    });
}
