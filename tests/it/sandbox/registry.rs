//! The registries outside ECR, seen through the client that the product uses.

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::OciManifest;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use serde_json::{Value, json};

use super::super::account::block;
use super::super::harness::World;

/// A client that finds every registry at the sandbox.
fn client() -> Client {
    // The client is built without a provider of its own; all but the first installation are refused, rightly.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new(ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() })
}

/// A reference whose registry is the sandbox, as the product rewrites it.
fn reference(image: &str) -> Reference {
    let mut reference: Reference = image.parse().unwrap();
    reference.set_mirror_registry(World::aws_endpoint().strip_prefix("http://").unwrap().to_owned());
    reference
}

/// Pushes an image; its digest. The registries belong to all tests: every test has repositories of its own.
fn push(image: &Value) -> String {
    World::control_of_all("POST", "registry/images", image)["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_public_image_is_pulled_by_tag_and_digest_with_an_anonymous_token() {
    let platforms = ["linux/amd64", "linux/arm64"];
    let digest = push(&json!({"repository": "multi", "tag": "1", "platforms": platforms}));
    block(async {
        let (client, tagged) = (client(), reference("multi:1"));
        let (manifest, found) = client.pull_manifest(&tagged, &RegistryAuth::Anonymous).await.unwrap();
        assert_eq!(found, digest);
        let OciManifest::ImageIndex(index) = manifest else { panic!("{manifest:?}") };
        let seen: Vec<String> = index
            .manifests
            .iter()
            .map(|one| one.platform.as_ref().unwrap())
            .map(|one| format!("{}/{}", one.os, one.architecture))
            .collect();
        assert_eq!(seen, platforms);
        let head = client.fetch_manifest_digest(&tagged, &RegistryAuth::Anonymous).await.unwrap();
        assert_eq!(head, digest);

        let child = reference(&format!("library/multi@{}", index.manifests[1].digest));
        let (_, own, config) =
            client.pull_manifest_and_config(&child, &RegistryAuth::Anonymous).await.unwrap();
        assert_eq!(own, index.manifests[1].digest);
        let config: Value = serde_json::from_str(&config).unwrap();
        assert_eq!((&config["os"], &config["architecture"]), (&json!("linux"), &json!("arm64")));
    });
    let again = push(&json!({"repository": "multi", "tag": "1", "platforms": platforms}));
    assert_ne!(again, digest, "a push without content is a new image");
}

#[test]
fn hosts_are_told_apart_by_the_query_and_found_by_name_without_it() {
    let one = push(&json!({"host": "ghcr.io", "repository": "octo/apart", "tag": "1"}));
    let two = push(&json!({"host": "quay.io", "repository": "octo/apart", "tag": "1"}));
    assert_ne!(one, two);
    block(async {
        let digest = async |image: &str| {
            client().fetch_manifest_digest(&reference(image), &RegistryAuth::Anonymous).await.unwrap()
        };
        assert_eq!(digest("ghcr.io/octo/apart:1").await, one);
        assert_eq!(digest("quay.io/octo/apart:1").await, two);
        let address = World::aws_endpoint().strip_prefix("http://").unwrap().to_owned();
        let direct: Reference = format!("{address}/octo/apart:1").parse().unwrap();
        let found = client().fetch_manifest_digest(&direct, &RegistryAuth::Anonymous).await.unwrap();
        assert!([one, two].contains(&found));
    });
}

#[test]
fn a_private_image_needs_its_own_credentials() {
    let login = json!({"user": "robot", "password": "s3cret"});
    let digest = push(&json!({"repository": "octo/private", "tag": "1", "private": login}));
    let pull = |auth: RegistryAuth| {
        block(async { client().fetch_manifest_digest(&reference("octo/private:1"), &auth).await })
    };
    let basic = |password: &str| RegistryAuth::Basic("robot".into(), password.into());
    assert_eq!(pull(basic("s3cret")).unwrap(), digest);
    for auth in [RegistryAuth::Anonymous, basic("wrong")] {
        let refused = pull(auth).unwrap_err();
        assert!(matches!(refused, OciDistributionError::UnauthorizedError { .. }), "{refused}");
    }
}

#[test]
fn what_does_not_exist_is_unknown_but_docker_hub_asks_for_a_login() {
    push(&json!({"host": "ghcr.io", "repository": "octo/known", "tag": "1"}));
    let refusal = |image: &str| {
        let pulled =
            block(async { client().pull_manifest(&reference(image), &RegistryAuth::Anonymous).await });
        pulled.unwrap_err().to_string()
    };
    assert!(refusal("ghcr.io/octo/known:2").contains("manifest unknown"));
    assert!(refusal("ghcr.io/octo/unknown:1").contains("repository name not known to registry"));
    assert!(refusal("octo/unknown:1").contains("Not authorized"));
}

#[test]
fn the_rate_limit_is_for_those_without_an_account() {
    let login = json!({"user": "robot", "password": "s3cret"});
    push(&json!({"repository": "octo/busy", "tag": "1", "rate_limited": true}));
    let pulled = block(async {
        client().pull_manifest(&reference("octo/busy:1"), &RegistryAuth::Anonymous).await.unwrap_err()
    });
    assert!(pulled.to_string().contains("pull rate limit"), "{pulled}");
    let digest =
        push(&json!({"repository": "octo/calm", "tag": "1", "private": login, "rate_limited": true}));
    let auth = RegistryAuth::Basic("robot".into(), "s3cret".into());
    let found = block(async { client().fetch_manifest_digest(&reference("octo/calm:1"), &auth).await });
    assert_eq!(found.unwrap(), digest);
}

#[test]
fn the_recorder_knows_what_was_asked_of_a_registry() {
    push(&json!({"host": "registry.example.com", "repository": "octo/seen", "tag": "1"}));
    block(async {
        let image = reference("registry.example.com/octo/seen:1");
        client().fetch_manifest_digest(&image, &RegistryAuth::Anonymous).await.unwrap();
    });
    let path = "calls?source=registry&account=registry.example.com";
    let calls = World::control_of_all("GET", path, &Value::Null);
    let seen: Vec<(&str, &str)> = calls
        .as_array()
        .unwrap()
        .iter()
        .map(|call| (call["operation"].as_str().unwrap(), call["result"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [("HEAD manifests", "ok")]);
}
