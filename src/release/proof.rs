//! Which images a finished deployment runs, and whether they are those that it was to run. Pure.
//!
//! The service revision is the proof: ECS resolves each tag once, when the deployment begins, and all of its tasks run that digest
//! (`ServiceRevision.containerImages`). For an image of several platforms a task may report the digest of its own platform instead
//! of the index that the revision pins. So a digest of a task proves only when it is the expected one, and never disproves.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ServiceRevision, Task};

use super::calls::images;

/// What is known of the images.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Container → digest; what is not proved is left out.
    pub digests: BTreeMap<String, String>,
    /// Containers that run another image than expected: container → (expected, running).
    pub others: BTreeMap<String, (String, String)>,
}

/// From the service revision.
pub fn of_revision(revision: &ServiceRevision, expected: &BTreeMap<String, String>) -> Proof {
    let mut proof = Proof::default();
    for (container, image) in images(revision) {
        let pinned = image.image().and_then(|image| image.split_once('@')).map(|(_, digest)| digest);
        let resolved = image.image_digest().filter(|digest| !digest.is_empty());
        let Some(digest) = pinned.or(resolved) else { continue };
        match expected.get(&container) {
            // A pinned image is what its digest says: the registry serves, and Fargate checks, by content.
            Some(wanted) if wanted != digest && resolved != Some(wanted) => {
                proof.others.insert(container.clone(), (wanted.clone(), digest.to_owned()));
            }
            _ => {}
        }
        proof.digests.insert(container, digest.to_owned());
    }
    proof
}

/// From running tasks, where ECS has no service revision.
pub fn of_tasks<'a>(tasks: impl Iterator<Item = &'a Task>, expected: &BTreeMap<String, String>) -> Proof {
    let mut seen: BTreeMap<String, Option<String>> = BTreeMap::new();
    for container in tasks.flat_map(Task::containers) {
        let (Some(name), digest) = (container.name(), container.image_digest()) else { continue };
        let one = seen.entry(name.to_owned()).or_insert_with(|| digest.map(str::to_owned));
        if one.as_deref() != digest {
            *one = None;
        }
    }
    let fits = |name: &String, digest: &String| expected.get(name).is_none_or(|wanted| wanted == digest);
    let digests = seen.into_iter().filter_map(|(name, digest)| Some((name, digest?)));
    Proof { digests: digests.filter(|(name, digest)| fits(name, digest)).collect(), ..Proof::default() }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Container, ContainerImage};

    use super::*;

    fn revision(image: &str, digest: &str) -> ServiceRevision {
        let image = ContainerImage::builder().container_name("web").image(image).image_digest(digest);
        ServiceRevision::builder().container_images(image.build()).build()
    }

    fn expected(digest: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("web".to_owned(), digest.to_owned())])
    }

    #[test]
    fn the_digest_of_the_revision_proves_and_another_one_is_named() {
        let good = of_revision(&revision("shop/web:1", "sha256:a"), &expected("sha256:a"));
        assert_eq!((good.digests, good.others.len()), (expected("sha256:a"), 0));
        let bad = of_revision(&revision("shop/web:1", "sha256:b"), &expected("sha256:a"));
        let other = ("sha256:a".to_owned(), "sha256:b".to_owned());
        assert_eq!(bad.others, BTreeMap::from([("web".to_owned(), other.clone())]));
        let pinned = of_revision(&revision("shop/web@sha256:b", "sha256:b"), &expected("sha256:a"));
        assert_eq!(pinned.others, BTreeMap::from([("web".to_owned(), other)]));
    }

    #[test]
    fn a_pinned_index_is_proved_although_ecs_reports_the_digest_of_the_platform() {
        let proof =
            of_revision(&revision("shop/web@sha256:index", "sha256:arm64"), &expected("sha256:index"));
        assert_eq!((proof.digests, proof.others.len()), (expected("sha256:index"), 0));
    }

    #[test]
    fn what_was_not_expected_is_told_and_what_ecs_does_not_tell_is_unproved() {
        let proof = of_revision(&revision("shop/web:1", "sha256:a"), &BTreeMap::new());
        assert_eq!(proof.digests, expected("sha256:a"));
        let unknown = of_revision(&revision("shop/web:1", ""), &expected("sha256:a"));
        assert_eq!(unknown, Proof::default());
    }

    #[test]
    fn a_task_proves_what_is_expected_and_disproves_nothing() {
        let task = |digest: &str| {
            Task::builder().containers(Container::builder().name("web").image_digest(digest).build()).build()
        };
        let proof = |tasks: &[Task]| of_tasks(tasks.iter(), &expected("sha256:a"));
        assert_eq!(proof(&[task("sha256:a"), task("sha256:a")]).digests, expected("sha256:a"));
        assert_eq!(proof(&[task("sha256:b")]), Proof::default());
        assert_eq!(proof(&[task("sha256:a"), task("sha256:b")]), Proof::default());
    }
}
